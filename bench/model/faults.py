"""Mistakes on purpose: each is put into the running product for a while, and taken out again. Never a flag of the product.

A play that does not find these would not find others of their kind either. They are put in wherever the product knows a
name, and into the tables where storage would refuse what the mistake lets through.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.model.databases import NOTHING, Spoil
from booking.domain import attendance, booking, violations, window
from booking.service import consequences, presence, reserve, room
from booking.service.commands import Recorded
from booking.store import desk_commands
from booking.store.batch import Batch
from booking.store.unit import StoreUnit

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Fault:
    """One mistake. `put` returns (owner, name, what stands there instead); `spoil` are statements for the tables."""

    library: str
    """The library in which it shows."""
    what: str
    put: Callable[[], list[tuple[Any, str, Any]]]
    spoil: Spoil = NOTHING


@contextmanager
def planted(fault: Fault | None) -> Iterator[None]:
    """Have the product make this mistake for a while."""
    taken = []
    try:
        for owner, name, instead in fault.put() if fault else ():
            for place in _everywhere(owner, name):
                taken.append((place, name, vars(place)[name]))
                setattr(place, name, instead)
        yield
    finally:
        for place, name, was in reversed(taken):
            setattr(place, name, was)


def _everywhere(owner: Any, name: str) -> list[Any]:
    """The owner, and every module of the product that has taken the same thing over under this name."""
    if isinstance(owner, type):
        return [owner]
    original = getattr(owner, name)
    modules = [module for key, module in list(sys.modules.items()) if key.split(".")[0] == "booking"]
    return [module for module in modules if vars(module).get(name) is original]


# ---- the five --------------------------------------------------------------------------------------------------------


def _window_off_by_one() -> list[tuple[Any, str, Any]]:
    right = window.check_in_window

    def wrong(start: datetime, end: datetime, policy: Any) -> window.CheckInWindow:
        found = right(start, end, policy)
        return replace(found, closes=found.closes + SECOND)

    return [(window, "check_in_window", wrong)]


def _exclusion_dropped() -> list[tuple[Any, str, Any]]:
    return [(StoreUnit, name, lambda *_args, **_more: None) for name in ("clash", "held_until")]


def _late_event_ignored() -> list[tuple[Any, str, Any]]:
    right = presence.record_event

    def wrong(unit: Any, places: Any, command: Any) -> None:
        if command.at - command.event.occurred_at <= places.policy.gate.late_after:
            right(unit, places, command)

    return [(presence, "record_event", wrong)]


def _utc_midnight() -> list[tuple[Any, str, Any]]:
    right = violations.suspensions
    return [(violations, "suspensions", lambda found, policy, _zone: right(found, policy, UTC))]


def _lost_idempotency() -> list[tuple[Any, str, Any]]:
    return [(Batch, "_once", lambda self, unit, command: self._carry_out(unit, command))]


# ---- and more --------------------------------------------------------------------------------------------------------


def _capacity_off_by_one() -> list[tuple[Any, str, Any]]:
    right = room.full_until
    return [(room, "full_until", lambda found, capacity: right(found, capacity + 1))]


def _meals_forgotten() -> list[tuple[Any, str, Any]]:
    return [(attendance, "longest_absence", lambda policy, _begins: policy.away.limit)]


def _suspension_kept() -> list[tuple[Any, str, Any]]:
    return [(consequences, "lift_by_evidence", lambda *_args: None)]


def _a_day_early() -> list[tuple[Any, str, Any]]:
    right = booking.opens_for_booking
    day = timedelta(days=1)
    return [
        (booking, "opens_for_booking", lambda rules, on, zone: right(rules, on, zone) - day),
        (booking, "judged", booking.judged.__wrapped__),  # remembers nothing: neither before nor after
    ]


def _event_twice() -> list[tuple[Any, str, Any]]:
    right = desk_commands.gate_event_known

    def wrong(db: Any, command: Any) -> Recorded:
        known = right(db, command)
        return Recorded() if known.replay else known

    return [(desk_commands, "gate_event_known", wrong)]


def _suspended_by_hearsay() -> list[tuple[Any, str, Any]]:
    return [(violations, "heard_until", lambda *_args: violations.ALWAYS)]


def _booked_while_suspended() -> list[tuple[Any, str, Any]]:
    return [(reserve, "suspended", lambda *_args: None)]


_SEATS_FREE_FOR_ALL: Spoil = (
    ["DROP TRIGGER IF EXISTS seat_overlap_insert", "DROP TRIGGER IF EXISTS seat_overlap_update"],
    ['ALTER TABLE reservations DROP CONSTRAINT IF EXISTS "seat-overlap"'],
)
_PLACES_WITHOUT_END: Spoil = (["DROP TRIGGER IF EXISTS area_full"], ["DROP TRIGGER IF EXISTS area_full ON held_places"])
FAULTS = {
    "window-off-by-one": Fault("seats", "the check-in window closes a second late", _window_off_by_one),
    "exclusion-dropped": Fault(
        "seats", "neither rules nor storage keep two readers from one seat", _exclusion_dropped, _SEATS_FREE_FOR_ALL
    ),
    "late-event-ignored": Fault("seats", "a gate's event that comes late does nothing", _late_event_ignored),
    "utc-midnight": Fault("places", "suspensions end at midnight in Greenwich", _utc_midnight),
    "lost-idempotency": Fault("seats", "a repeated request is carried out again", _lost_idempotency),
    "capacity-off-by-one": Fault(
        "places",
        "one reader more than there are places",
        _capacity_off_by_one,
        _PLACES_WITHOUT_END,
    ),
    "meals-forgotten": Fault("seats", "who goes to a meal has no longer than others", _meals_forgotten),
    "suspension-kept": Fault("places", "late evidence leaves the violation standing", _suspension_kept),
    "a-day-early": Fault("places", "the last day opens a day early", _a_day_early),
    "event-twice": Fault("seats", "a gate's event that is sent again is applied again", _event_twice),
    "gates-not-awaited": Fault("seats", "a violation stands before the gates have told all", _suspended_by_hearsay),
    "suspension-forgotten": Fault("places", "who is suspended can book", _booked_while_suspended),
}
"""Name → mistake; the first five are those that the long run must find."""
