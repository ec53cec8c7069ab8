"""The numbers of a library as the model counts them: whole seconds, on one wall clock. No rule, nothing of the product.

Second 0 is a Monday's midnight on the site's clock; the model knows no other clock and no time zone.
"""

from dataclasses import dataclass, field

MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = 7 * DAY


@dataclass(frozen=True)
class PlaceNumbers:
    """One area: `seats` are (id, centimetres from the left); or `capacity` places without a number."""

    id: str
    venue: str
    seats: tuple[tuple[str, float], ...] = ()
    closed: frozenset[str] = frozenset()
    capacity: int | None = None
    max_length: int | None = None
    eligible: frozenset[str] = frozenset()
    walk_up_share: float = 0.0
    walk_up_release: int = 30 * MINUTE


@dataclass(frozen=True)
class GateNumbers:
    """One gate: its venue, and which way each lane leads ("in", "out", or "frame": the frame says)."""

    id: str
    venue: str
    lanes: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Rules:
    """Every number of one library."""

    areas: dict[str, PlaceNumbers]
    gates: dict[str, GateNumbers]
    kiosks: dict[int, str]
    """Number → venue."""
    fenced: frozenset[str]
    """Venues in which a scan needs a position."""
    readers: dict[str, frozenset[str]]
    """Reader → groups."""
    opens: int
    closes: int
    sunday: tuple[int, int] | None
    """Other hours on Sundays."""
    holidays: frozenset[int]
    """Days (from 0) on which it is closed."""
    advance_days: int
    release: int | None
    """Second of the day from which the last day can be booked."""
    grid: int
    min_length: int
    max_length: int
    max_active: int
    one_venue: bool
    rebook_limit: int
    rebook_within: int
    cool_down: int
    window_before: int
    window_after: int
    away: int | None
    """How long one may be away; None: stepping away is not offered."""
    meals: tuple[tuple[int, int, int], ...]
    """(from second of the day, until, limit)."""
    extend_before: int | None
    """From how long before the end one may extend; None: extending is not offered."""
    extend_step: int
    sign_out_grace: int | None
    """How long after the end one must have signed out; None: nobody has to."""
    blamed: frozenset[str]
    """Which of no-show, lapsed and no-sign-out count."""
    steps: tuple[tuple[int, str], ...]
    """(from the n-th violation of a week on, until "next-day" or "rest-of-week")."""
    exit_means: str
    late_after: int
    confirm_for: int
    appeal_within: int

    def hours(self, day: int) -> tuple[int, int] | None:
        """Opening and closing of a day; None on a day when it stays closed."""
        if day in self.holidays:
            return None
        opens, closes = self.sunday if self.sunday and day % 7 == 6 else (self.opens, self.closes)
        return day * DAY + opens, day * DAY + closes

    def open_at(self, now: int) -> bool:
        hours = self.hours(now // DAY)
        return hours is not None and hours[0] <= now < hours[1]

    def longest(self, area: str) -> int:
        own = self.areas[area].max_length
        return self.max_length if own is None else own

    def away_limit(self, begins: int) -> int:
        """How long an absence that begins then may last: longer at a meal."""
        clock = begins % DAY
        return max([self.away or 0] + [limit for start, end, limit in self.meals if start <= clock < end])

    def bookable_from(self, day: int) -> int:
        return (day - self.advance_days) * DAY + (self.release or 0)

    def seat_ids(self, area: str) -> list[str]:
        return [seat for seat, _ in self.areas[area].seats]

    def area_of(self, seat: str) -> str:
        return next(area.id for area in self.areas.values() if seat in [one for one, _ in area.seats])
