"""Waiting for a seat that is taken, or for any seat of a full area: who waits for what, and until when it makes sense."""

from dataclasses import dataclass
from datetime import datetime

from booking.domain.booking import this_minute
from booking.domain.window import Interval
from config.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One wish. `seat` None: any of the area. `found` is the seat that the reader was told of at `told_at`."""

    id: str
    reader: str
    area: str
    seat: str | None
    start: datetime
    end: datetime
    created_at: datetime
    found: str | None = None
    told_at: datetime | None = None


def still_wanted(wait: Wait, policy: Policy, now: datetime) -> Interval | None:
    """Return the stretch that could still be booked at `now`; None when too little of the wish is left."""
    start = max(wait.start, this_minute(now))
    return Interval(start, wait.end) if wait.end - max(start, now) >= policy.booking.min_length else None
