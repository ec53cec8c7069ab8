"""May this reader book this stretch of time? The rules that need no seat: hours, grid, length, days ahead, own bookings.

Each refusal names the key of the site file that decided, and when it will be allowed where that is known.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation
from booking.domain.window import Interval, day_of, midnight, on_grid, opening_hours
from config.schema import Area

_DAY = timedelta(days=1)


def this_minute(now: datetime) -> datetime:
    """Return the minute that `now` lies in: the start of a booking from now ("16:38")."""
    return now.astimezone(UTC).replace(second=0, microsecond=0)


def wished_interval(
    places: Places, area: Area, start: datetime | None, end: datetime, now: datetime
) -> Interval | Refusal:
    """Return the interval that would be booked, or why not. `start` None means now."""
    rules = places.policy.booking
    current = this_minute(now)
    wish = Interval(start.astimezone(UTC) if start else current, end.astimezone(UTC))
    if wish.start < current or wish.end <= now:
        return Refusal(RefusalCode.IN_THE_PAST)
    if wish.start == current and not rules.allow_now and not on_grid(current, rules.grid, places.zone):
        return Refusal(RefusalCode.OFF_GRID, "policy.booking.allow_now")
    return (
        _too_far_ahead(places, wish, now)
        or _outside_hours(places, area, wish)
        or _off_grid(places, area, wish, current)
        or _bad_length(places, area, wish)
        or wish
    )


def _too_far_ahead(places: Places, wish: Interval, now: datetime) -> Refusal | None:
    days = places.policy.booking.advance_days
    day = day_of(wish.start, places.zone)
    if day <= day_of(now, places.zone) + days * _DAY:
        return None
    opens = midnight(day - days * _DAY, places.zone)
    return Refusal(RefusalCode.TOO_FAR_AHEAD, "policy.booking.advance_days", opens, {"days": str(days)})


def _outside_hours(places: Places, area: Area, wish: Interval) -> Refusal | None:
    venue = places.venue_of(area.id)
    hours = opening_hours(venue, day_of(wish.start, places.zone), places.zone)
    if hours.start <= wish.start and wish.end <= hours.end:
        return None
    facts = {"opens": f"{venue.opens:%H:%M}", "closes": f"{hours.end.astimezone(places.zone):%H:%M}"}
    key, following = "venues.closes", None
    if wish.start < hours.start:
        key, following = "venues.opens", hours.start
    return Refusal(RefusalCode.OUTSIDE_OPENING_HOURS, key, following, facts)


def _off_grid(places: Places, area: Area, wish: Interval, current: datetime) -> Refusal | None:
    grid = places.policy.booking.grid
    hours = opening_hours(places.venue_of(area.id), day_of(wish.start, places.zone), places.zone)
    starts_well = wish.start in {current, hours.start} or on_grid(wish.start, grid, places.zone)
    ends_well = wish.end == hours.end or on_grid(wish.end, grid, places.zone)
    if starts_well and ends_well:
        return None
    return Refusal(RefusalCode.OFF_GRID, "policy.booking.grid", facts={"minutes": _minutes(grid)})


def _bad_length(places: Places, area: Area, wish: Interval) -> Refusal | None:
    least = places.policy.booking.min_length
    if wish.length < least:
        return Refusal(RefusalCode.TOO_SHORT, "policy.booking.min_length", facts={"minutes": _minutes(least)})
    most, key = longest(places, area)
    if wish.length > most:
        return Refusal(RefusalCode.TOO_LONG, key, facts={"minutes": _minutes(most)})
    return None


def longest(places: Places, area: Area) -> tuple[timedelta, str]:
    """Return the longest stay in `area`, and the key that says so."""
    if area.max_length is not None:
        return area.max_length, "areas.max_length"
    return places.policy.booking.max_length, "policy.booking.max_length"


def own_bookings_refuse(places: Places, own: Sequence[Reservation], wish: Interval) -> Refusal | None:
    """Refuse when one of the reader's holding reservations overlaps `wish`, or when they hold too many."""
    for other in own:
        if wish.overlaps(Interval(other.start, other.end)):
            return Refusal(
                RefusalCode.READER_OVERLAP,
                next_allowed_at=other.end,
                facts={"seat": other.seat, "reservation": other.id},
            )
    most = places.policy.booking.max_active
    if len(own) < most:
        return None
    frees = min((other.end for other in own), default=None)
    return Refusal(RefusalCode.TOO_MANY_ACTIVE, "policy.booking.max_active", frees, {"most": str(most)})


def _minutes(length: timedelta) -> str:
    return str(int(length / timedelta(minutes=1)))
