"""Checksums of serial frames: bytes in, check bytes out. Pure; which bytes are covered is the description's business."""

from enum import StrEnum
from functools import reduce
from operator import xor
from typing import Literal

ByteOrder = Literal["big", "little"]


class ChecksumKind(StrEnum):
    """The sums that turnstile boards, readers and Modbus devices use."""

    XOR = "xor"
    SUM = "sum"
    """Sum modulo 256."""
    TWOS_COMPLEMENT = "twos-complement"
    """What makes the sum of all bytes, check byte included, a multiple of 256."""
    ONES_COMPLEMENT = "ones-complement"
    """The sum modulo 256 with every bit turned."""
    CRC16_ARC = "crc16-arc"
    """Polynomial 8005 reflected (A001), initial 0000: ZKTeco C3 panels."""
    CRC16_MODBUS = "crc16-modbus"
    """Polynomial 8005 reflected (A001), initial FFFF."""
    CRC16_AUG_CCITT = "crc16-aug-ccitt"
    """Polynomial 1021, initial 1D0F, not reflected: OSDP."""
    CRC16_CCITT_FALSE = "crc16-ccitt-false"
    """Polynomial 1021, initial FFFF, not reflected: what most manuals mean by "CCITT"."""
    CRC16_XMODEM = "crc16-xmodem"
    """Polynomial 1021, initial 0000, not reflected."""
    CRC16_KERMIT = "crc16-kermit"
    """Polynomial 1021 reflected (8408), initial 0000."""
    CRC16_X25 = "crc16-x25"
    """Polynomial 1021 reflected (8408), initial FFFF, every bit turned at the end."""

    @property
    def size(self) -> int:
        """How many check bytes there are."""
        return 2 if self.name.startswith("CRC16") else 1


_REFLECTED = {
    ChecksumKind.CRC16_ARC: (0xA001, 0x0000, 0x0000),
    ChecksumKind.CRC16_MODBUS: (0xA001, 0xFFFF, 0x0000),
    ChecksumKind.CRC16_KERMIT: (0x8408, 0x0000, 0x0000),
    ChecksumKind.CRC16_X25: (0x8408, 0xFFFF, 0xFFFF),
}
"""Polynomial, initial value, what is turned at the end."""
_CCITT = {
    ChecksumKind.CRC16_AUG_CCITT: 0x1D0F,
    ChecksumKind.CRC16_CCITT_FALSE: 0xFFFF,
    ChecksumKind.CRC16_XMODEM: 0x0000,
}


def _crc16_reflected(data: bytes, polynomial: int, initial: int, turned: int) -> int:
    register = initial
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (polynomial if register & 1 else 0)
    return register ^ turned


def _crc16_ccitt(data: bytes, initial: int) -> int:
    register = initial
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ (0x1021 if register & 0x8000 else 0)) & 0xFFFF
    return register


def checksum(kind: ChecksumKind, data: bytes, order: ByteOrder = "big") -> bytes:
    """Return the check bytes of `data`; `order` matters to the two-byte kinds only."""
    match kind:
        case ChecksumKind.XOR:
            value = reduce(xor, data, 0)
        case ChecksumKind.SUM:
            value = sum(data) & 0xFF
        case ChecksumKind.TWOS_COMPLEMENT:
            value = -sum(data) & 0xFF
        case ChecksumKind.ONES_COMPLEMENT:
            value = ~sum(data) & 0xFF
        case _ if kind in _REFLECTED:
            value = _crc16_reflected(data, *_REFLECTED[kind])
        case _:
            value = _crc16_ccitt(data, _CCITT[kind])
    return value.to_bytes(kind.size, order)
