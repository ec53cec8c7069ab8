"""Requests of a Modbus RTU master, and the answers to them, found in whatever pieces and noise they come in. Pure.

Source: "Modbus application protocol V1.1b3", 6.1, 6.2 and 6.5 (read coils, read discrete inputs, write single coil) and 7
(exceptions); "Modbus over serial line V1.02", 2.5.1 (RTU). A frame is station, function, data, CRC-16 with its low byte first.
Pauses between bytes are no part of the grammar here: an adapter on USB does not keep them. An answer is known by its
station, function, length and CRC.
"""

from enum import IntEnum

import attrs

from wire.checksums import ChecksumKind, checksum

STATIONS = range(1, 248)
MOST_INPUTS = 256
"""Boards have 4 to 48; the standard allows 2000."""
CRC_BYTES = 2
ERROR_BIT = 0x80
ERROR_LENGTH = 5
MOST_NOISE = 256
"""Of what is no answer no more is kept."""


class Function(IntEnum):
    """What is asked of a board."""

    READ_COILS = 1
    """Its outputs; some boards show their inputs there."""
    READ_INPUTS = 2
    WRITE_COIL = 5


@attrs.frozen
class Bits:
    """The inputs asked for, first to last."""

    bits: tuple[bool, ...]


@attrs.frozen
class Written:
    """The board took the output."""


@attrs.frozen
class Refused:
    """The board understood and will not: 1 unknown function, 2 unknown address, 3 unknown value, 4 it failed, 6 busy."""

    code: int


Answer = Bits | Written | Refused


@attrs.frozen
class Request:
    """One question to one board: of inputs from `first` on their `count`; of an output its number and what to write."""

    station: int
    function: Function
    first: int
    count: int
    """Inputs asked for; or the value that is written."""

    def encode(self) -> bytes:
        """Return its bytes on the line."""
        body = bytes([self.station, self.function]) + self.first.to_bytes(2, "big") + self.count.to_bytes(2, "big")
        return body + crc(body)

    @property
    def answer_length(self) -> int:
        """How many bytes the answer has when it is no refusal."""
        return 8 if self.function is Function.WRITE_COIL else 3 + (self.count + 7) // 8 + CRC_BYTES


def crc(content: bytes) -> bytes:
    """Return the two check bytes of a frame's content."""
    return checksum(ChecksumKind.CRC16_MODBUS, content, "little")


class AnswerScanner:
    """Waits for the answer to one request. One request each."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._buffer = bytearray()

    @property
    def held(self) -> bytes:
        """What has come and is no answer so far."""
        return bytes(self._buffer)

    def feed(self, received: bytes) -> Answer | None:
        """Return the answer once it is whole, also with noise before it; None until then."""
        self._buffer += received
        found = next((each for at in range(len(self._buffer)) if (each := self._at(at)) is not None), None)
        del self._buffer[:-MOST_NOISE]
        return found

    def _at(self, at: int) -> Answer | None:
        """Return the answer that begins at a byte, if one does."""
        request, buffer = self._request, self._buffer
        if buffer[at] != request.station or len(buffer) - at < ERROR_LENGTH:
            return None
        refused = buffer[at + 1] == request.function | ERROR_BIT
        length = ERROR_LENGTH if refused else request.answer_length
        frame = bytes(buffer[at : at + length])
        if len(frame) < length or not (refused or frame[1] == request.function):
            return None
        if crc(frame[:-CRC_BYTES]) != frame[-CRC_BYTES:]:
            return None
        if refused:
            return Refused(frame[2])
        if request.function is Function.WRITE_COIL:
            return Written() if frame == request.encode() else None
        return _bits(frame, request.count) if frame[2] == length - 3 - CRC_BYTES else None


def _bits(frame: bytes, count: int) -> Bits:
    """The lowest bit of the first byte is the first input."""
    content = frame[3:-CRC_BYTES]
    return Bits(tuple(bool(content[n // 8] >> n % 8 & 1) for n in range(count)))
