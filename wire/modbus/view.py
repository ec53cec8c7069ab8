"""What `seatgate frames` shows of a Modbus line: questions and answers, each known by its CRC. Pure; it sends nothing."""

from collections.abc import Sequence

from wire.modbus.frames import CRC_BYTES, ERROR_BIT, ERROR_LENGTH, STATIONS, Function, crc

ASKED = 8
LONGEST = 3 + 250 + CRC_BYTES
_FUNCTIONS = {Function.READ_COILS: "read coils", Function.READ_INPUTS: "read inputs", Function.WRITE_COIL: "write coil"}


class ModbusView:
    """See `wire.line_driver.FrameView`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> Sequence[tuple[str, bool]]:
        """See `FrameView.feed`."""
        self._buffer += received
        return self._take(to_the_end=False)

    def finish(self) -> Sequence[tuple[str, bool]]:
        """See `FrameView.finish`."""
        return self._take(to_the_end=True)

    def _take(self, *, to_the_end: bool) -> list[tuple[str, bool]]:
        found, noise = [], bytearray()
        while self._buffer:
            length = next((each for each in _lengths(self._buffer) if _fits(self._buffer, each)), 0)
            if not length and not to_the_end and len(self._buffer) < LONGEST:
                break
            if length:
                found += _noise(noise)
                found.append((_shown(bytes(self._buffer[:length])), True))
            else:
                noise.append(self._buffer[0])
            del self._buffer[: length or 1]
        return found + _noise(noise)


def _lengths(buffer: bytearray) -> list[int]:
    """Return how long the frame at the front may be: an answer with bits, a refusal, a question or an answer to a write."""
    if len(buffer) < ERROR_LENGTH or buffer[0] not in STATIONS:
        return []
    if buffer[1] & ERROR_BIT:
        return [ERROR_LENGTH]
    bits = [3 + buffer[2] + CRC_BYTES] if buffer[1] in (Function.READ_COILS, Function.READ_INPUTS) else []
    return [ASKED, *bits]


def _fits(buffer: bytearray, length: int) -> bool:
    frame = bytes(buffer[:length])
    return len(frame) == length and crc(frame[:-CRC_BYTES]) == frame[-CRC_BYTES:]


def _noise(noise: bytearray) -> list[tuple[str, bool]]:
    if not noise:
        return []
    text = f"{noise.hex(' ').upper()}\n  BAD        {len(noise)} bytes that are no frame, or whose CRC does not fit"
    noise.clear()
    return [(text, False)]


def _shown(frame: bytes) -> str:
    station, function, content = frame[0], frame[1], frame[2:-CRC_BYTES]
    name = _FUNCTIONS.get(function & ~ERROR_BIT, f"function {function & ~ERROR_BIT}")  # type: ignore[call-overload]
    lines = [frame.hex(" ").upper(), f"  {'station':<10} {station}", f"  {'function':<10} {name}"]
    if function & ERROR_BIT:
        lines.append(f"  {'refused':<10} exception {content[0]}")
    elif len(frame) == ASKED and len(content) == 4:  # noqa: PLR2004 - a number and a count or value
        lines.append(f"  {'from':<10} {int.from_bytes(content[:2], 'big')}")
        lines.append(
            f"  {'count':<10} {int.from_bytes(content[2:], 'big')}"
            if function != Function.WRITE_COIL
            else f"  {'value':<10} {content[2:].hex().upper()}"
        )
    else:
        on = [str(n) for n in range(8 * content[0]) if content[1 + n // 8] >> n % 8 & 1]
        lines.append(f"  {'on':<10} {', '.join(on) or 'none'}")
    return "\n".join([*lines, f"  {'CRC':<10} fits"])
