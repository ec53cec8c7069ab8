"""Cancelling and rebooking the same seat again and again keeps it from others: after some rounds it has a cool-down."""

from collections.abc import Sequence
from datetime import datetime

from config.policy import BookingPolicy


def looks_back_to(rules: BookingPolicy, now: datetime) -> datetime:
    """Return from when on cancellations can still matter at `now`."""
    return now - rules.rebook_within - rules.cool_down


def cooling_until(cancelled: Sequence[datetime], rules: BookingPolicy, now: datetime) -> datetime | None:
    """Return until when a reader cannot book a seat again that they cancelled at these times, ascending; None: they can.

    `rebook_limit` cancellations within `rebook_within` begin a cool-down at the last of them; a limit of 0 is none.
    """
    limit = rules.rebook_limit
    if not limit or len(cancelled) < limit:
        return None
    rounds = zip(cancelled, cancelled[limit - 1 :], strict=False)
    ends = [last + rules.cool_down for first, last in rounds if last - first <= rules.rebook_within]
    return max((end for end in ends if end > now), default=None)
