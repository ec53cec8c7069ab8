"""What the frames of one family say, and who says it when: types of a description, and their checks. Pure.

A family whose every frame is a read needs none of this. A board that has several kinds of frames names each in
`[messages.NAME]`; a line on which the gate must ask or acknowledge has a `[conversation]`. An open command can be
described, so that it is known when heard, but nothing here lets a description have it sent: that is decided by the gate,
at portals whose options name it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum

import attrs

from messages.access import AccessOutcome, AlarmKind, Direction

MESSAGE_BYTES = 32
"""The longest message that is no frame: an acknowledgement is one byte as a rule."""


class Says(StrEnum):
    """What a message says. The first seven come from the device, the others from the gate."""

    READ = "read"
    """Who was read."""
    PASSED = "passed"
    NOT_PASSED = "not-passed"
    """Whoever was read did not walk through."""
    ALARM = "alarm"
    """What the message's `alarm` names went off: fire, forced, held, tamper, power."""
    ALARM_OVER = "alarm-over"
    """It is back to normal."""
    STRANGER = "stranger"
    """A face that the terminal does not know or is not sure of: nobody's credential."""
    NOTHING = "nothing"
    """Known, and nothing to us: an acknowledgement, "no record"."""
    ASK = "ask"
    ACKNOWLEDGE = "acknowledge"
    REFUSE = "refuse"
    """Send that again, it came broken."""
    OPEN = "open"
    """Sent only where a portal's options name it, when the gate has decided so."""
    COMMAND = "command"
    """Any other command; as `open`."""

    @property
    def is_sent(self) -> bool:
        """Whether a conversation may have the gate send it."""
        return self in (Says.ASK, Says.ACKNOWLEDGE, Says.REFUSE)

    @property
    def is_from_gate(self) -> bool:
        """Whether the gate's side of the line says it."""
        return self.is_sent or self in (Says.OPEN, Says.COMMAND)


def _hex_bytes(_instance: object, _attribute: "attrs.Attribute[str]", text: str) -> None:
    try:
        short = len(bytes.fromhex(text)) <= MESSAGE_BYTES
    except ValueError:
        short = False
    if not short:
        raise ValueError(f'bytes = {text[:60]!r} is not up to {MESSAGE_BYTES} hexadecimal bytes: write "06"')


@attrs.frozen
class Message:
    """One kind of frame. It is this one when every field of `when` has that value (upper-case hexadecimal)."""

    says: Says
    when: dict[str, str] = attrs.field(factory=dict)
    bytes: str = attrs.field(default="", validator=_hex_bytes)
    """Of the gate's messages: these very bytes instead of a frame."""
    direction: Direction | None = None
    outcome: AccessOutcome | None = None
    alarm: AlarmKind | None = None
    """Of `alarm` and `alarm-over`: about what."""
    answer: str = ""
    """Of the device's: the message that the gate sends after it. After a read or passage: once the event is on the disk."""


@attrs.frozen
class Conversation:
    """What the gate says by itself on a line that asks for it, and how long each side waits for the other."""

    poll: str = ""
    """The message sent every `poll_every`; empty: the device speaks by itself."""
    poll_every: timedelta = timedelta(milliseconds=200)
    answer_within: timedelta = timedelta(milliseconds=300)
    """How long the device may take to answer: the next poll waits for it so long."""
    turnaround: timedelta = timedelta(milliseconds=5)
    """Silence between the device's last byte and the gate's first: RS-485 changes its direction in it."""
    refuse: str = ""
    """The message sent after a frame whose checksum does not fit."""

    def __attrs_post_init__(self) -> None:
        for key, longest in (("poll_every", 60), ("answer_within", 10), ("turnaround", 1)):
            value: timedelta = getattr(self, key)
            if not timedelta(0) < value <= timedelta(seconds=longest):
                raise ValueError(f"{key} must be more than nothing and at most {longest} s")


def message_of(messages: Mapping[str, Message], fields: Mapping[str, str]) -> tuple[str, Message]:
    """Return which message a frame with these fields is; ValueError when it is none that is described."""
    for name, message in messages.items():
        if not message.bytes and all(fields.get(field) == value.upper() for field, value in message.when.items()):
            return name, message
    raise ValueError("the frame is none of the described messages")


def check_messages(messages: Mapping[str, Message], talk: Conversation | None, fields: Iterable[str]) -> None:
    """Raise ValueError with a sentence that names the key, for what contradicts itself."""
    known = set(fields)
    for name, message in messages.items():
        for sentence in _wrong_in(message, known):
            raise ValueError(f"[messages.{name}] {sentence}")
    for name, message in messages.items():
        for sentence in _same_as_a_command(message, messages):
            raise ValueError(f"[messages.{name}] {sentence}")
    uses: list[tuple[str, str, Says | None]] = [
        (f"[messages.{name}] answer", message.answer, None) for name, message in messages.items()
    ]
    if talk is not None:
        uses += [("[conversation] poll", talk.poll, Says.ASK), ("[conversation] refuse", talk.refuse, Says.REFUSE)]
    for where, used, says in uses:
        if used:
            _check_sent(messages, where, used, says)
            if talk is None:
                raise ValueError(f"{where} = {used!r} needs a [conversation]: it says how long each side waits")


def _wrong_in(message: Message, fields: set[str]) -> Iterator[str]:
    if not message.when and not message.bytes:
        yield 'needs when = { field = "…" }: what tells it from the others'
    if message.when and message.bytes:
        yield "has both when and bytes: a frame, or bytes that are none"
    if message.bytes and not message.says.is_sent:
        yield f"has bytes but says {message.says}: only what the gate sends may be no frame"
    if unknown := sorted(set(message.when) - fields):
        yield f"when names {unknown[0]!r}: there is no [fields.{unknown[0]}]"
    if message.answer and message.says.is_from_gate:
        yield f"has an answer but says {message.says}: that is the gate's own"
    if message.outcome is not None and message.says is not Says.READ:
        yield f'has an outcome but says {message.says}: that is for says = "read"'
    if (message.alarm is not None) is not (message.says in (Says.ALARM, Says.ALARM_OVER)):
        yield f'says {message.says}: `alarm` = "fire", "forced", … and says = "alarm" or "alarm-over" need each other'


def _same_as_a_command(message: Message, messages: Mapping[str, Message]) -> Iterator[str]:
    """Yield a sentence where what would be sent is a described command by another name."""
    for name, other in messages.items():
        described_only = other.says.is_from_gate and not other.says.is_sent
        if message.says.is_sent and message.when and described_only and other.when.items() <= message.when.items():
            yield f"is the frame of {name}, which says {other.says}: that is never sent"


def _check_sent(messages: Mapping[str, Message], where: str, used: str, says: Says | None) -> None:
    if used not in messages:
        raise ValueError(f"{where} = {used!r}: there is no [messages.{used}]")
    found = messages[used].says
    if not found.is_sent:
        raise ValueError(f"{where} = {used!r} says {found}: only ask, acknowledge and refuse are ever sent")
    if says is not None and found is not says:
        raise ValueError(f"{where} = {used!r} says {found} instead of {says}")
