"""Stretches of time: the half-open interval, days in the site's zone, the grid, the check-in window.

Every interval is `[start, end)`. A deadline is never later than the end of what it belongs to.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.policy import CheckInPolicy


@dataclass(frozen=True, slots=True)
class Interval:
    """`[start, end)`."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        """Tell whether `moment` lies in it; the end does not."""
        return self.start <= moment < self.end

    def overlaps(self, other: "Interval") -> bool:
        """Tell whether the two share a moment; touching is not sharing."""
        return self.start < other.end and other.start < self.end

    @property
    def length(self) -> timedelta:
        """Return how long it lasts."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class CheckInWindow:
    """From when (inclusive) until when (exclusive) a reservation can be checked in."""

    opens: datetime
    closes: datetime

    def __contains__(self, moment: datetime) -> bool:
        """Tell whether a check-in at `moment` counts."""
        return self.opens <= moment < self.closes


def check_in_window(start: datetime, end: datetime, policy: CheckInPolicy) -> CheckInWindow:
    """Return the window around `start`; it closes at the reservation's end at the latest."""
    return CheckInWindow(start - policy.opens_before, min(start + policy.closes_after, end))


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the site's calendar day that `moment` lies in."""
    return moment.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of a day of the site, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def whole_day(day: date, zone: ZoneInfo) -> Interval:
    """Return a day of the site from midnight to midnight."""
    return Interval(midnight(day, zone), midnight(day + timedelta(days=1), zone))


def on_grid(moment: datetime, grid: timedelta, zone: ZoneInfo) -> bool:
    """Tell whether the site's wall clock shows a multiple of `grid` since midnight at `moment`."""
    local = moment.astimezone(zone)
    since = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return since % grid == timedelta()


def next_on_grid(moment: datetime, grid: timedelta, zone: ZoneInfo) -> datetime:
    """Return the first moment after `moment` that lies on the grid of its day, else the next midnight."""
    day = whole_day(day_of(moment, zone), zone)
    steps = (moment - day.start) // grid + 1
    return min(day.start + steps * grid, day.end)
