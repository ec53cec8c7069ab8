"""The best free seat for who was there in time, but whose seat was given on before we learned of it."""

from dataclasses import replace
from datetime import datetime, timedelta

from booking.domain.booking import this_minute
from booking.domain.evidence import Change
from booking.domain.places import Places, Seat
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply
from booking.domain.window import Interval
from booking.service.choice import best_for
from booking.service.commands import Changed, Reserve
from booking.service.gate_commands import TakeOffer
from booking.service.ledger import Occasion, note, settle, write
from booking.service.unit import Unit


def offer_for(unit: Unit, places: Places, stay: Reservation, now: datetime) -> Seat | None:
    """Return the free seat nearest to the lost one, for what is left of the stay; None where there is none, or no need."""
    interval = _rest_of(stay, now)
    if stay.status is not Status.DISPLACED or not stay.seat or interval is None or places.area(stay.area) is None:
        return None
    if unit.reader_clash(stay.reader, interval, but=stay.id):
        return None
    asks = Reserve(reader=stay.reader, at=now, seat=None, area=stay.area, start=interval.start, end=interval.end)
    best = best_for(unit, places, asks, stay.area, interval, near=places.seat(stay.seat))
    return best if isinstance(best, Seat) else None


def offer_facts(unit: Unit, places: Places, stay: Reservation, now: datetime) -> dict[str, str]:
    """Return what the sentence of a displaced reservation says of another seat; nothing where none is free."""
    seat = offer_for(unit, places, stay, now)
    return {"offer": seat.id, "offer_label": seat.label} if seat else {}


def take_offer(unit: Unit, places: Places, command: TakeOffer) -> Changed | Refusal:
    """Book the offered seat, checked in: the reader has shown already that they are there. The offer costs them nothing."""
    lost = unit.stay(command.reservation)
    if lost is None or lost.reader != command.reader:
        return Refusal(RefusalCode.UNKNOWN_RESERVATION)
    interval = _rest_of(lost, command.at)
    if lost.status is not Status.DISPLACED or interval is None:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"status": lost.status})
    settle(unit, places, unit.fallen_due(command.at, reader=lost.reader, area=lost.area), command.at)
    if unit.reader_clash(lost.reader, interval, but=lost.id):
        return Refusal(RefusalCode.READER_OVERLAP)
    seat = offer_for(unit, places, lost, command.at)
    if seat is None:
        return Refusal(RefusalCode.AREA_FULL, facts={"area": lost.area})
    booked = replace(
        lost,
        id=unit.new_id(command.at),
        seat=seat.id,
        start=interval.start,
        status=Status.RESERVED,
        created_at=command.at,
        checked_in_at=None,
        away_at=None,
        away_until=None,
        returned_at=None,
        closed_at=None,
        frozen=(),
    )
    occasion = Occasion(command.channel, command.at, command.at, {"instead_of": lost.id})
    unit.add(booked)
    note(unit, places, booked, Change.RESERVED, occasion)
    there = apply(booked, Action.CHECK_IN, command.at)
    if not isinstance(there, Reservation):
        return there
    write(unit, places, there, Action.CHECK_IN, occasion)
    return Changed(there)


def _rest_of(stay: Reservation, now: datetime) -> Interval | None:
    start = max(stay.start, this_minute(now))
    return Interval(start, stay.end) if stay.end - start > timedelta() else None
