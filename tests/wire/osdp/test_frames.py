"""OSDP packets: printed vectors, those that hold and those that do not; pieces of every size; garbage; hostile bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.found import BadFrame, Fault, Frame
from wire.osdp.frames import MAX_BYTES, Packet, PacketFinder, packet_of

# SIA OSDP 2.2, annex E, and one card as it was captured on a wire.
ID_CRC = bytes.fromhex("53 00 09 00 04 61 00 C0 66")
COMSET_CRC = bytes.fromhex("53 7F 0D 00 04 6E 00 80 25 00 00 6E 38")
ID_SUM = bytes.fromhex("53 00 08 00 00 61 00 44")
COMSET_SUM = bytes.fromhex("53 7F 0C 00 00 6E 00 80 25 00 00 0F")
CARD = bytes.fromhex("53 85 10 00 05 50 00 01 1A 00 01 30 B9 C0 A7 EC")
SEALED = Packet(1, True, 2, 0x50, bytes(16), True, b"\x18", b"\x01\x02\x03\x04").encode()
GOOD = [ID_CRC, COMSET_CRC, ID_SUM, COMSET_SUM, CARD, SEALED]


def found_in(content, size=None):
    finder = PacketFinder()
    step = size or max(1, len(content))
    found = [each for at in range(0, len(content), step) for each in finder.feed(content[at : at + step])]
    return found + finder.finish()


def frames(found):
    return [each.raw for each in found if isinstance(each, Frame)]


@pytest.mark.parametrize("raw", GOOD, ids=lambda raw: raw.hex())
def test_vectors_hold_and_are_written_the_same(raw):
    (found,) = found_in(raw)
    assert isinstance(found, Frame)
    assert found.checked.found == found.checked.expected
    assert packet_of(raw).encode() == raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (COMSET_CRC[:-2] + b"\x38\x6e", "6E38"),  # the check bytes in the order of a printed number: 386E
        (ID_SUM[:-1] + b"\xbc", "44"),  # the sum itself instead of its complement
        (ID_CRC[:-2] + b"\x71\x36", "C066"),  # CRC-16 with the initial value FFFF, which "CCITT" means elsewhere
    ],
)
def test_what_does_not_hold_says_what_would(raw, expected):
    (found,) = found_in(raw)
    assert (found.fault, found.checked.expected) == (Fault.CHECKSUM, expected)


def test_what_is_in_them():
    card = packet_of(CARD)
    assert (card.address, card.is_reply, card.sequence, card.code, card.crc) == (5, True, 1, 0x50, True)
    assert card.data == bytes.fromhex("00011A000130B9C0")
    assert "30b9c0" not in repr(card).lower()
    sealed = packet_of(SEALED)
    assert (sealed.block, sealed.data, sealed.mac) == (b"\x18", bytes(16), b"\x01\x02\x03\x04")


@pytest.mark.parametrize("raw", GOOD, ids=lambda raw: raw.hex()[:12])
@pytest.mark.parametrize(
    "garbage", [b"", b"\x00", b"zz", b"\xff\xff", b"\x53", b"\x53\x53", b"\x53\x01\xff\xff", b"\xff\x00\xff"]
)
def test_it_is_found_in_pieces_of_any_size_with_garbage_around(raw, garbage):
    content = garbage + raw + garbage + raw + garbage
    whole = found_in(content)
    assert frames(whole) == [raw, raw]
    for size in range(1, len(content)):
        assert found_in(content, size) == whole


def test_each_split_in_two_finds_the_same():
    content = b"\x00" + b"".join(b"\xff" + raw for raw in GOOD)
    whole = found_in(content)
    assert frames(whole) == GOOD
    for at in range(1, len(content)):
        finder = PacketFinder()
        assert finder.feed(content[:at]) + finder.feed(content[at:]) + finder.finish() == whole


def test_marks_are_no_garbage_and_other_bytes_are():
    found = found_in(b"\xff\xff" + ID_CRC + b"\xff" + b"abc" + ID_SUM)
    assert [getattr(each, "fault", "good") for each in found] == ["good", Fault.GARBAGE, "good"]
    assert len(found[1].raw) == 3


@pytest.mark.parametrize("at", range(len(CARD)))
@pytest.mark.parametrize("bit", range(8))
def test_one_turned_bit_is_never_a_packet_and_costs_no_other(at, bit):
    spoiled = CARD[:at] + bytes([CARD[at] ^ 1 << bit]) + CARD[at + 1 :]
    assert frames(found_in(spoiled + b"\xff" + ID_CRC)) == [ID_CRC]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (bytes.fromhex("53 01 05 00 04 00"), Fault.LENGTH),
        (bytes.fromhex("53 01 00 00 04 00"), Fault.LENGTH),
        (bytes.fromhex("53 01 A1 05 04 00"), Fault.OVERLONG),
        (CARD[:9], Fault.LENGTH),
    ],
)
def test_lengths_that_cannot_be(raw, fault):
    assert found_in(raw)[0].fault is fault


@pytest.mark.parametrize("block", [b"", b"\x15", bytes(200)])
def test_a_security_block_that_does_not_fit_is_no_packet(block):
    raw = bytearray(Packet(1, False, 1, 0x60, bytes(6), True, b"\x15\x01", bytes(4)).encode())
    raw[5] = len(block)
    from wire.checksums import ChecksumKind, checksum

    whole = bytes(raw[:-2])
    broken = whole + checksum(ChecksumKind.CRC16_AUG_CCITT, whole, "little")
    (found,) = found_in(broken)
    assert isinstance(found, BadFrame) or packet_of(broken)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(GOOD), st.just(b"\x53\x01\x20\x00")), max_size=12))
def test_hostile_bytes_are_never_an_exception_and_memory_is_bounded(pieces):
    finder, found = PacketFinder(), []
    for piece in pieces:
        found += finder.feed(piece)
        assert finder.held <= MAX_BYTES + 64
    found += finder.finish()
    assert finder.held == 0
    for each in found:
        if isinstance(each, Frame):
            packet_of(each.raw)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(GOOD), st.integers(1, 50))
def test_a_planted_packet_is_found_behind_any_noise(noise, planted, size):
    content = noise + planted
    assert frames(found_in(content))[-1:] == [planted]
    assert found_in(content, size) == found_in(content)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.integers(0, 0x7F), st.booleans(), st.integers(0, 3), st.integers(0, 255), st.binary(max_size=128),
    st.booleans(), st.one_of(st.none(), st.sampled_from([b"\x11\x01", b"\x15", b"\x18"])),
)  # fmt: skip
def test_what_is_written_is_read(address, is_reply, sequence, code, data, crc, block):
    mac = bytes(4) if block and block[0] >= 0x15 else b""
    packet = Packet(address, is_reply, sequence, code, data, crc, block, mac)
    assert packet_of(packet.encode()) == packet
    assert frames(found_in(b"\xff" + packet.encode())) == [packet.encode()]
