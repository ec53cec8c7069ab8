"""Staff walk the floor and find a held seat empty, or with belongings alone: its reader is told and the away clock starts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.domain.attendance import away_until
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply
from booking.domain.window import Interval
from booking.service.ledger import Occasion, settle, write
from booking.service.unit import Unit


class Found(StrEnum):
    """What staff saw on a seat whose reader should be there."""

    EMPTY = "empty"
    BELONGINGS = "belongings"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSeat:
    """Say what was found on `seat` at `at`. It names a seat, never a reader: staff need not know whose it is."""

    seat: str
    staff: str
    at: datetime
    found: Found


def mark_seat(unit: Unit, places: Places, command: MarkSeat) -> Refusal | None:
    """Start the away clock of whoever is checked in there; nobody else's reservation can be marked."""
    seat = places.seat(command.seat)
    if seat is None:
        return Refusal(RefusalCode.UNKNOWN_SEAT, facts={"seat": command.seat})
    settle(unit, places, unit.fallen_due(command.at, seat=seat.id), command.at)
    stay = unit.clash(seat.id, Interval(command.at, command.at + timedelta(microseconds=1)))
    if stay is None or stay.status is not Status.IN_USE:
        facts = {"status": stay.status if stay else "free", "seat": seat.id}
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts=facts)
    if not places.policy.away.offered:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, "policy.away.offered", facts={"seat": seat.id})
    until = away_until(stay, places.policy, command.at, places.zone)
    after = apply(stay, Action.STEP_AWAY, command.at, until=until)
    if not isinstance(after, Reservation):
        return after
    facts = {"patrol": str(command.found)}
    write(unit, places, after, Action.STEP_AWAY, Occasion("staff", command.at, command.at, facts))
    unit.violations.audit(command.at, command.staff, "patrol", stay.id, facts | {"seat": seat.id})
    return None
