"""Writing down a step of a reservation: the new state, the ledger's entry and what the reader is told, together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from booking.domain.carry import carried
from booking.domain.evidence import CHANGE_OF, Change, Evidence, Source
from booking.domain.places import Places
from booking.domain.reservation import Action, Reservation, Status, at, back_by
from booking.service.consequences import follow
from booking.service.unit import Unit

_BY_TIME = {
    Status.NO_SHOW: Change.MISSED,
    Status.LAPSED: Change.LAPSED,
    Status.ENDED: Change.ENDED,
    Status.NOT_SIGNED_OUT: Change.NOT_SIGNED_OUT,
    Status.CANCELLED: Change.WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """Through what something was learned, when it happened and when it was learned; `facts` explain it further."""

    source: str
    occurred_at: datetime
    received_at: datetime
    facts: dict[str, str] = field(default_factory=dict)


def facts_of(places: Places, reservation: Reservation) -> dict[str, str]:
    """Return what every sentence about a reservation may need: where, from when, until when."""
    facts = {
        "area": reservation.area,
        "seat": reservation.seat,
        "label": places.label(reservation.seat),
        "start": reservation.start.astimezone(places.zone).isoformat(),
        "end": reservation.end.astimezone(places.zone).isoformat(),
    }
    back = back_by(reservation, places.policy)
    if back is not None:
        facts["until"] = back.astimezone(places.zone).isoformat()
    if reservation.status is Status.AWAY and reservation.away_until not in {None, back}:
        facts["limit"] = reservation.away_until.astimezone(places.zone).isoformat()
    return facts


def note(
    unit: Unit, places: Places, reservation: Reservation, change: Change, occasion: Occasion, *, quiet: bool = False
) -> None:
    """Append one entry about `reservation` to the ledger."""
    unit.record(
        Evidence(
            reservation=reservation.id,
            reader=reservation.reader,
            source=occasion.source,
            change=change,
            occurred_at=occasion.occurred_at,
            received_at=occasion.received_at,
            facts=facts_of(places, reservation) | occasion.facts,
            quiet=quiet,
        )
    )


def write(unit: Unit, places: Places, reservation: Reservation, action: Action, occasion: Occasion) -> None:
    """Save `reservation` as `action` left it, with its entry."""
    unit.save(reservation)
    note(unit, places, reservation, CHANGE_OF[action], occasion)


def settle(unit: Unit, places: Places, stays: Iterable[Reservation], now: datetime, *, blame: bool = True) -> None:
    """Write down what time has done to `stays` by `now`, and, unless nobody is to `blame`, what follows from it."""
    for listed in stays:
        stay = unit.stay(listed.id) or listed  # the end of an earlier one may have changed it
        after = at(stay, places.policy, now)
        if after is not stay and after.closed_at is not None:
            unit.save(after)
            note(unit, places, after, _BY_TIME[after.status], Occasion(Source.SYSTEM, after.closed_at, now))
            if blame:
                follow(unit, places, after, now)
            carry_over(unit, places, stay, now)


def carry_over(unit: Unit, places: Places, ended: Reservation, now: datetime) -> None:
    """Let the reader of a stay that time has ended be there in the one that follows it on the same seat."""
    for coming in unit.holding_of(ended.reader):
        steps = carried(ended, coming, places.policy, places.zone)
        for action, after in steps:
            write(unit, places, after, action, Occasion(Source.SYSTEM, coming.start, now, {"carried": ended.id}))
        if steps:
            settle(unit, places, [coming], now)
