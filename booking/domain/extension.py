"""How far a reservation in use can be extended: the next booking, the reader's own next, closing, the longest stay."""

from dataclasses import dataclass
from datetime import datetime

from booking.domain.booking import longest
from booking.domain.closures import KEY
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation
from booking.domain.window import day_of, next_on_grid, on_grid


@dataclass(frozen=True, slots=True)
class Limit:
    """A moment past which it cannot go, and why."""

    at: datetime
    code: RefusalCode
    policy_key: str | None = None


def limit_of(
    places: Places,
    reservation: Reservation,
    seat_next: datetime | None,
    reader_next: datetime | None,
    closing: datetime | None = None,
) -> Limit:
    """Return the nearest limit. `seat_next` and `reader_next` are the starts of the bookings that follow, `closing` is
    when staff have closed the place.
    """
    area = places.area(reservation.area)
    today = places.opening(reservation.area, day_of(reservation.start, places.zone))
    limits = [Limit(today.hours.end, RefusalCode.OUTSIDE_OPENING_HOURS, today.key)]
    if area is not None:
        most, key = longest(places, area)
        limits.append(Limit(reservation.start + most, RefusalCode.TOO_LONG, key))
    if seat_next is not None:
        limits.append(Limit(seat_next, RefusalCode.EXTEND_BLOCKED))
    if reader_next is not None:
        limits.append(Limit(reader_next, RefusalCode.READER_OVERLAP))
    if closing is not None:
        limits.append(Limit(closing, RefusalCode.CLOSED, KEY))
    return min(limits, key=lambda limit: limit.at)


def opens_at(places: Places, reservation: Reservation) -> datetime:
    """Return from when it may be extended."""
    return reservation.end - places.policy.extend.opens_before_end


def extended_end(
    places: Places, reservation: Reservation, until: datetime | None, now: datetime, limit: Limit
) -> datetime | Refusal:
    """Return the new end: `until`, or one step more cut off at `limit`; or why not."""
    opens = opens_at(places, reservation)
    if now < opens:
        return Refusal(RefusalCode.EXTEND_TOO_EARLY, "policy.extend.opens_before_end", opens)
    if limit.at <= reservation.end or (until is not None and until > limit.at):
        return Refusal(limit.code, limit.policy_key, facts={"limit": limit.at.astimezone(places.zone).isoformat()})
    if until is None:
        wished = reservation.end + places.policy.extend.step
        grid = places.policy.booking.grid
        aligned = wished if on_grid(wished, grid, places.zone) else next_on_grid(reservation.end, grid, places.zone)
        return min(aligned, limit.at)
    if until <= reservation.end:
        return Refusal(RefusalCode.INVALID_REQUEST, facts={"until": "not after the present end"})
    if until != limit.at and not on_grid(until, places.policy.booking.grid, places.zone):
        return Refusal(RefusalCode.OFF_GRID, "policy.booking.grid")
    return until
