"""Card formats: what stands on the wire ⇄ the one canonical value of a card. Pure.

The canonical value is the number as printed on the card, in decimal, zero-padded to 10 digits: RDM6300's
`0063E9AE` is `0006547886`. The 24 data bits of Wiegand 26 (facility code, card number) give the same number.
"""

import re
from enum import StrEnum

CARD_DIGITS = 10
_DECIMAL = re.compile(r"[0-9]{1,20}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){1,8}")
_TEXT = re.compile(r"[!-~]{1,64}")


class CardFormat(StrEnum):
    """How a card's number stands in its field."""

    DECIMAL = "decimal"
    HEX = "hex"
    """Hexadecimal, the highest byte first."""
    HEX_LITTLE = "hex-little"
    """Hexadecimal, the lowest byte first."""


def canonical(form: CardFormat, text: str) -> str:
    """Return the canonical value of a card's field; ValueError when the text is not of that form."""
    if not (_DECIMAL if form is CardFormat.DECIMAL else _HEX).fullmatch(text):
        raise ValueError(f"the card number is not {form}")
    match form:
        case CardFormat.DECIMAL:
            number = int(text)
        case CardFormat.HEX:
            number = int(text, 16)
        case CardFormat.HEX_LITTLE:
            number = int.from_bytes(bytes.fromhex(text), "little")
    return str(number).zfill(CARD_DIGITS)


def written(form: CardFormat, value: str, size: int) -> str:
    """Return the field text of a canonical value; `size` is the field's bytes. ValueError when it does not fit."""
    if not _DECIMAL.fullmatch(value):
        raise ValueError("a card's canonical value is decimal digits")
    if form is CardFormat.DECIMAL:
        return value
    try:
        return int(value).to_bytes(size, "big" if form is CardFormat.HEX else "little").hex().upper()
    except OverflowError:
        raise ValueError(f"the card number does not fit into {size} bytes") from None


def person(text: str) -> str:
    """Return the canonical value of a face (a person number, case folded); ValueError unless 1-64 visible characters."""
    return code(text).upper()


def code(text: str) -> str:
    """Return the value of a scanned code as it is; ValueError unless 1-64 visible ASCII characters."""
    if not _TEXT.fullmatch(text):
        raise ValueError("the value is not 1 to 64 visible characters")
    return text
