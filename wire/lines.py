"""Frames that are lines of text, ended by CR or LF: found, matched against the description's pattern, and written. Pure."""

from collections.abc import Mapping

from wire.description import Description, LineShape
from wire.found import BadFrame, Fault, Frame, Step

LINE_ENDS = b"\r\n"


def _shape(description: Description) -> LineShape:
    if description.line is None:
        raise TypeError(f"{description.title!r} has no [line]")
    return description.line


class LineScanner:
    """Takes line by line; of a line that is too long it reports the beginning and skips the rest."""

    def __init__(self, description: Description) -> None:
        shape = _shape(description)
        self._max = shape.max
        self._pattern = shape.compiled
        self._skipping = False

    def scan(self, buffer: bytearray) -> Step | None:
        """See `Scanner.scan`."""
        ends = [at for at in map(buffer.find, (b"\r", b"\n")) if at >= 0]
        length = min(ends, default=len(buffer))
        if self._skipping:
            self._skipping = not ends
            return Step(length + bool(ends), silent=True)
        if length > self._max:
            self._skipping = True
            return Step(
                self._max,
                BadFrame(Fault.OVERLONG, bytes(buffer[: self._max]), f"a line of more than {self._max} characters"),
            )
        if not ends:
            return None
        if length == 0:
            return Step(1, silent=True)
        return Step(length + 1, self._match(bytes(buffer[:length])))

    def leftover(self, buffer: bytearray) -> Step:
        """See `Scanner.leftover`."""
        if self._skipping:
            self._skipping = False
            return Step(len(buffer), silent=True)
        return Step(len(buffer), BadFrame(Fault.LENGTH, bytes(buffer), "a line without its end"))

    def _match(self, line: bytes) -> Frame | BadFrame:
        found = self._pattern.fullmatch(line.decode("ascii")) if line.isascii() else None
        if found is None:
            return BadFrame(
                Fault.NOT_MATCHING, line, f"a line of {len(line)} characters that is not of the described form"
            )
        return Frame(line, {name: text for name, text in found.groupdict().items() if text is not None})


def encode_line(description: Description, fields: Mapping[str, str]) -> bytes:
    """Return the line with these fields and its CR LF; ValueError when a field is missing or the line would not be read."""
    shape = _shape(description)
    try:
        line = shape.written.format_map(fields)
    except (KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"the written form {shape.written!r} cannot be filled: {error}") from error
    if len(line) > shape.max or not line.isascii() or shape.compiled.fullmatch(line) is None:
        raise ValueError("the written line does not match the family's own pattern")
    return line.encode("ascii") + LINE_ENDS
