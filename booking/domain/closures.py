"""Closures that staff make at run time: an area, or one seat, from a moment until another or until it is lifted.

What a closure does to a reservation is decided here: nobody is ever blamed for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from booking.domain.reservation import Action, Reservation
from config.values import Text

KEY = "closures"
"""The policy key of a refusal by staff's closure: no key of the site file, but the page it was made on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """One closure with its record. `seat` None: the whole area; `end` None: until it is lifted."""

    id: str
    area: str
    seat: str | None
    start: datetime
    end: datetime | None
    reason: Text
    made_by: str
    made_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Tell whether it refuses bookings at `now` or later."""
        return self.lifted_at is None and (self.end is None or self.end > now)

    @property
    def facts(self) -> dict[str, str]:
        """Return what a sentence about it needs."""
        return {"reason_zh": self.reason.zh, "reason_en": self.reason.en}


def made_room(stay: Reservation, closes: datetime, now: datetime, least: timedelta) -> tuple[Action, datetime | None]:
    """Return what becomes of a `stay` whose place closes at `closes`: a shorter stay where enough of it is left.

    `least` is the shortest stay that a reader may book: a shorter rest is taken back whole.
    """
    began = max(stay.start, now) if stay.checked_in_at else stay.start
    if closes <= now or closes - began < (timedelta(microseconds=1) if stay.checked_in_at else least):
        return Action.WITHDRAW, None
    return Action.SHORTEN, closes
