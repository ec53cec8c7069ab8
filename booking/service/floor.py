"""What staff do to the floor: close an area or a seat, open it again; and what an earlier closing does to who is there.

Reservations that a closure hits are ended or cut short in its own transaction, each with an entry in the ledger, so that
their readers are told; nobody is blamed.
"""

from dataclasses import dataclass
from datetime import datetime

from booking.domain.closures import KEY, Closure, made_room
from booking.domain.evidence import Source
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation, apply
from booking.domain.window import Interval, day_of
from booking.service.ledger import Occasion, settle, write
from booking.service.unit import Unit
from config.values import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseFloor:
    """Close an area, or one seat of it. The same `id` twice is one closure. `start` None: now; `end` None: until lifted."""

    id: str
    staff: str
    at: datetime
    area: str
    seat: str | None
    start: datetime | None
    end: datetime | None
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFloor:
    """Lift a closure."""

    closure: str
    staff: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleTask:
    """Say that a task is done."""

    task: str
    staff: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepHours:
    """Hold every reservation against the opening hours of the site file, which may be another since it was booked."""

    at: datetime


FloorCommand = CloseFloor | OpenFloor | SettleTask | KeepHours


def close_floor(unit: Unit, places: Places, command: CloseFloor) -> Refusal | None:
    """Make a closure; end or shorten what it hits."""
    seat = places.seat(command.seat) if command.seat else None
    if places.area(command.area) is None:
        return Refusal(RefusalCode.UNKNOWN_AREA, facts={"area": command.area})
    if command.seat and (seat is None or seat.area != command.area):
        return Refusal(RefusalCode.UNKNOWN_SEAT, facts={"seat": command.seat})
    start = max(command.start or command.at, command.at)
    if command.end is not None and command.end <= start:
        return Refusal(RefusalCode.INVALID_REQUEST, facts={"end": "not after the start"})
    closure = Closure(
        id=command.id,
        area=command.area,
        seat=command.seat or None,
        start=start,
        end=command.end,
        reason=command.reason,
        made_by=command.staff,
        made_at=command.at,
    )
    settle(unit, places, unit.fallen_due(command.at, area=command.area), command.at)
    unit.add_closure(closure)
    for stay in unit.standing(command.area, closure.seat):
        if stay.end > start and (closure.end is None or stay.start < closure.end):
            _make_room(unit, places, stay, start, Occasion("staff", command.at, command.at, closure.facts))
    return None


def open_floor(unit: Unit, command: OpenFloor) -> Refusal | None:
    """Lift a closure."""
    found = unit.lift_closure(command.closure, command.staff, command.at)
    return None if found else Refusal(RefusalCode.NOT_FOUND)


def keep_hours(unit: Unit, places: Places, command: KeepHours) -> None:
    """End or shorten what no longer lies within the opening hours of its day."""
    settle(unit, places, unit.fallen_due(command.at), command.at)
    for stay in unit.standing():
        if places.area(stay.area) is None:
            continue
        found = places.opening(stay.area, day_of(stay.start, places.zone))
        hours = found.hours
        if hours.start <= stay.start and stay.end <= hours.end:
            continue
        closes = hours.end if hours.start <= stay.start else command.at
        told = {"reason_zh": found.reason.zh, "reason_en": found.reason.en} if found.reason else {}
        _make_room(unit, places, stay, closes, Occasion(Source.SYSTEM, command.at, command.at, told))


def give_way(unit: Unit, places: Places, stay: Reservation, now: datetime) -> Reservation:
    """Hold a stay that has come back against what staff have closed meanwhile; return what is left of it."""
    closures = unit.closures(stay.area, Interval(now, stay.end), stay.seat) if stay.end > now else []
    if not closures:
        return stay
    first = min(closures, key=lambda closure: closure.start)
    _make_room(unit, places, stay, max(first.start, now), Occasion("staff", now, now, first.facts))
    return unit.stay(stay.id) or stay


def _make_room(unit: Unit, places: Places, stay: Reservation, closes: datetime, occasion: Occasion) -> None:
    action, until = made_room(stay, closes, occasion.received_at, places.policy.booking.min_length)
    after = apply(stay, action, occasion.occurred_at, until=until)
    if isinstance(after, Refusal):
        raise TypeError(f"a standing reservation cannot be {action}: {after.facts}")
    write(unit, places, after, action, occasion)


def closed_by_staff(unit: Unit, places: Places, area: str, seat: str | None, interval: Interval) -> Refusal | None:
    """Refuse what staff have closed at some moment of `interval`, with the reason and when it opens again."""
    found = unit.closures(area, interval, seat or "")
    if not found:
        return None
    whole = [closure for closure in found if closure.seat is None]
    code = RefusalCode.CLOSED if whole else RefusalCode.SEAT_CLOSED
    ends = [closure.end for closure in found]
    last = None if None in ends else max(end for end in ends if end)
    facts = (whole or found)[0].facts
    if seat:
        facts |= {"label": places.label(seat)}
    return Refusal(code, KEY, places.next_opening(area, last) if last else None, facts)
