"""The gate's side of a line on which it must ask or acknowledge: what is to be sent, and when. Pure: time is an argument.

A poll goes out when the line has been quiet for `turnaround`, `poll_every` has gone by since the last, and its answer
has come or been waited for. A device that is dead is therefore asked for ever, at no cost to any other line. Only
messages that say ask, acknowledge or refuse are ever here: `wire.meanings` lets a description name no other.
"""

from wire.description import Description
from wire.found import BadFrame, Fault
from wire.frames import Frame, FrameDecoder, encode
from wire.meanings import Conversation, Says
from wire.reads import Remark, Said, said_by

_SECOND = 1_000_000_000


class Talk:
    """One line's conversation. One thread at a time."""

    def __init__(self, description: Description) -> None:
        self._description = description
        talk = description.conversation
        self._frames = sent_messages(description)
        self._poll = self._frames.get(talk.poll, b"") if talk else b""
        self._refusal = self._frames.get(talk.refuse, b"") if talk else b""
        messages = description.messages
        self._thanks = [raw for name, raw in self._frames.items() if messages[name].says is Says.ACKNOWLEDGE]
        talk = talk or Conversation()
        self._every = round(talk.poll_every.total_seconds() * _SECOND)
        self._patience = round(talk.answer_within.total_seconds() * _SECOND)
        self._turnaround = round(talk.turnaround.total_seconds() * _SECOND)
        self._polled: int | None = None
        self._heard: int | None = None
        self._waits_since: int | None = None
        """When what awaits an answer was sent."""

    @property
    def tick(self) -> float | None:
        """How often `due` wants to be asked, in seconds; None where the device speaks by itself."""
        return min(self._every, self._patience) / _SECOND / 4 if self._poll else None

    def heard(self, now_ns: int) -> None:
        """Take note that bytes came."""
        self._heard = now_ns

    def answer(self, said: Said | BadFrame) -> bytes:
        """Return what a frame is answered with; b"" for nothing."""
        if isinstance(said, BadFrame):
            return self._refusal if said.fault is Fault.CHECKSUM else b""
        message = self._description.messages.get(said.message)
        self._waits_since = None
        return self._frames.get(message.answer, b"") if message else b""

    def due(self, now_ns: int) -> bytes:
        """Return the poll when its time has come; b"" before."""
        since_poll = None if self._polled is None else now_ns - self._polled
        if not self._poll or (since_poll is not None and since_poll < self._every):
            return b""
        if self._waits_since is not None and now_ns - self._waits_since < self._patience:
            return b""
        if self.hold(now_ns) > 0:
            return b""
        self._polled = now_ns
        return self._poll

    def hold(self, now_ns: int) -> float:
        """Return for how many seconds more the line must be left alone before anything is sent."""
        if self._heard is None:
            return 0.0
        return max(0, self._heard + self._turnaround - now_ns) / _SECOND

    def sent(self, content: bytes, now_ns: int) -> None:
        """Take note that this was sent. A device that was thanked may have more: it is asked as soon as the line allows."""
        if content in self._thanks:
            self._polled = None
        else:
            self._waits_since = now_ns


def check_sent(description: Description) -> None:
    """Raise ValueError for a message that could not be sent, or that a device would take for a described command."""
    for name, message in description.messages.items():
        if not message.says.is_sent:
            continue
        try:
            raw = bytes.fromhex(message.bytes) if message.bytes else encode(description, message.when)
        except ValueError as error:
            raise ValueError(f"[messages.{name}] cannot be written: {error}") from error
        for found in FrameDecoder(description).feed(raw):
            said = said_by(description, found) if isinstance(found, Frame) else found
            if isinstance(said, Remark) and said.says.is_from_gate and not said.says.is_sent:
                raise ValueError(
                    f"[messages.{name}] is the frame of {said.message}, which says {said.says}: that is never sent"
                )


def sent_messages(description: Description) -> dict[str, bytes]:
    """Return the bytes of every message that the gate may send; ValueError when one cannot be written."""
    return {
        name: bytes.fromhex(message.bytes) if message.bytes else encode(description, message.when)
        for name, message in description.messages.items()
        if message.says.is_sent
    }
