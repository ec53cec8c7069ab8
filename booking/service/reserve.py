"""Book a seat: this one, or the best free one of an area, or this one and else the best; or a place without a seat."""

from booking.domain.booking import other_venue_refuses, own_bookings_refuse, this_minute, wished_interval
from booking.domain.evidence import Change
from booking.domain.places import Places, Seat
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply
from booking.domain.window import Interval
from booking.service.choice import best_for, why_not_area, why_not_seat
from booking.service.commands import Changed, Channel, Reserve
from booking.service.consequences import suspended
from booking.service.evacuation import freeze_new
from booking.service.inside import look
from booking.service.ledger import Occasion, note, settle, write
from booking.service.room import no_place
from booking.service.unit import Unit

NO_SEAT = ""
"""What stands for the seat in a capacity area."""


def reserve(unit: Unit, places: Places, command: Reserve) -> Changed | Refusal:
    """Decide one booking on facts of this transaction, and write it."""
    wished = places.seat(command.seat) if command.seat else None
    if command.seat and wished is None:
        return Refusal(RefusalCode.UNKNOWN_SEAT, facts={"seat": command.seat})
    area = places.area(wished.area if wished else command.area or "")
    if area is None or (wished and command.area not in {None, wished.area}):
        return Refusal(RefusalCode.UNKNOWN_AREA, facts={"area": command.area or ""})
    interval = wished_interval(places, area, command.start, command.end, command.at)
    if isinstance(interval, Refusal):
        return interval
    settle(unit, places, unit.fallen_due(command.at, reader=command.reader, area=area.id), command.at)
    own = unit.holding_of(command.reader)
    refused = suspended(unit, places, command.reader, command.at)
    refused = refused or own_bookings_refuse(places, own, interval) or other_venue_refuses(places, own, area)
    if refused:
        return refused
    refused = why_not_area(unit, places, command, area, interval)
    if refused:
        return refused
    if area.capacity is not None:
        full = no_place(unit, area, interval)
        return full or Changed(_write(unit, places, command, (area.id, NO_SEAT), interval))
    seat = _seat_for(unit, places, command, wished, interval)
    if isinstance(seat, Refusal):
        return seat
    return Changed(_write(unit, places, command, (area.id, seat.id), interval))


def _seat_for(unit: Unit, places: Places, command: Reserve, wished: Seat | None, interval: Interval) -> Seat | Refusal:
    if wished is not None:
        taken = why_not_seat(unit, places, command, wished, interval)
        if taken is None:
            return wished
        if command.area is None:
            return taken
    return best_for(unit, places, command, command.area or "", interval, near=wished)


def _write(unit: Unit, places: Places, command: Reserve, where: tuple[str, str], interval: Interval) -> Reservation:
    """Write the booking of `where`: an area and a seat of it."""
    now = command.at
    booked = Reservation(
        id=unit.new_id(now),
        reader=command.reader,
        area=where[0],
        seat=where[1],
        start=interval.start,
        end=interval.end,
        status=Status.RESERVED,
        created_at=now,
    )
    occasion = Occasion(command.channel, now, now)
    unit.add(booked)
    note(unit, places, booked, Change.RESERVED, occasion)
    booked = freeze_new(unit, places, booked, now)
    from_now = interval.start == this_minute(now)
    if not (from_now and command.channel is Channel.KIOSK and places.policy.check_in.at_kiosk_now):
        return look(unit, places, booked, now)
    there = apply(booked, Action.CHECK_IN, now)
    if isinstance(there, Refusal):
        return booked
    write(unit, places, there, Action.CHECK_IN, occasion)
    return there
