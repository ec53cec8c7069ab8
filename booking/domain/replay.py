"""A reservation's state from its ledger alone: the entries in the order in which we learned of them, `occurred_at` as data.

It is the proof that the ledger explains everything; nothing else is written from it.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from booking.domain.evidence import CHANGE_OF, OF_VIOLATIONS, Change, Evidence
from booking.domain.refusals import Refusal
from booking.domain.reservation import Action, Reservation, Status, apply, at, moved, undone
from config.policy import Policy

_CLOCKS = frozenset({Change.FROZEN, Change.THAWED})
_ACTION_OF = {change: action for action, change in CHANGE_OF.items() if action is not Action.COMPLETE}


def replay(ledger: Iterable[Evidence], policy: Policy) -> Reservation:
    """Return the state that the entries of one reservation lead to; ValueError for a ledger that does not hold together."""
    states: list[Reservation] = []
    learned_at: datetime | None = None
    for entry in ledger:
        if entry.change in _CLOCKS and states and states[-1].holds:
            # what is undone later comes back with its clocks as they are then
            frozen = _must(apply(states[-1], _ACTION_OF[entry.change], entry.occurred_at), entry).frozen
            states = [replace(state, frozen=frozen) for state in states]
        elif entry.change not in OF_VIOLATIONS:
            states.append(_after(states, entry, policy, learned_at))
            learned_at = entry.received_at
    if not states:
        raise ValueError("a ledger without an entry is of no reservation")
    return states[-1]


def _after(states: list[Reservation], entry: Evidence, policy: Policy, learned_at: datetime | None) -> Reservation:
    """`learned_at` is when the entry before this one was learned of: a passage is undone to what time had left by then."""
    if entry.change is Change.RESERVED:
        return _booked(entry)
    now = states[-1]
    match entry.change:
        case Change.UNDONE:
            return undone(at(states[-2], policy, learned_at or now.created_at), policy, entry.occurred_at)
        case Change.MOVED:
            return _must(moved(now, entry.facts["area"], entry.facts["seat"]), entry)
        case Change.DISPLACED:
            return _must(apply(now, Action.DISPLACE, entry.received_at), entry)
        case Change.REINSTATED:
            back = _must(apply(now, Action.REINSTATE, entry.occurred_at), entry)
            standing = at(back, policy, entry.received_at)
            return back if standing.holds else standing
        case _:
            # "limit" is how long the absence may be where an evacuation changes when it is over
            limit = "limit" if "limit" in entry.facts else "until"
            until = _moment(entry, limit if entry.change is Change.STEPPED_AWAY else "end")
            return _must(apply(now, _ACTION_OF[entry.change], entry.occurred_at, until=until), entry)


def _booked(entry: Evidence) -> Reservation:
    return Reservation(
        id=entry.reservation,
        reader=entry.reader,
        area=entry.facts["area"],
        seat=entry.facts["seat"],
        start=_moment(entry, "start"),
        end=_moment(entry, "end"),
        status=Status.RESERVED,
        created_at=entry.received_at,
    )


def _moment(entry: Evidence, fact: str) -> datetime:
    return datetime.fromisoformat(entry.facts[fact]).astimezone(UTC)


def _must(result: Reservation | Refusal, entry: Evidence) -> Reservation:
    if isinstance(result, Refusal):
        raise ValueError(f"{entry.change} cannot follow in the ledger of {entry.reservation}: {result.facts}")  # noqa: TRY004 - the data is wrong, not its type
    return result
