"""Which starts and ends a reader is offered, made from opening hours, grid and the longest stay. Offers only: the rules decide."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from booking.domain.booking import opens_for_booking, this_minute
from booking.domain.calendar import Opening, opening
from booking.domain.window import Interval, next_on_grid
from booking.web.context import Context
from config.schema import Area

USUAL_STAY = timedelta(hours=4)
"""Offered first where the area allows it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is offered for one area on one day and what is chosen. `start` None means now."""

    day: date
    starts: list[datetime]
    ends: list[datetime]
    now_offered: bool
    start: datetime | None
    begins: datetime
    """`start`, or this minute."""
    end: datetime

    @property
    def closed(self) -> bool:
        """Tell whether nothing can be booked on that day any more."""
        return not self.ends or not (self.starts or self.now_offered)


def days(context: Context) -> list[date]:
    """Return the days that can be booked: today and as many more as the policy says, the last from its release on."""
    now, zone, rules = context.clock.now(), context.site.timezone, context.site.policy.booking
    today = now.astimezone(zone).date()
    coming = [today + timedelta(days=n) for n in range(rules.advance_days + 1)]
    return [day for day in coming if now >= opens_for_booking(rules, day, zone)] or coming[:1]


def choose(context: Context, area: Area, day: date, start: datetime | None, end: datetime | None) -> Choice:
    """Return the offers of `day` with the reader's `start` and `end` where they are among them."""
    now, rules = context.clock.now(), context.site.policy.booking
    hours = hours_of(context, area, day)
    grid = _grid(hours.start, hours.end, context)
    minute = this_minute(now)
    open_now = hours.start <= minute and minute + rules.min_length <= hours.end
    now_offered = rules.allow_now and open_now
    starts = [moment for moment in grid if moment > now and moment + rules.min_length <= hours.end]
    chosen = start if start in starts else None
    if chosen is None and not now_offered and starts:
        chosen = starts[0]
    begins = chosen or minute
    most = longest_stay(context, area)
    ends = [moment for moment in (*grid, hours.end) if begins + rules.min_length <= moment <= begins + most]
    ends = sorted(set(ends))
    return Choice(day, starts, ends, now_offered, chosen, begins, end if end in ends else _usual(ends, begins))


def steps_of(context: Context, area: Area, day: date) -> list[Interval]:
    """Return what is left of an area's opening hours on `day`, cut at the grid."""
    hours = hours_of(context, area, day)
    inner = [moment for moment in _grid(hours.start, hours.end, context) if hours.start < moment < hours.end]
    cuts = [hours.start, *inner, hours.end]
    return [Interval(start, end) for start, end in pairwise(cuts) if end > context.clock.now()]


def longest_stay(context: Context, area: Area) -> timedelta:
    """Return the longest stay in an area."""
    return area.max_length or context.site.policy.booking.max_length


def hours_of(context: Context, area: Area, day: date) -> Interval:
    """Return when an area is open on `day`: empty when it is closed, or of a venue that the site does not have."""
    found = opening_of(context, area, day)
    midnight = datetime.combine(day, time(), context.site.timezone)
    return found.hours if found else Interval(midnight, midnight)


def opening_of(context: Context, area: Area, day: date) -> Opening | None:
    """Return an area's hours on `day` with the library's reason; None without its venue."""
    venue = context.site.venue(area.venue)
    return opening(venue, area, day, context.site.timezone) if venue else None


def usual_end(context: Context, area: Area, since: datetime) -> datetime:
    """Return the end of an ordinary stay from `since`: what the page offers first."""
    hours = hours_of(context, area, since.astimezone(context.site.timezone).date())
    latest = min(since + min(USUAL_STAY, longest_stay(context, area)), hours.end)
    return max(latest, since + context.site.policy.booking.min_length)


def _usual(ends: list[datetime], begins: datetime) -> datetime:
    within = [end for end in ends if end <= begins + USUAL_STAY]
    return within[-1] if within else (ends[0] if ends else begins)


def _grid(opens: datetime, closes: datetime, context: Context) -> list[datetime]:
    step = context.site.policy.booking.grid
    moments: list[datetime] = []
    moment = next_on_grid(opens - timedelta(microseconds=1), step, context.site.timezone)
    while moment <= closes and len(moments) < 24 * 60:
        moments.append(moment)
        moment = next_on_grid(moment, step, context.site.timezone)
    return moments
