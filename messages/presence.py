"""Birth and death of a process: what it says of itself when it connects, and its last will.

Borrowed from Sparkplug B 3.0 (births, a session counter, a retained will), without its payload format.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from messages import envelope
from messages.access import Epoch
from messages.envelope import PRINTABLE, BootId, Moment, Nanoseconds
from messages.errors import MessageError
from messages.topics import Family

TYPE = "org.seatgate.presence.v1"


class PresenceState(StrEnum):
    """`birth` when connected; `death` as the last will or on a clean stop."""

    BIRTH = "birth"
    DEATH = "death"


class OutboxState(msgspec.Struct, frozen=True):
    """How far an edge's outbox is: `watermark` is the last sequence below which all are acknowledged."""

    epoch: Epoch
    last_sequence: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    depth: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    watermark: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    previous_epoch: Epoch | None = None


Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Sentence = Annotated[str, msgspec.Meta(max_length=300, pattern=PRINTABLE)]


class PortalFigures(msgspec.Struct, frozen=True):
    """One portal since its gate's process began.

    `trouble`: what is wrong with its device now, empty when it is well. `good`, `bad` (by kind): frames, repeats included.
    `opened`: how often its device was opened.
    """

    trouble: Sentence = ""
    good: Count = 0
    bad: Annotated[
        dict[Annotated[str, msgspec.Meta(max_length=32, pattern=PRINTABLE)], Count], msgspec.Meta(max_length=16)
    ] = {}
    opened: Count = 0
    last_frame: Moment | None = None


class GateFigures(msgspec.Struct, frozen=True):
    """How a gate is: for staff, never for a decision. No credential is in it.

    `oldest_waiting`: when the first event was captured that booking has not acknowledged. `set_aside`: events that booking
    refused for ever. `fault`: why events cannot be stored, empty when they can.
    """

    started_at: Moment
    connected_since: Moment
    portals: Annotated[
        dict[Annotated[str, msgspec.Meta(min_length=1, max_length=48)], PortalFigures], msgspec.Meta(max_length=128)
    ]
    set_aside: Count = 0
    oldest_waiting: Moment | None = None
    fault: Sentence = ""


Warned = Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[a-z]+(?:-[a-z]+)*\Z")]
"""A word for what staff should look at: "rights", "outbox-lost", "outbox-damaged"."""


class Presence(msgspec.Struct, frozen=True):
    """`session` counts connections of one process run; `boot_id` and `monotonic_ns` date its clock.

    `warnings`: what is wrong with the sender although it works; its own `diagnose` says more. Left out where all is well.
    """

    state: PresenceState
    session: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    version: Annotated[str, msgspec.Meta(max_length=32, pattern=PRINTABLE)]
    wall: Moment
    monotonic_ns: Nanoseconds
    boot_id: BootId
    outbox: OutboxState | None = None
    gate: GateFigures | None = None
    warnings: Annotated[list[Warned], msgspec.Meta(min_length=1, max_length=8)] | msgspec.UnsetType = msgspec.UNSET


def encode(site: str, family: Family, name: str, presence: Presence) -> bytes:
    """Return the payload bytes of a birth or death."""
    return envelope.encode(
        event_id=f"{presence.boot_id}-{presence.monotonic_ns}-{presence.session}-{presence.state}",
        source=envelope.source_of(site, family, name),
        event_type=TYPE,
        time=presence.wall,
        data=presence,
    )


def decode(payload: bytes) -> Presence:
    """Decode a birth or death; MessageError when it is not one."""
    outer = envelope.decode(payload)
    if outer.type != TYPE:
        raise MessageError(f"{outer.type!r} is not a presence")
    presence = envelope.decode_data(outer, Presence)
    envelope.check_times(presence.wall)
    if presence.gate is not None:
        said = presence.gate
        last = [each.last_frame for each in said.portals.values()]
        known = [moment for moment in (said.oldest_waiting, *last) if moment is not None]
        envelope.check_times(said.started_at, said.connected_since, *known)
    return presence
