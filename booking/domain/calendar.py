"""When a place is open on a day: the usual hours, those of the weekday, and exceptions by date. Pure, from the site file.

A day on which it is closed has empty hours, so that whatever asks "is this moment, or this wish, within?" needs no
second question. Closures that staff make at run time are not here: they are rows (booking.domain.closures).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking.domain.window import Interval, day_of, midnight
from config.schema import Area, DateHours, Venue, Weekday, WeekHours
from config.values import Text

_DAY = timedelta(days=1)
_FURTHEST = 400
"""Days that are searched for the next opening: a longer closure has no date yet."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One day's hours, the key of the site file that says so, and the library's own reason where it gives one."""

    hours: Interval
    key: str
    reason: Text | None = None

    @property
    def closed(self) -> bool:
        """Tell whether it does not open at all on this day."""
        return not self.hours.length


def opening(venue: Venue, area: Area | None, day: date, zone: ZoneInfo) -> Opening:
    """Return when `area` of `venue` is open on `day`: never longer than the venue."""
    whole = _of_venue(venue, day, zone)
    exception = _on(area.exceptions, day) if area else None
    if exception is None or whole.closed:
        return whole
    own = _hours(exception, day, zone)
    start, end = max(own.start, whole.hours.start), min(own.end, whole.hours.end)
    both = Interval(start, end) if start < end else _never(day, zone)
    return Opening(both, "areas.exceptions", exception.reason)


def _of_venue(venue: Venue, day: date, zone: ZoneInfo) -> Opening:
    exception = _on(venue.exceptions, day)
    if exception is not None:
        return Opening(_hours(exception, day, zone), "venues.exceptions", exception.reason)
    weekday = list(Weekday)[day.weekday()]
    for week in venue.weekdays:
        if weekday in week.days:
            return Opening(_hours(week, day, zone), "venues.weekdays")
    return Opening(_between(venue.opens, venue.closes, day, zone), "venues.closes")


def _on(exceptions: Sequence[DateHours], day: date) -> DateHours | None:
    return next((one for one in exceptions if one.first <= day <= (one.last or one.first)), None)


def _hours(rule: DateHours | WeekHours, day: date, zone: ZoneInfo) -> Interval:
    if rule.opens is None or rule.closes is None:
        return _never(day, zone)
    return _between(rule.opens, rule.closes, day, zone)


def _never(day: date, zone: ZoneInfo) -> Interval:
    start = midnight(day, zone)
    return Interval(start, start)


def _between(opens: time, closes: time, day: date, zone: ZoneInfo) -> Interval:
    start = datetime.combine(day, opens, zone).astimezone(UTC)
    if closes == time.max:
        return Interval(start, midnight(day + _DAY, zone))
    return Interval(start, datetime.combine(day, closes, zone).astimezone(UTC))


def next_opening(venue: Venue, area: Area | None, after: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first moment from `after` on at which it is open; None when no such day is in sight."""
    today = day_of(after, zone)
    for n in range(_FURTHEST):
        found = opening(venue, area, today + n * _DAY, zone)
        if not found.closed and found.hours.end > after:
            return max(found.hours.start, after)
    return None
