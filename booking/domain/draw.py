"""The draw (抽签): wishes for a day that has just opened are collected for a while and then granted by lot.

Who is first has no advantage over who is a minute later, so neither has a bot. The lot can be checked by anybody: the hash
of its seed is published before the first wish, the seed with all tickets afterwards, and the order is that of
SHA-256(seed ‖ ticket). A ticket is the hash of the key that the reader's own client chose, so that nobody who knows the
seed can choose a reader's place either.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from booking.domain.booking import opens_for_booking
from config.policy import Policy

SEED_BYTES = 32
_TICKET_CHARS = 32
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The draw of one day: wishes come in during `[opens, closes)`; `seed` is secret until it was held."""

    day: date
    opens: datetime
    closes: datetime
    seed: bytes = field(repr=False)
    held_at: datetime | None = None

    @property
    def commitment(self) -> str:
        """SHA-256 of the seed in hex digits: what is published beforehand."""
        return hashlib.sha256(self.seed).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One reader's wish in a draw. `place` from 1 and `outcome` ("granted", or why not) once it was held."""

    id: str
    day: date
    reader: str
    seat: str | None
    area: str | None
    start: datetime
    end: datetime
    channel: str
    entered_at: datetime
    ticket: str
    place: int | None = None
    outcome: str = ""
    reservation: str | None = None


def collecting(policy: Policy, day: date, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime] | None:
    """Return when the wishes for `day` are collected, where that is at `now`; None: they are decided at once."""
    opens = opens_for_booking(policy.booking, day, zone)
    closes = opens + policy.draw.collect
    return (opens, closes) if opens <= now < closes else None


def coming(policy: Policy, zone: ZoneInfo, now: datetime) -> list[tuple[date, datetime, datetime]]:
    """Return (day, opens, closes) of the draws that are collected now or begin within a day."""
    if not policy.draw.collect:
        return []
    today = now.astimezone(zone).date()
    days = [today + number * _DAY for number in range(policy.booking.advance_days + 3)]
    spans = [(day, opens_for_booking(policy.booking, day, zone)) for day in days]
    return [
        (day, opens, opens + policy.draw.collect)
        for day, opens in spans
        if opens - _DAY <= now < opens + policy.draw.collect
    ]


def ticket_of(key: str) -> str:
    """Return the public ticket of a wish whose client chose `key`, in hex digits; it tells nothing of key or reader."""
    return hashlib.sha256(b"ticket-v1" + key.encode()).hexdigest()[:_TICKET_CHARS]


def lot(seed: bytes, ticket: str) -> bytes:
    """Return what decides a ticket's place: the least comes first."""
    return hashlib.sha256(seed + ticket.encode("ascii")).digest()


def drawn(seed: bytes, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries in the order of the lot. The same whoever asks, in whatever order they came."""
    return sorted(entries, key=lambda entry: (lot(seed, entry.ticket), entry.id))
