"""A gate's event with what it did, on its way into the store and back out. Facts only."""

from dataclasses import dataclass
from datetime import datetime

from booking.domain.reservation import Reservation
from messages.access import AccessEvent, Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A gate's event and what it did: `before` and `after` are the reservation it changed, None when only recorded."""

    gate: str
    event: AccessEvent
    way: Direction
    """The event's direction, else what the lane's wiring says."""
    received_at: datetime
    reader: str | None
    effect: str = ""
    before: Reservation | None = None
    after: Reservation | None = None
    pending_until: datetime | None = None
    """Until when its effect waits for the turnstile's word that somebody walked through."""
    unconfirmed: bool = False
    """Its effect did not wait for that word any longer."""
    passed: bool | None = None
    """The turnstile's word, where that came first."""
    said_at: datetime | None = None
    """What the gate's clock said, where that was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """What a later word about a stored passage needs: the reader's answer, the turnstile's, or an evacuation."""

    id: str
    gate: str
    event: AccessEvent
    """As it was stored: of the gate's own clock only `occurred_at` is known."""
    way: Direction
    reader: str | None
    received_at: datetime
    answer: str | None
    passed: bool | None
    pending_until: datetime | None
    before: Reservation | None
    after: Reservation | None

    @property
    def portal(self) -> str:
        """Return the lane that it was at."""
        return self.event.portal
