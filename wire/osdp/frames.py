"""OSDP packets: found in bytes, checked, and written. Pure; what a packet says is `messages`' work, its MAC `secure`'s.

`FF`* `53` address length(LE16) control [block] code data… [MAC] check. The address's bit 7 is set in replies; the length
counts from `53` through the check; control: bits 0-1 sequence, 2 CRC-16 (else an 8-bit sum), 3 a security block follows.
"""

import attrs

from wire.checksums import ChecksumKind, checksum
from wire.found import BadFrame, Checked, Fault, Frame, Step
from wire.frames import FrameFinder

MARK, START = 0xFF, 0x53
REPLY_BIT = 0x80
BROADCAST = 0x7F
MAX_BYTES = 1440
"""The longest packet of the standard."""
MAC_BYTES = 4
HEADER_BYTES = 5
BLOCK_BYTES = 2
"""The least a security block has: its length and its type."""
_SEQUENCE, _CRC, _BLOCK = 0x03, 0x04, 0x08
FIRST_WITH_MAC = 0x15
"""Of the types of security blocks (11 to 18), those from here on end in a MAC."""


@attrs.frozen
class Packet:
    """One packet. `data` is as it stands on the wire: perhaps encrypted. It may hold a card: not in the repr."""

    address: int
    is_reply: bool
    sequence: int
    code: int
    data: bytes = attrs.field(default=b"", repr=False)
    crc: bool = True
    block: bytes | None = None
    """The security block without its length byte: its type, then its data."""
    mac: bytes = attrs.field(default=b"", repr=False)

    @property
    def has_mac(self) -> bool:
        """Whether its security block says that a MAC stands at its end."""
        return self.block is not None and self.block[0] >= FIRST_WITH_MAC

    @property
    def signed(self) -> bytes:
        """What a MAC covers: everything before it, the final length included."""
        address = self.address | (REPLY_BIT if self.is_reply else 0)
        control = self.sequence | (_CRC if self.crc else 0) | (_BLOCK if self.block is not None else 0)
        block = b"" if self.block is None else bytes([len(self.block) + 1]) + self.block
        body = bytes([control]) + block + bytes([self.code]) + self.data
        length = 4 + len(body) + (MAC_BYTES if self.has_mac else 0) + (2 if self.crc else 1)
        return bytes([START, address]) + length.to_bytes(2, "little") + body

    def encode(self) -> bytes:
        """Return the packet's bytes, without a mark before them."""
        whole = self.signed + self.mac
        return whole + _check(whole, crc=self.crc)


def _check(content: bytes, *, crc: bool) -> bytes:
    kind = ChecksumKind.CRC16_AUG_CCITT if crc else ChecksumKind.TWOS_COMPLEMENT
    return checksum(kind, content, "little")


def packet_of(raw: bytes) -> Packet:
    """Return the packet in bytes whose length and check are right; ValueError when its inside does not fit."""
    control = raw[4]
    crc, has_block = bool(control & _CRC), bool(control & _BLOCK)
    end, at = len(raw) - (2 if crc else 1), HEADER_BYTES
    block = None
    if has_block:
        size = raw[at]
        if size < BLOCK_BYTES or at + size >= end:
            raise ValueError(f"a security block of {size} bytes does not fit")
        block = raw[at + 1 : at + size]
        at += size
    mac = b""
    if block is not None and block[0] >= FIRST_WITH_MAC and end - at > MAC_BYTES:  # without room: it lacks its MAC
        end -= MAC_BYTES
        mac = raw[end : end + MAC_BYTES]
    if at >= end:
        raise ValueError("there is no room for a command or reply")
    return Packet(
        raw[1] & ~REPLY_BIT & 0xFF,
        bool(raw[1] & REPLY_BIT),
        control & _SEQUENCE,
        raw[at],
        raw[at + 1 : end],
        crc,
        block,
        mac,
    )


class PacketScanner:
    """See `wire.found.Scanner`. Whatever is wrong costs one byte: the next good packet may begin anywhere behind it."""

    def scan(self, buffer: bytearray) -> Step | None:
        """See `Scanner.scan`."""
        if buffer[0] == MARK:
            return self._mark(buffer)
        if buffer[0] != START:
            return Step(self._garbage(buffer))
        if len(buffer) < HEADER_BYTES:
            return None
        total = int.from_bytes(buffer[2:4], "little")
        least = HEADER_BYTES + 1 + (2 if buffer[4] & _CRC else 1)
        if total < least:
            return Step(1, BadFrame(Fault.LENGTH, bytes(buffer[:1]), f"says it has {total} bytes"))
        if total > MAX_BYTES:
            return Step(1, BadFrame(Fault.OVERLONG, bytes(buffer[:1]), f"says it has {total} bytes"))
        if len(buffer) < total:
            return None
        found = _checked(bytes(buffer[:total]))
        if isinstance(found, BadFrame) and found.fault is Fault.CHECKSUM:
            return Step(1, found, spoken_for=total - 1)
        return Step(total, found)

    @staticmethod
    def leftover(buffer: bytearray) -> Step:
        """See `Scanner.leftover`."""
        if buffer[0] == MARK:
            return Step(1, silent=True)
        bad = BadFrame(Fault.LENGTH, bytes(buffer), "a packet without its end")
        return Step(1, bad, spoken_for=len(buffer) - 1)

    @staticmethod
    def _mark(buffer: bytearray) -> Step | None:
        """Marks stand before a packet, or between two to let the line settle."""
        after = next((at for at, byte in enumerate(buffer) if byte != MARK), None)
        if after is None:
            return Step(len(buffer) - 1, silent=True) if len(buffer) > 1 else None
        return Step(after, silent=True)

    @staticmethod
    def _garbage(buffer: bytearray) -> int:
        stops = [at for at in (buffer.find(START), buffer.find(MARK)) if at > 0]
        return min(stops, default=len(buffer))


def _checked(raw: bytes) -> Frame | BadFrame:
    crc = bool(raw[4] & _CRC)
    size = 2 if crc else 1
    expected = _check(raw[:-size], crc=crc)
    checked = Checked(raw[-size:].hex().upper(), expected.hex().upper())
    if raw[-size:] != expected:
        return BadFrame(Fault.CHECKSUM, raw, f"check bytes found {checked.found}, expected {checked.expected}", checked)
    try:
        packet_of(raw)
    except ValueError as error:
        return BadFrame(Fault.NOT_MATCHING, raw, str(error), checked)
    return Frame(raw, {}, checked)


class PacketFinder(FrameFinder):
    """Finds packets of both directions in a stream; each `Frame` found is one for `packet_of`."""

    def __init__(self) -> None:
        super().__init__(PacketScanner())
