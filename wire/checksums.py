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
    CRC16_ARC = "crc16-arc"
    """Polynomial 8005 reflected (A001), initial 0000: ZKTeco C3 panels."""
    CRC16_MODBUS = "crc16-modbus"
    """Polynomial 8005 reflected (A001), initial FFFF."""
    CRC16_AUG_CCITT = "crc16-aug-ccitt"
    """Polynomial 1021, initial 1D0F, not reflected: OSDP."""

    @property
    def size(self) -> int:
        """How many check bytes there are."""
        return 2 if self.name.startswith("CRC16") else 1


def _crc16_reflected(data: bytes, initial: int) -> int:
    register = initial
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


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
        case ChecksumKind.CRC16_ARC:
            value = _crc16_reflected(data, 0)
        case ChecksumKind.CRC16_MODBUS:
            value = _crc16_reflected(data, 0xFFFF)
        case ChecksumKind.CRC16_AUG_CCITT:
            value = _crc16_ccitt(data, 0x1D0F)
    return value.to_bytes(kind.size, order)
