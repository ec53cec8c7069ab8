"""What is wrong with a gate, from what it last said: a closed list of faults, each about the gate or one of its portals. Pure.

Words, and what to do about each fault, are in booking.web.gate_words; a page each is in docs/operations.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from booking.service.gate_states import GateState
from config.schema import Gate
from messages.presence import GateFigures, PortalFigures

SILENT_AFTER = timedelta(minutes=3)
"""A gate says how it is every minute: after three it has lost its line without a word."""
OLD_AFTER = timedelta(minutes=5)
"""Booking answers within a second: what waits longer than this waits for something to be mended."""
MANY_WAITING = 100
"""More than a busy entrance collects in the seconds that booking needs."""
CLOCK_OFF = timedelta(seconds=5)
QUIET_AFTER = timedelta(hours=24)
"""A library's portal that gave no frame for a day is worth a look."""
BAD_SHARE, BAD_LEAST = 0.05, 3
"""So many bad frames, and at least so many, are more than a card that was pulled away."""


class GateFault(StrEnum):
    """What can be wrong with a gate, as far as the service can tell."""

    NOT_JOINED = "not-joined"
    NEVER_HEARD = "never-heard"
    OFFLINE = "offline"
    SILENT = "silent"
    CANNOT_STORE = "cannot-store"
    PORT = "port"
    BAD_FRAMES = "bad-frames"
    QUIET = "quiet"
    SET_ASIDE = "set-aside"
    WAITING = "waiting"
    CLOCK = "clock"
    RIGHTS = "rights"
    OUTBOX_LOST = "outbox-lost"
    OUTBOX_DAMAGED = "outbox-damaged"
    ACCESS_LIST = "access-list"
    """A gate that decides has no list that counts."""
    LOCKED = "locked"
    """Staff have locked a portal for in: nothing is broken, and nobody should forget it."""
    WARNED = "warned"
    """Something that only the gate itself has a sentence for."""


AWAY = frozenset({GateFault.NOT_JOINED, GateFault.NEVER_HEARD, GateFault.OFFLINE, GateFault.SILENT})
"""Of such a gate nothing else is known."""


class Weight(IntEnum):
    """How bad it is: worth a look, or something does not work."""

    LOOK = 1
    BROKEN = 2


WEIGHTS = {
    fault: Weight.LOOK
    if fault
    in {
        GateFault.BAD_FRAMES,
        GateFault.QUIET,
        GateFault.WAITING,
        GateFault.CLOCK,
        GateFault.RIGHTS,
        GateFault.LOCKED,
        GateFault.WARNED,
    }
    else Weight.BROKEN
    for fault in GateFault
}


_NAMED = {
    fault.value: fault
    for fault in (
        GateFault.RIGHTS,
        GateFault.OUTBOX_LOST,
        GateFault.OUTBOX_DAMAGED,
        GateFault.ACCESS_LIST,
        GateFault.LOCKED,
    )
}
"""Words of `messages.presence.Warned` that have a fault of their own."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault; `portal` is empty for the gate itself. `facts` fill the sentence about it."""

    fault: GateFault
    portal: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def weight(self) -> Weight:
        """How bad it is."""
        return WEIGHTS[self.fault]


def troubles(gate: Gate, state: GateState | None, now: datetime, *, joined: bool) -> list[Trouble]:
    """Return what is wrong with a gate, worst first. Of a gate that is away only that is said: the rest is old."""
    if state is None:
        return [Trouble(GateFault.NEVER_HEARD if joined else GateFault.NOT_JOINED)]
    if state.gone_at is not None:
        return [Trouble(GateFault.OFFLINE)]
    if now - state.heard_at > SILENT_AFTER:
        return [Trouble(GateFault.SILENT)]
    found = [*_of_the_gate(state), *_of_portals(gate, state.said.gate, state.heard_at)]
    return sorted(found, key=lambda trouble: -trouble.weight)


def offset(state: GateState) -> timedelta:
    """Return how far the gate's clock was ahead of ours, a message's way included."""
    return state.said.wall - state.heard_at


def _of_the_gate(state: GateState) -> Iterable[Trouble]:
    figures, outbox = state.said.gate, state.said.outbox
    if figures is not None and figures.fault:
        yield Trouble(GateFault.CANNOT_STORE, facts={"said": figures.fault})
    for word in state.said.warnings or ():
        yield Trouble(_NAMED[word]) if word in _NAMED else Trouble(GateFault.WARNED, facts={"word": word})
    if figures is not None and figures.set_aside:
        yield Trouble(GateFault.SET_ASIDE, facts={"count": str(figures.set_aside)})
    oldest = figures.oldest_waiting if figures is not None else None
    if outbox is not None and (
        outbox.depth > MANY_WAITING or (oldest is not None and state.said.wall - oldest > OLD_AFTER)
    ):
        yield Trouble(GateFault.WAITING, facts={"count": str(outbox.depth)})
    if abs(offset(state)) > CLOCK_OFF:
        yield Trouble(GateFault.CLOCK, facts={"seconds": f"{offset(state).total_seconds():+.0f}"})


def _of_portals(gate: Gate, figures: GateFigures | None, heard_at: datetime) -> Iterable[Trouble]:
    for portal in gate.portals:
        known = figures.portals.get(portal.id) if figures is not None else None
        if figures is None or known is None:
            continue
        if known.trouble:
            yield Trouble(GateFault.PORT, portal.id, {"said": known.trouble})
            continue
        bad = sum(known.bad.values())
        if bad >= BAD_LEAST and bad > BAD_SHARE * (bad + known.good):
            yield Trouble(GateFault.BAD_FRAMES, portal.id, {"count": str(bad), "kind": _commonest(known)})
        if heard_at - (known.last_frame or figures.started_at) > QUIET_AFTER:
            yield Trouble(GateFault.QUIET, portal.id)


def _commonest(known: PortalFigures) -> str:
    return max(known.bad, key=lambda kind: known.bad[kind])
