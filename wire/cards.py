"""Card formats: what stands on the wire ⇄ the one canonical value of a card. Pure.

The canonical value is the number as printed on the card, in decimal, zero-padded to 10 digits: RDM6300's
`0063E9AE` is `0006547886`. The 24 data bits of Wiegand 26 (facility code, card number) give the same number.
"""

import re
from enum import StrEnum

import attrs

from wire.checksums import ByteOrder

CARD_DIGITS = 10
FACILITY_SHIFT = 16
"""A facility code stands above the 16 bits of its card number, as in Wiegand 26."""
_DECIMAL = re.compile(r"[0-9]{1,20}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){1,8}")
_HEX_OF_DIGITS = re.compile(r"(?:3[0-9]){1,20}")
_TEXT = re.compile(r"[!-~]{1,64}")


class CardFormat(StrEnum):
    """How a card's number stands in its field."""

    DECIMAL = "decimal"
    """Decimal digits: text of a line, or two to a byte in a frame (BCD)."""
    DECIMAL_ASCII = "decimal-ascii"
    """Decimal digits in a binary frame, each a byte from 30 to 39."""
    HEX = "hex"
    """The raw number, the highest byte first."""
    HEX_LITTLE = "hex-little"
    """The raw number, the lowest byte first."""
    WIEGAND_26 = "wiegand-26"
    WIEGAND_34 = "wiegand-34"
    WIEGAND_37 = "wiegand-37"
    """Bits between two parity bits: even over the first half, odd over the second."""

    @property
    def wiegand_bits(self) -> int:
        """How many bits a Wiegand format has, both parity bits included; 0 for the others."""
        return int(self.removeprefix("wiegand-")) if self.startswith("wiegand-") else 0


class Align(StrEnum):
    """Where Wiegand bits lie in bytes that have room for more."""

    RIGHT = "right"
    LEFT = "left"


@attrs.frozen
class CardNumber:
    """What else tells how a card's number stands in its field; the defaults are the usual case."""

    bits: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.in_(range(8, 65)))
    )
    """The width that counts: higher bits are dropped, so that a reader of 32 bits and one of 24 say the same."""
    align: Align = Align.RIGHT
    order: ByteOrder = "big"
    """Of the bytes of Wiegand bits."""


USUAL = CardNumber()


def canonical(form: CardFormat, text: str, number: CardNumber = USUAL, facility: str | None = None) -> str:
    """Return the canonical value of a card's field; ValueError when the text is not of that form.

    `facility`: the text of a facility code in a field of its own, of the same form.
    """
    value = _number(form, text, number)
    if facility is not None:
        if value >> FACILITY_SHIFT:
            raise ValueError(f"the card number beside a facility code has more than {FACILITY_SHIFT} bits")
        value |= _number(form, facility, number) << FACILITY_SHIFT
    if number.bits is not None:
        value &= (1 << number.bits) - 1
    return str(value).zfill(CARD_DIGITS)


def _number(form: CardFormat, text: str, number: CardNumber) -> int:
    allowed = {CardFormat.DECIMAL: _DECIMAL, CardFormat.DECIMAL_ASCII: _HEX_OF_DIGITS}.get(form, _HEX)
    if not allowed.fullmatch(text):
        raise ValueError(f"the card number is not {form}")
    match form:
        case CardFormat.DECIMAL:
            return int(text)
        case CardFormat.DECIMAL_ASCII:
            return int(bytes.fromhex(text))
        case CardFormat.HEX:
            return int(text, 16)
        case CardFormat.HEX_LITTLE:
            return int.from_bytes(bytes.fromhex(text), "little")
        case _:
            return _from_wiegand(form.wiegand_bits, bytes.fromhex(text), number)


def written(form: CardFormat, value: str, size: int, number: CardNumber = USUAL) -> str:
    """Return the field text of a canonical value; `size` is the field's bytes, 0 in a line. ValueError when it does not fit."""
    if not _DECIMAL.fullmatch(value):
        raise ValueError("a card's canonical value is decimal digits")
    try:
        match form:
            case CardFormat.DECIMAL:
                return _digits(value, 2 * size) if size else value
            case CardFormat.DECIMAL_ASCII:
                return _digits(value, size).encode("ascii").hex().upper()
            case CardFormat.HEX | CardFormat.HEX_LITTLE:
                return int(value).to_bytes(size, "big" if form is CardFormat.HEX else "little").hex().upper()
            case _:
                return _to_wiegand(form.wiegand_bits, int(value), size, number).hex().upper()
    except OverflowError:
        raise ValueError(f"the card number does not fit into {size} bytes") from None


def _digits(value: str, places: int) -> str:
    if len(digits := str(int(value)).zfill(places)) > places:
        raise OverflowError
    return digits


def _halves(bits: int) -> int:
    """How many bits each parity covers, itself included; of an odd number the middle bit is in both."""
    return (bits + 1) // 2


def _from_wiegand(bits: int, content: bytes, number: CardNumber) -> int:
    spare = 8 * len(content) - bits
    if spare < 0:
        raise ValueError(f"{len(content)} bytes have no room for the {bits} bits of Wiegand {bits}")
    whole = int.from_bytes(content, number.order)
    if number.align is Align.LEFT:
        whole >>= spare
    elif whole >> bits:
        raise ValueError(f"bits are set beside the {bits} of Wiegand {bits}: is it aligned left?")
    half = _halves(bits)
    if (whole >> (bits - half)).bit_count() % 2 or not (whole & (1 << half) - 1).bit_count() % 2:
        raise ValueError(f"the parity of Wiegand {bits} does not fit")
    return (whole >> 1) & ((1 << (bits - 2)) - 1)


def _to_wiegand(bits: int, value: int, size: int, number: CardNumber) -> bytes:
    if value >> (bits - 2):
        raise ValueError(f"the card number does not fit into the {bits - 2} bits of Wiegand {bits}")
    if 8 * size < bits:
        raise OverflowError
    half, whole = _halves(bits), value << 1
    whole |= ((whole >> (bits - half)).bit_count() % 2) << (bits - 1)
    whole |= 1 - (whole & (1 << half) - 1).bit_count() % 2
    if number.align is Align.LEFT:
        whole <<= 8 * size - bits
    return whole.to_bytes(size, number.order)


def with_facility(value: str) -> tuple[str, str]:
    """Return the facility code and the card number that a canonical value is made of; the counterpart of `canonical`'s."""
    return str(int(value) >> FACILITY_SHIFT), str(int(value) & (1 << FACILITY_SHIFT) - 1)


def person(text: str) -> str:
    """Return the canonical value of a face (a person number, case folded); ValueError unless 1-64 visible characters."""
    return code(text).upper()


def code(text: str) -> str:
    """Return the value of a scanned code as it is; ValueError unless 1-64 visible ASCII characters."""
    if not _TEXT.fullmatch(text):
        raise ValueError("the value is not 1 to 64 visible characters")
    return text
