"""Bytes of a serial line → frames, and back. Pure (sans-IO): no port, no clock, no log.

`FrameDecoder.feed` takes bytes in blocks of any size and finds the same whatever the blocks were. Whatever is no
frame becomes a `BadFrame` that says why, so that it can be counted. The buffer is bounded by the family's `max`; after
anything wrong the decoder is in step again at the next start byte (or line end).
"""

from collections.abc import Mapping

from wire.counted import BlockScanner, encode_block
from wire.description import Description
from wire.found import BadFrame, Checked, Fault, Frame, Scanner, Step
from wire.lines import LineScanner, encode_line

__all__ = ["BadFrame", "Checked", "Fault", "Frame", "FrameDecoder", "encode"]

GARBAGE_AT_ONCE = 64
"""Bytes outside any frame are reported in pieces of at most this many."""
_BLOCK = 512

Found = Frame | BadFrame


class FrameFinder:
    """Finds what one scanner knows in a stream. One thread at a time."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._buffer = bytearray()
        self._garbage = bytearray()
        self._spoken_for = 0

    @property
    def held(self) -> int:
        """How many bytes wait for the rest of their frame (or of their piece of garbage)."""
        return len(self._buffer) + len(self._garbage)

    def feed(self, received: bytes) -> list[Found]:
        """Take the next bytes and return what they completed, in order."""
        results: list[Found] = []
        for start in range(0, len(received), _BLOCK):
            self._buffer += received[start : start + _BLOCK]
            self._scan(results)
        return results

    def finish(self) -> list[Found]:
        """End the stream (the port was lost): return what was unfinished, and begin anew."""
        results: list[Found] = []
        while self._buffer:
            self._take(self._scanner.leftover(self._buffer), results)
            self._scan(results)
        self._report_garbage(results)
        self._spoken_for = 0
        return results

    def _scan(self, results: list[Found]) -> None:
        while self._buffer and (step := self._scanner.scan(self._buffer)) is not None:
            self._take(step, results)

    def _take(self, step: Step, results: list[Found]) -> None:
        taken = self._buffer[: step.consume]
        del self._buffer[: step.consume]
        inside = min(self._spoken_for, step.consume)
        self._spoken_for -= inside
        if step.found is None:
            if not step.silent:
                self._garbage += taken[inside:]
                while len(self._garbage) >= GARBAGE_AT_ONCE:
                    self._report_garbage(results)
            return
        if inside and isinstance(step.found, BadFrame):
            return  # a start byte inside a frame that is already reported as bad
        self._report_garbage(results)
        self._spoken_for = step.spoken_for
        results.append(step.found)

    def _report_garbage(self, results: list[Found]) -> None:
        piece = bytes(self._garbage[:GARBAGE_AT_ONCE])
        del self._garbage[:GARBAGE_AT_ONCE]
        if piece:
            results.append(BadFrame(Fault.GARBAGE, piece, f"{len(piece)} bytes outside any frame"))


class FrameDecoder(FrameFinder):
    """Decodes one line of one family as its description tells."""

    def __init__(self, description: Description) -> None:
        super().__init__(LineScanner(description) if description.line else BlockScanner(description))


def encode(description: Description, fields: Mapping[str, str]) -> bytes:
    """Return the bytes of a frame with these fields (texts as `Frame.fields` has them); ValueError when they do not fit.

    The counterpart of `FrameDecoder`, for the simulated turnstile and for tests.
    """
    return encode_line(description, fields) if description.line else encode_block(description, fields)
