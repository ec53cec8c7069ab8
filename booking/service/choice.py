"""Which place a reader may have: rules of the area, of the seat, and the best free seat. For bookings and for moves."""

from math import ceil

from booking.domain.capacity import most_held
from booking.domain.cool_down import cooling_until, looks_back_to
from booking.domain.places import Places, Seat
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.seating import best_seat
from booking.domain.window import Interval
from booking.service.commands import Channel, MoveSeat, Reserve
from booking.service.floor import closed_by_staff
from booking.service.unit import Unit
from config.schema import Area

_AT_THE_DESK = frozenset({Channel.KIOSK, Channel.STAFF})


def why_not_area(
    unit: Unit, places: Places, asks: Reserve | MoveSeat, area: Area, interval: Interval
) -> Refusal | None:
    """Refuse a reader whom the area is not for, an area that is closed then, and what is kept for walk-ups."""
    if area.eligible and not unit.groups_of(asks.reader) & set(area.eligible):
        return Refusal(RefusalCode.NOT_ELIGIBLE, "areas.eligible", facts={"area": area.id})
    return closed_by_staff(unit, places, area.id, None, interval) or _kept_for_walk_ups(
        unit, places, asks, area, interval
    )


def _kept_for_walk_ups(
    unit: Unit, places: Places, asks: Reserve | MoveSeat, area: Area, interval: Interval
) -> Refusal | None:
    """Refuse the last free places of an area to everybody who does not stand at a kiosk, until shortly before."""
    released = interval.start - area.walk_up_release
    if not area.walk_up_share or asks.channel in _AT_THE_DESK or asks.at >= released:
        return None
    if area.capacity is not None:
        total, free = area.capacity, area.capacity - most_held(unit.levels(area.id, interval))
    else:
        seats = [seat for seat in places.seats_of[area.id] if not seat.closed]
        gone = unit.held_seats(area.id, interval) | _shut(unit, area.id, interval)
        total, free = len(seats), sum(seat.id not in gone for seat in seats)
    kept = ceil(area.walk_up_share * total)
    if free > kept:
        return None
    return Refusal(RefusalCode.KEPT_FOR_WALK_UPS, "areas.walk_up_share", released, {"kept": str(kept)})


def why_not_seat(
    unit: Unit, places: Places, asks: Reserve | MoveSeat, seat: Seat, interval: Interval
) -> Refusal | None:
    """Refuse a seat that is closed, held, or that this reader has cancelled too often."""
    if seat.closed:
        return Refusal(RefusalCode.SEAT_CLOSED, "areas.closed_seats", facts={"label": seat.label})
    closed = closed_by_staff(unit, places, seat.area, seat.id, interval)
    if closed is not None:
        return closed
    held_until = unit.held_until(seat.id, interval)
    if held_until is not None:
        return Refusal(RefusalCode.SEAT_TAKEN, next_allowed_at=held_until, facts={"label": seat.label})
    rules = places.policy.booking
    cancelled = unit.cancelled(asks.reader, looks_back_to(rules, asks.at), seat.id)
    until = cooling_until(cancelled.get(seat.id, []), rules, asks.at)
    if until is None:
        return None
    return Refusal(RefusalCode.COOL_DOWN, "policy.booking.rebook_limit", until, {"label": seat.label})


def best_for(
    unit: Unit, places: Places, asks: Reserve | MoveSeat, area: str, interval: Interval, *, near: Seat | None
) -> Seat | Refusal:
    """Return the best seat of an area that this reader may have; never one that somebody else is reported to sit on."""
    rules = places.policy.booking
    cancelled = unit.cancelled(asks.reader, looks_back_to(rules, asks.at))
    cooling = {seat for seat, times in cancelled.items() if cooling_until(times, rules, asks.at)}
    gone = unit.held_seats(area, interval) | _shut(unit, area, interval) | unit.reported(area) | cooling
    best = best_seat(places.seats_of[area], gone, near)
    return best or Refusal(RefusalCode.AREA_FULL, None, unit.frees_at(area, interval), {"area": area})


def _shut(unit: Unit, area: str, interval: Interval) -> set[str]:
    return {closure.seat or "" for closure in unit.closures(area, interval)}
