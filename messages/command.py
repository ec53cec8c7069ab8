"""Commands from booking to a kiosk or a gate: signed, with an id and a deadline; late or unsigned ones are never acted on."""

from datetime import datetime
from typing import Annotated

import msgspec

from messages import envelope
from messages.access import CommandId, Direction, Epoch, Sequence
from messages.envelope import Moment
from messages.errors import MessageError
from messages.topics import Family

TYPE = "org.seatgate.command.v1"

PortalName = Annotated[str, msgspec.Meta(min_length=1, max_length=48, pattern=r"^[a-z0-9-]+\Z")]


class Screenshot(msgspec.Struct, frozen=True, tag="screenshot", tag_field="command"):
    """Send a picture of the idle screen, under this id, before the deadline."""

    id: CommandId
    deadline: Moment


class Resync(msgspec.Struct, frozen=True, tag="resync", tag_field="command", omit_defaults=True):
    """To a gate: send the events of `epoch` from sequence `first` to `last` again, acknowledged or not: booking lost them.

    With `new_epoch` these numbers were used for other events, too: the gate begins a new epoch and sends them under it.
    """

    id: CommandId
    deadline: Moment
    epoch: Epoch
    first: Sequence
    last: Sequence
    new_epoch: bool = False


class Open(msgspec.Struct, frozen=True, tag="open", tag_field="command", omit_defaults=True):
    """To a gate: let one person through `portal` now; `direction` where it leads both ways."""

    id: CommandId
    deadline: Moment
    portal: PortalName
    direction: Direction | None = None


class Lock(msgspec.Struct, frozen=True, tag="lock", tag_field="command"):
    """To a gate: let nobody in at `portal` until it is unlocked. Out is never refused."""

    id: CommandId
    deadline: Moment
    portal: PortalName


class Unlock(msgspec.Struct, frozen=True, tag="unlock", tag_field="command"):
    """To a gate: decide at `portal` as before it was locked."""

    id: CommandId
    deadline: Moment
    portal: PortalName


PortalOrder = Open | Lock | Unlock
"""What staff have done at a portal; the gate tells what became of it (messages.access.CommandEvent)."""
Command = Screenshot | Resync | Open | Lock | Unlock
"""Every command that exists."""


def encode(site: str, booking: str, command: Command, *, at: datetime) -> bytes:
    """Return the payload bytes of a command given at `at`."""
    return envelope.encode(
        event_id=command.id,
        source=envelope.source_of(site, Family.BOOKING, booking),
        event_type=TYPE,
        time=at,
        data=command,
    )


def decode(payload: bytes) -> Command:
    """Decode a command; MessageError when it is none that we know."""
    outer = envelope.decode(payload)
    if outer.type != TYPE:
        raise MessageError(f"{outer.type!r} is not a command")
    command: Command = envelope.decode_data(outer, Command)  # type: ignore[arg-type]
    if command.id != outer.id:
        raise MessageError(f"the envelope's id {outer.id!r} is not the command's {command.id!r}")
    envelope.check_times(command.deadline)
    return command


def given_at(payload: bytes) -> datetime:
    """Return when a command was given; MessageError for no envelope."""
    return envelope.decode(payload).time
