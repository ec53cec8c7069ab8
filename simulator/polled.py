"""The device's side of a line on which the gate asks: records wait until they are fetched, and go when they are taken. Pure.

What the gate sends is recognised by its exact bytes, as the product's own codec writes them; anything else is noise.
"""

from collections import deque

from wire.description import Description
from wire.frames import encode
from wire.meanings import Says
from wire.talk import sent_messages

MOST_RECORDS = 1000
MOST_BYTES = 256
"""Of noise that is kept while the rest of a message is waited for."""


class PolledBoard:
    """One controller's memory and manners. One thread at a time."""

    def __init__(self, description: Description) -> None:
        messages, talk = description.messages, description.conversation
        self._heard = bytearray()
        self._records: deque[bytes] = deque()
        self._sent = sent_messages(description)
        self._says = {name: messages[name].says for name in self._sent}
        self._poll = talk.poll if talk else ""
        answers = [message for message in messages.values() if message.says is Says.NOTHING]
        waiting = next((message for message in answers if message.answer), None)
        empty = next((message for message in answers if not message.answer), None)
        self._waiting = encode(description, waiting.when) if waiting else b""
        self._empty = encode(description, empty.when) if empty else b""

    @property
    def waiting(self) -> int:
        """How many records the gate has not taken."""
        return len(self._records)

    def keep(self, frame: bytes) -> None:
        """Put a record behind the others; ValueError when the memory is full."""
        if len(self._records) >= MOST_RECORDS:
            raise ValueError(f"{MOST_RECORDS} records wait to be fetched: does a gate ask for them?")
        self._records.append(frame)

    def hear(self, content: bytes) -> bytes:
        """Take what the gate sent; return what the board answers, b"" for nothing."""
        self._heard += content
        answer = b""
        while (name := self._next()) is not None:
            answer = self._answer(name)
        del self._heard[:-MOST_BYTES]
        return answer

    def _next(self) -> str | None:
        """Take the first whole message off what was heard."""
        found = [(at, name) for name, raw in self._sent.items() if (at := self._heard.find(raw)) >= 0]
        if not found:
            return None
        # Of two that begin at the same byte the longer one is meant.
        at, name = min(found, key=lambda each: (each[0], -len(self._sent[each[1]])))
        del self._heard[: at + len(self._sent[name])]
        return name

    def _answer(self, name: str) -> bytes:
        match self._says[name]:
            case Says.ACKNOWLEDGE:
                if self._records:
                    self._records.popleft()
                return b""
            case Says.ASK if name == self._poll and (not self._records or self._waiting):
                return self._waiting if self._records else self._empty
            case _:
                return self._records[0] if self._records else b""
