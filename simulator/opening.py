"""What a turnstile board does when it is told to open: somebody walks through, and a board that has a word for it says so. Pure."""

from messages.access import Direction
from wire.description import Description
from wire.frames import encode
from wire.meanings import Says
from wire.reads import Walk, fields_of

MOST_BYTES = 64
"""Of noise that is kept while the rest of a command is waited for."""


class OpeningBoard:
    """One board's ear for its open commands. One thread at a time."""

    def __init__(self, description: Description, leads: Direction) -> None:
        self._heard = bytearray()
        self._answers = {}
        for message in description.messages.values():
            if message.says is Says.OPEN:
                self._answers[encode(description, message.when)] = _passed(description, message.direction or leads)
        self.opened = 0
        """How often it has let somebody through."""

    @property
    def knows(self) -> bool:
        """Whether its family has an open command at all."""
        return bool(self._answers)

    def hear(self, content: bytes) -> bytes:
        """Take what the gate sent; return what the board says, b"" for nothing."""
        self._heard += content
        answer = b""
        while found := [(at, frame) for frame in self._answers if (at := self._heard.find(frame)) >= 0]:
            at, frame = min(found)
            del self._heard[: at + len(frame)]
            self.opened += 1
            answer += self._answers[frame]
        del self._heard[:-MOST_BYTES]
        return answer


def _passed(description: Description, way: Direction) -> bytes:
    try:
        return encode(description, fields_of(description, Walk(passed=True, direction=way)))
    except ValueError:
        return b""  # a board that tells of no passages
