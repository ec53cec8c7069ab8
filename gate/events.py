"""What is said at a portal: read → access event, walk → passage event, alarm → alarm event, command → what became of it, each → the topic and bytes that the outbox keeps. Pure."""

import msgspec

from config.schema import Portal, PortalDirection
from gate.access_rules import Decision
from messages import access, topics
from messages.access import AccessEvent, AlarmEvent, CommandEvent, CommandResult, Direction, GateEvent, PassageEvent
from messages.errors import MessageError
from messages.topics import Family, Leaf
from runtime.outbox import Make
from wire.line_driver import Instant
from wire.reads import Alarm, Read, Walk


def direction_of(portal: Portal, read: Read) -> Direction:
    """Return which way: as the portal is built; where it leads both ways, as the frame says."""
    match portal.direction:
        case PortalDirection.IN:
            return Direction.IN
        case PortalDirection.OUT:
            return Direction.OUT
        case PortalDirection.FRAME:
            return read.direction or Direction.UNKNOWN


def access_event(
    portal: Portal, read: Read, at: Instant, decision: Decision | None = None, *, epoch: int, sequence: int
) -> AccessEvent:
    """Return the event of one read. Without a `decision` of ours the turnstile lets in or not, and reports (some say what).

    `occurred_at` is this machine's time: a terminal's own clock is often years off after a power cut.
    """
    return AccessEvent(
        portal=portal.id,
        direction=direction_of(portal, read),
        credential=read.credential,
        outcome=decision.outcome if decision else read.outcome,
        occurred_at=at.wall,
        monotonic_ns=at.monotonic_ns,
        boot_id=at.boot_id,
        epoch=epoch,
        sequence=sequence,
        reason=decision.reason if decision else None,
    )


def lane_of(portal: Portal) -> str:
    """Return the portal whose passages a line tells: its own, or that of the reader beside a board without one."""
    return portal.passage_for or portal.id


def passage_event(portal: Portal, walk: Walk, of: int, at: Instant, *, epoch: int, sequence: int) -> PassageEvent:
    """Return the event of the turnstile's word on event `of` of the same epoch."""
    return PassageEvent(
        portal=lane_of(portal),
        of=of,
        passed=walk.passed,
        occurred_at=at.wall,
        monotonic_ns=at.monotonic_ns,
        boot_id=at.boot_id,
        epoch=epoch,
        sequence=sequence,
    )


def alarm_event(portal: Portal, alarm: Alarm, at: Instant, *, epoch: int, sequence: int) -> AlarmEvent:
    """Return the event of an alarm at a lane."""
    return AlarmEvent(
        portal=lane_of(portal),
        active=alarm.active,
        occurred_at=at.wall,
        monotonic_ns=at.monotonic_ns,
        boot_id=at.boot_id,
        epoch=epoch,
        sequence=sequence,
        what=alarm.what,
    )


def command_event(
    portal: str, of: str, result: CommandResult, detail: str, at: Instant, *, epoch: int, sequence: int
) -> CommandEvent:
    """Return the event that tells what became of a command."""
    return CommandEvent(
        portal=portal,
        of=of,
        result=result,
        occurred_at=at.wall,
        monotonic_ns=at.monotonic_ns,
        boot_id=at.boot_id,
        epoch=epoch,
        sequence=sequence,
        detail=detail,
    )


def outgoing(site: str, gate: str, event: GateEvent) -> tuple[str, bytes]:
    """Return the topic and the exact payload of an event."""
    return topics.build(site, Family.GATES, gate, Leaf.ACCESS), access.encode(site, gate, event)


def made_anew(site: str, gate: str, payload: bytes) -> Make | None:
    """Return what makes an event that is queued already under another identity; None for a word on another event of its epoch."""
    try:
        event = access.decode(site, gate, payload)
    except MessageError:
        return None
    if isinstance(event, PassageEvent):
        return None
    return lambda epoch, sequence: outgoing(site, gate, msgspec.structs.replace(event, epoch=epoch, sequence=sequence))
