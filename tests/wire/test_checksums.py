"""Check bytes against vectors of specifications, manuals and captures that were recomputed by hand."""

import pytest

from wire.checksums import ChecksumKind, checksum

VECTORS = [
    ("xor", "010063E9AE", "25"),  # RDM6300: printed number 0006547886
    ("xor", "EB014000", "AA"),  # EB tripod board, open left
    ("xor", "EB014100", "AB"),  # open right
    ("xor", "0203004C48", "05"),  # Digicon Tx1500
    ("sum", "FF0203", "04"),
    ("twos-complement", "53000800000061 00".replace(" ", ""), "44"),
    ("twos-complement", "00", "00"),
    ("crc16-arc", "010B0400D2FE183B", "69D3"),  # ZKTeco C3 panel
    ("crc16-modbus", "010300000002", "C40B"),
    ("crc16-aug-ccitt", "53000900046100", "C066"),  # OSDP, Annex E
    ("crc16-aug-ccitt", "537F0D00046E0080250000", "6E38"),
    ("crc16-aug-ccitt", "53851000055000011A000130B9C0", "A7EC"),  # a captured card read
]

# The catalogue's check values: each over the digits 123456789.
CHECK_VALUES = [
    ("crc16-arc", "BB3D"),
    ("crc16-modbus", "4B37"),
    ("crc16-aug-ccitt", "E5CC"),
    ("crc16-ccitt-false", "29B1"),
    ("crc16-xmodem", "31C3"),
    ("crc16-kermit", "2189"),
    ("crc16-x25", "906E"),
    ("ones-complement", "22"),
]


@pytest.mark.parametrize(("kind", "expected"), CHECK_VALUES)
def test_check_value(kind, expected):
    assert checksum(ChecksumKind(kind), b"123456789").hex().upper() == expected


@pytest.mark.parametrize(("kind", "covered", "expected"), VECTORS)
def test_vector(kind, covered, expected):
    assert checksum(ChecksumKind(kind), bytes.fromhex(covered), "little").hex().upper() == expected


def test_the_byte_order_is_the_descriptions():
    low_first = checksum(ChecksumKind.CRC16_MODBUS, b"123456789", "little")
    assert checksum(ChecksumKind.CRC16_MODBUS, b"123456789", "big") == low_first[::-1] == bytes.fromhex("4B37")


@pytest.mark.parametrize("kind", ChecksumKind)
def test_the_size_is_that_of_the_check_bytes(kind):
    assert len(checksum(kind, b"any")) == kind.size
