"""Access, passage and alarm events from a gate, and the credentials in them.

A credential's value never shows in a repr, so that no log line carries a card or person number whole.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from messages import envelope
from messages.envelope import PRINTABLE, BootId, Moment, Nanoseconds
from messages.errors import MessageError
from messages.topics import Family, check_name

ACCESS_TYPE = "org.seatgate.access.v1"
PASSAGE_TYPE = "org.seatgate.passage.v1"
ALARM_TYPE = "org.seatgate.alarm.v1"
COMMAND_RESULT_TYPE = "org.seatgate.command-result.v1"

Sequence = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
Epoch = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""A random 53-bit number made with the outbox file: exact as a JSON number everywhere."""
CommandId = Annotated[str, msgspec.Meta(min_length=16, max_length=64, pattern=r"^[A-Za-z0-9_-]+\Z")]


class CredentialKind(StrEnum):
    """What the turnstile read."""

    CARD = "card"
    FACE = "face"
    QR = "qr"


class Direction(StrEnum):
    """Which way through the portal; unknown where neither wiring nor frame says."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


class AccessOutcome(StrEnum):
    """Who decided: we granted or denied, or the turnstile decided and only reported."""

    GRANTED = "granted"
    DENIED = "denied"
    REPORTED = "reported"


class AccessReason(StrEnum):
    """Why a gate that decides granted or denied. Out is always granted, whatever else is so."""

    OUT = "out"
    WAY_UNKNOWN = "way-unknown"
    """Nothing says which way: it may be out."""
    FIRE = "fire"
    """The fire release is active: whoever asks is let through."""
    RESERVATION = "reservation"
    READER = "reader"
    LIST_MISSING = "list-missing"
    """No list has come yet, or what was kept cannot be used: the portal's `when_unknown` decided, here and in the next two."""
    LIST_OLD = "list-old"
    CLOCK_WRONG = "clock-wrong"
    """The gate's clock is before the list was made."""
    LOCKED = "locked"
    UNKNOWN = "unknown"
    """Nobody's credential, as far as the list goes."""
    BLOCKED = "blocked"
    NOT_NOW = "not-now"
    """Known, but not in a window of theirs."""
    IN_TWICE = "pass-back"
    """The same credential has come in already and not gone out."""
    FULL = "full"


class CommandResult(StrEnum):
    """What became of a command of staff at a portal."""

    DONE = "done"
    """The device took it."""
    FAILED = "failed"
    """It should have been done, but the device did not take it in time."""
    LATE = "late"
    REPEATED = "repeated"
    BEFORE_START = "before-start"
    """It was given before the gate's process began: it might be a repetition."""
    UNKNOWN_PORTAL = "unknown-portal"
    NOT_POSSIBLE = "not-possible"
    """The portal has no such command: it knows no open frame, or it only reports."""


def mask(value: str) -> str:
    """Shorten a card or person number for logs: at most its last two characters stay."""
    return "…" + value[-2:] if len(value) > 4 else "…"  # noqa: PLR2004 - four characters or fewer would be all of it


class Credential(msgspec.Struct, frozen=True):
    """A canonical credential value (wire.cards says how a card becomes one)."""

    kind: CredentialKind
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=PRINTABLE)]

    def __repr__(self) -> str:
        return f"Credential({self.kind}, {mask(self.value)})"


class AccessEvent(msgspec.Struct, frozen=True, omit_defaults=True, tag="access", tag_field="kind"):
    """A credential was read at a portal. `(gate, epoch, sequence)` is its identity."""

    TYPE: ClassVar[str] = ACCESS_TYPE

    portal: Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
    direction: Direction
    credential: Credential | None
    outcome: AccessOutcome
    occurred_at: Moment
    monotonic_ns: Nanoseconds
    boot_id: BootId
    epoch: Epoch
    sequence: Sequence
    reason: AccessReason | None = None
    """Where the gate decided: why so."""


class PassageEvent(msgspec.Struct, frozen=True, tag="passage", tag_field="kind"):
    """The turnstile's word on whether somebody walked through after event `of` of the same epoch."""

    TYPE: ClassVar[str] = PASSAGE_TYPE

    portal: Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
    of: Sequence
    passed: bool
    occurred_at: Moment
    monotonic_ns: Nanoseconds
    boot_id: BootId
    epoch: Epoch
    sequence: Sequence


class AlarmKind(StrEnum):
    """What an alarm is about."""

    FIRE = "fire"
    """The hard-wired fire release, which we observe."""
    FORCED = "forced"
    """The door was opened without a release."""
    HELD = "held"
    """The door is open for too long."""
    TAMPER = "tamper"
    """A device's case was opened, or it was taken off its wall."""
    POWER = "power"
    """A device has lost its mains power."""


class AlarmEvent(msgspec.Struct, frozen=True, omit_defaults=True, tag="alarm", tag_field="kind"):
    """An alarm of the gate: the input went off (`active`), or is back to normal. Without `what` it is the fire release."""

    TYPE: ClassVar[str] = ALARM_TYPE

    portal: Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
    """A lane of the gate: the one whose board has the input."""
    active: bool
    occurred_at: Moment
    monotonic_ns: Nanoseconds
    boot_id: BootId
    epoch: Epoch
    sequence: Sequence
    what: AlarmKind = AlarmKind.FIRE


class CommandEvent(msgspec.Struct, frozen=True, omit_defaults=True, tag="command", tag_field="kind"):
    """What became of command `of`, which was signed for this gate. What was not is told in the log alone."""

    TYPE: ClassVar[str] = COMMAND_RESULT_TYPE

    portal: Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
    """The one that the command names, or a portal of the gate where it names none of its."""
    of: CommandId
    result: CommandResult
    occurred_at: Moment
    monotonic_ns: Nanoseconds
    boot_id: BootId
    epoch: Epoch
    sequence: Sequence
    detail: Annotated[str, msgspec.Meta(max_length=200, pattern=PRINTABLE)] = ""


GateEvent = AccessEvent | PassageEvent | AlarmEvent | CommandEvent


def event_id(epoch: int, sequence: int) -> str:
    """Return the CloudEvents id of a gate event."""
    return f"{epoch}-{sequence}"


def encode(site: str, gate: str, event: GateEvent) -> bytes:
    """Return the exact payload bytes that the outbox keeps and the broker carries."""
    return envelope.encode(
        event_id=event_id(event.epoch, event.sequence),
        source=envelope.source_of(site, Family.GATES, gate),
        event_type=event.TYPE,
        time=event.occurred_at,
        data=event,
    )


def decode(site: str, gate: str, payload: bytes) -> GateEvent:
    """Decode a gate's payload; MessageError when it is not this gate's or its id and data disagree."""
    return read(site, gate, envelope.decode(payload))


def read(site: str, gate: str, outer: envelope.Envelope) -> GateEvent:
    """Decode what is in the envelope of a gate's payload; MessageError as `decode`."""
    if outer.source != envelope.source_of(site, Family.GATES, gate):
        raise MessageError(f"the event names {outer.source!r} but came on the topic of gate {gate!r}")
    event: GateEvent = envelope.decode_data(outer, GateEvent)  # type: ignore[arg-type]
    if outer.type != event.TYPE:
        raise MessageError(f"the envelope says {outer.type!r} but holds a {event.TYPE!r}")
    if outer.id != event_id(event.epoch, event.sequence):
        raise MessageError(f"the envelope's id {outer.id!r} is not epoch {event.epoch}, sequence {event.sequence}")
    check_name(event.portal)
    envelope.check_times(event.occurred_at)
    return event
