"""OSDP's commands and replies: what their code and data bytes mean. Pure. Only what a panel of ours says or hears is here."""

from collections.abc import Mapping
from enum import IntEnum

import attrs

from messages.access import Credential, CredentialKind
from wire.cards import Align, CardFormat, CardNumber, canonical

MAX_CARD_BITS = 512
TENTHS = 10
"""Times on the wire are tenths of a second."""


class Command(IntEnum):
    """What a panel says."""

    POLL = 0x60
    ID = 0x61
    CAP = 0x62
    LSTAT = 0x64
    ISTAT = 0x65
    OUT = 0x68
    LED = 0x69
    BUZ = 0x6A
    KEYSET = 0x75
    CHLNG = 0x76
    SCRYPT = 0x77


class Reply(IntEnum):
    """What a device says."""

    ACK = 0x40
    NAK = 0x41
    PDID = 0x45
    PDCAP = 0x46
    LSTATR = 0x48
    ISTATR = 0x49
    OSTATR = 0x4A
    RAW = 0x50
    FMT = 0x51
    KEYPAD = 0x53
    CCRYPT = 0x76
    RMAC_I = 0x78
    BUSY = 0x79


class Nak(IntEnum):
    """Why a device does not do what it was told."""

    CHECK = 1
    LENGTH = 2
    UNKNOWN = 3
    SEQUENCE = 4
    NO_SECURITY = 5
    NEEDS_SECURITY = 6
    BIO_TYPE = 7
    BIO_FORMAT = 8
    RECORD = 9


NAK_WORDS = {
    Nak.CHECK: "its check bytes did not fit",
    Nak.LENGTH: "its length is wrong",
    Nak.UNKNOWN: "the device does not know it",
    Nak.SEQUENCE: "its sequence number is not the next one",
    Nak.NO_SECURITY: "the device does not take this security block",
    Nak.NEEDS_SECURITY: "the device needs a new session",
    Nak.BIO_TYPE: "the device does not know this kind of finger",
    Nak.BIO_FORMAT: "the device does not know this format of finger",
    Nak.RECORD: "the device cannot do it with these values",
}


class Capability(IntEnum):
    """What a device says it can do: function codes of PDCAP."""

    INPUTS = 1
    OUTPUTS = 2
    LEDS = 4
    SOUND = 5
    SECURITY = 9


def nak_text(data: bytes) -> str:
    """Return why, in words."""
    code = data[0] if data else 0
    return NAK_WORDS[Nak(code)] if code in set(Nak) else f"error {code}"


@attrs.frozen
class CardRule:
    """How the bits of a card become the canonical number, where they are no Wiegand format with parity."""

    raw: CardFormat = CardFormat.HEX
    """`hex` or `hex-little`."""
    bits: int | None = None
    """Only the lowest so many count."""
    text: CardFormat = CardFormat.DECIMAL
    """Of readers that send characters: `decimal` or `hex`."""


_WIEGAND = {form.wiegand_bits: form for form in CardFormat if form.wiegand_bits}
_RAW_HEADER, _RAW_WIEGAND = 4, 1


def raw_card(data: bytes, rule: CardRule) -> Credential:
    """Return the card of a RAW reply: reader, format, bit count (LE16), bits from the left. ValueError when it is none.

    A count of 26, 34 or 37 whose parity fits is a Wiegand card. Said to be one (format 1), its parity must fit.
    """
    if len(data) < _RAW_HEADER:
        raise ValueError("a card without its header")
    count, bits = int.from_bytes(data[2:4], "little"), data[_RAW_HEADER:]
    if not 0 < count <= MAX_CARD_BITS or len(bits) != -(-count // 8):
        raise ValueError(f"a card of {count} bits in {len(bits)} bytes")
    value = int.from_bytes(bits, "big") >> (8 * len(bits) - count)
    whole = value.to_bytes(len(bits), "big").hex()
    if form := _WIEGAND.get(count):
        try:
            return _card(canonical(form, whole, CardNumber(align=Align.RIGHT)))
        except ValueError:
            if data[1] == _RAW_WIEGAND:
                raise
    return _card(canonical(rule.raw, whole, CardNumber(bits=rule.bits)))


def text_card(data: bytes, rule: CardRule) -> Credential:
    """Return the card of an FMT reply: reader, direction of the swipe (1: backwards), count, characters. ValueError likewise."""
    if len(data) < _RAW_HEADER or len(data) != data[2] + 3:
        raise ValueError("the characters of a card are not as many as it says")
    text = data[3:].decode("ascii", "strict")
    if data[1] == 1:
        text = text[::-1]
    return _card(canonical(rule.text, text.strip(), CardNumber(bits=rule.bits)))


def _card(value: str) -> Credential:
    return Credential(CredentialKind.CARD, value)


def capabilities(data: bytes) -> Mapping[int, tuple[int, int]]:
    """Return function code → (compliance, number of items) of a PDCAP reply."""
    return {data[at]: (data[at + 1], data[at + 2]) for at in range(0, len(data) - 2, 3)}


@attrs.frozen
class Identity:
    """What a device says of itself (PDID)."""

    vendor: str
    model: int
    version: int
    serial: int
    firmware: str


def identity(data: bytes) -> Identity:
    """Return the content of a PDID reply; ValueError when it is not 12 bytes."""
    if len(data) != 12:  # noqa: PLR2004 - the standard's own size
        raise ValueError(f"an identity of {len(data)} bytes")
    firmware = ".".join(str(part) for part in data[9:12])
    return Identity(data[0:3].hex().upper(), data[3], data[4], int.from_bytes(data[5:9], "little"), firmware)


# ---- what a panel tells a device to do: the data bytes of OUT, LED, BUZ, KEYSET -------------------------------------------


_OUT_FOR_A_TIME = 5
_SET, _KEEP = 2, 0
GREEN, RED = 2, 1
_BEEP = 2


def out(number: int, seconds: float) -> bytes:
    """Return the data of OUT: switch an output on, and off again by itself."""
    return bytes([number, _OUT_FOR_A_TIME]) + max(1, round(seconds * TENTHS)).to_bytes(2, "little")


def led(number: int, colour: int, seconds: float, *, blinking: bool = False) -> bytes:
    """Return the data of LED: a colour for a time, then what was before."""
    on, off = (2, 2) if blinking else (10, 0)
    temporary = bytes([_SET, on, off, colour, 0]) + max(1, round(seconds * TENTHS)).to_bytes(2, "little")
    return bytes([0, number]) + temporary + bytes([_KEEP, 0, 0, 0, 0])


def buzzer(times: int) -> bytes:
    """Return the data of BUZ: so many short sounds."""
    return bytes([0, _BEEP, 1, 1, times])


def keyset(key: bytes) -> bytes:
    """Return the data of KEYSET: the device's own key (SCBK)."""
    return bytes([1, len(key)]) + key
