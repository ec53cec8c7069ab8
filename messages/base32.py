"""Crockford base32 over whole numbers of bits: upper case out, either case in, nothing else accepted."""

from messages.errors import MessageError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Both cases are listed: str.upper() would let foreign letters through and make two characters of one ("ß").
_VALUES = {form: value for value, character in enumerate(ALPHABET) for form in (character, character.lower())}
BITS_PER_CHAR = 5
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
"""Two characters at once: ids are made for every row."""


def encode(number: int, chars: int) -> str:
    """Return `number` as exactly `chars` characters, most significant first."""
    if not 0 <= number < 1 << (BITS_PER_CHAR * chars):
        raise MessageError(f"{number} does not fit in {chars} base32 characters")
    pairs = []
    for _ in range((chars + 1) // 2):
        pairs.append(_PAIRS[number & 1023])
        number >>= 2 * BITS_PER_CHAR
    return "".join(reversed(pairs))[-chars:] if chars else ""


def decode(text: str) -> int:
    """Return the number that `text` stands for; MessageError for a character outside the alphabet."""
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise MessageError(f"{character!r} is not a base32 character")
        number = number << BITS_PER_CHAR | value
    return number
