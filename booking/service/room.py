"""Whether there is room for a stay where it stands: on its own seat, or in the count of its capacity area."""

from datetime import datetime, timedelta

from booking.domain.capacity import full_from, full_until
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation
from booking.domain.window import Interval
from booking.service.ledger import settle
from booking.service.unit import Unit
from config.schema import Area

_AHEAD = timedelta(days=1)


def settle_around(unit: Unit, places: Places, stay: Reservation, now: datetime) -> None:
    """Write down what time has done to the reader of `stay` and to the seat, or the capacity area, that it is in."""
    if stay.seat:
        due = unit.fallen_due(now, reader=stay.reader, seat=stay.seat)
    else:
        due = unit.fallen_due(now, reader=stay.reader, area=stay.area)
    settle(unit, places, due, now)


def is_taken(unit: Unit, places: Places, stay: Reservation) -> bool:
    """Tell whether somebody else's booking leaves no room for `stay` at some instant of it."""
    interval = Interval(stay.start, stay.end)
    if stay.seat:
        return unit.clash(stay.seat, interval, but=stay.id) is not None
    area, stored = places.area(stay.area), unit.stay(stay.id)
    if stored is not None and stored.holds:
        return False  # the place it would have is its own already
    return area is None or no_place(unit, area, interval) is not None


def no_place(unit: Unit, area: Area, interval: Interval) -> Refusal | None:
    """Refuse when some instant of `interval` has no place left in a capacity area."""
    capacity = area.capacity or 0
    until = full_until(unit.levels(area.id, interval), capacity)
    if until is None:
        return None
    return Refusal(RefusalCode.AREA_FULL, "areas.capacity", until, {"area": area.id, "most": str(capacity)})


def next_taken(unit: Unit, places: Places, stay: Reservation) -> datetime | None:
    """Return from when on, after the end of `stay`, others leave it no room; None when that is not in sight."""
    if stay.seat:
        return unit.next_start_on(stay.seat, stay.end)
    area = places.area(stay.area)
    capacity = area.capacity if area and area.capacity else 0
    return full_from(unit.levels(stay.area, Interval(stay.end, stay.end + _AHEAD)), capacity)
