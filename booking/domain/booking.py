"""May this reader book this stretch of time? The rules that need no seat: hours, grid, length, days ahead, own bookings.

Each refusal names the key of the site file that decided, and when it will be allowed where that is known.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation, over_at
from booking.domain.window import Interval, day_of, on_grid
from config.policy import BookingPolicy
from config.schema import Area

_DAY = timedelta(days=1)
_MOST_STRETCHES = 4096


def this_minute(now: datetime) -> datetime:
    """Return the minute that `now` lies in: the start of a booking from now ("16:38")."""
    return now.astimezone(UTC).replace(second=0, microsecond=0)


def wished_interval(
    places: Places, area: Area, start: datetime | None, end: datetime, now: datetime
) -> Interval | Refusal:
    """Return the interval that would be booked, or why not. `start` None means now."""
    begins, ends = start.astimezone(UTC) if start else this_minute(now), end.astimezone(UTC)
    from_now = begins <= now and begins == this_minute(now)
    if ends <= now or (begins <= now and begins < this_minute(now)):
        return Refusal(RefusalCode.IN_THE_PAST)
    rules = places.policy.booking
    if from_now and not rules.allow_now and not on_grid(begins, rules.grid, places.zone):
        return Refusal(RefusalCode.OFF_GRID, "policy.booking.allow_now")
    stretch = judged(places, area.id, begins, ends, from_now)
    return stretch.found if now >= stretch.opens else _too_far_ahead(places, stretch, now)


class Stretch(NamedTuple):
    """What the rules say of a stretch of time in an area, whoever asks and whenever."""

    day: date
    opens: datetime
    """From when on it can be booked."""
    found: Interval | Refusal


@lru_cache(maxsize=_MOST_STRETCHES)
def judged(places: Places, area: str, start: datetime, end: datetime, from_now: bool) -> Stretch:  # noqa: FBT001 - a key
    """Judge `[start, end)` in UTC in a known area; `from_now`: it starts with the minute that goes on.

    Remembered, as nothing of it changes while a process runs: in the release second thousands want the same few hours.
    """
    wish, known = Interval(start, end), places.area(area)
    if known is None:
        raise KeyError(area)
    day = day_of(start, places.zone)
    refused = outside_hours(places, known, wish) or _off_grid(places, known, wish, from_now=from_now)
    return Stretch(day, bookable_from(places, day), refused or _bad_length(places, known, wish) or wish)


def bookable_from(places: Places, day: date) -> datetime:
    """Return from when on reservations that start on `day` can be made."""
    return opens_for_booking(places.policy.booking, day, places.zone)


def opens_for_booking(rules: BookingPolicy, day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which `day` becomes the last day that can be booked."""
    return datetime.combine(day - rules.advance_days * _DAY, rules.release_at or time(), zone).astimezone(UTC)


def _too_far_ahead(places: Places, stretch: Stretch, now: datetime) -> Refusal:
    rules, opens = places.policy.booking, stretch.opens
    if rules.release_at is not None and stretch.day == day_of(now, places.zone) + rules.advance_days * _DAY:
        facts = {"release": f"{rules.release_at:%H:%M}"}
        return Refusal(RefusalCode.TOO_FAR_AHEAD, "policy.booking.release_at", opens, facts)
    return Refusal(RefusalCode.TOO_FAR_AHEAD, "policy.booking.advance_days", opens, {"days": str(rules.advance_days)})


def outside_hours(places: Places, area: Area, wish: Interval) -> Refusal | None:
    """Refuse what is not wholly within the hours of its day, naming the key that says so and when it opens again."""
    found = places.opening(area.id, day_of(wish.start, places.zone))
    hours = found.hours
    if hours.start <= wish.start and wish.end <= hours.end:
        return None
    told = {"reason_zh": found.reason.zh, "reason_en": found.reason.en} if found.reason else {}
    if found.closed:
        return Refusal(RefusalCode.CLOSED, found.key, places.next_opening(area.id, hours.end), told)
    key, following = found.key, None
    if wish.start < hours.start:
        key, following = "venues.opens" if key == "venues.closes" else key, hours.start
    elif wish.start >= hours.end:
        following = places.next_opening(area.id, hours.end)
    facts = {"opens": _wall(hours.start, places), "closes": _wall(hours.end, places).replace("00:00", "24:00")}
    return Refusal(RefusalCode.OUTSIDE_OPENING_HOURS, key, following, facts | told)


def _wall(moment: datetime, places: Places) -> str:
    return f"{moment.astimezone(places.zone):%H:%M}"


def _off_grid(places: Places, area: Area, wish: Interval, *, from_now: bool) -> Refusal | None:
    grid = places.policy.booking.grid
    hours = places.opening(area.id, day_of(wish.start, places.zone)).hours
    starts_well = from_now or wish.start == hours.start or on_grid(wish.start, grid, places.zone)
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
    frees = min((over_at(other, places.policy) for other in own), default=None)
    return Refusal(RefusalCode.TOO_MANY_ACTIVE, "policy.booking.max_active", frees, {"most": str(most)})


def other_venue_refuses(places: Places, own: Sequence[Reservation], area: Area) -> Refusal | None:
    """Refuse when the site allows one venue at a time and one of the reader's holding reservations is in another."""
    if not own or not places.policy.booking.one_venue:
        return None
    venues = {stay.id: known.venue for stay in own if (known := places.area(stay.area)) is not None}
    elsewhere = [stay for stay in own if venues.get(stay.id, area.venue) != area.venue]
    if not elsewhere:
        return None
    last = max(elsewhere, key=lambda stay: stay.end)
    facts = {"venue": venues[last.id], "reservation": last.id}
    return Refusal(RefusalCode.OTHER_VENUE, "policy.booking.one_venue", over_at(last, places.policy), facts)


def _minutes(length: timedelta) -> str:
    return str(int(length / timedelta(minutes=1)))
