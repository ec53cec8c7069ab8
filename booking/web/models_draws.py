"""What the API gives of draws. A pydantic type each; times carry the site's offset; no reader is ever named."""

from collections.abc import Iterable
from datetime import date, datetime

from pydantic import BaseModel

from booking.domain.draw import Entry
from booking.service.views import DrawView
from booking.web.language import Words


class EntryOut(BaseModel):
    """The reader's own wish in a draw. `place` and `outcome` ("granted", or the code of why not) once it was held."""

    draw: date
    ticket: str
    seat: str | None
    area: str | None
    start: datetime
    end: datetime
    place: int | None
    outcome: str | None
    reservation: str | None

    @classmethod
    def of(cls, entry: Entry, words: Words) -> "EntryOut":
        """Take over an entry."""
        return cls(
            draw=entry.day,
            ticket=entry.ticket,
            seat=entry.seat,
            area=entry.area,
            start=words.local(entry.start),
            end=words.local(entry.end),
            place=entry.place,
            outcome=entry.outcome or None,
            reservation=entry.reservation,
        )


class EnteredOut(EntryOut):
    """A wish that was just put in, and when it is decided."""

    decided_at: datetime

    @classmethod
    def just(cls, entry: Entry, closes: datetime, words: Words) -> "EnteredOut":
        """Take over an entry of a draw that is held at `closes`."""
        return cls(**EntryOut.of(entry, words).model_dump(), decided_at=words.local(closes))


class EntriesOut(BaseModel):
    """The reader's own wishes, newest day first."""

    items: list[EntryOut]


class DrawOut(BaseModel):
    """One draw. `commitment` is SHA-256 of the seed in hex digits; the seed itself is null until it was held."""

    draw: date
    opens_at: datetime
    closes_at: datetime
    held_at: datetime | None
    wishes: int
    commitment: str
    seed: str | None

    @classmethod
    def of(cls, view: DrawView, words: Words) -> "DrawOut":
        """Take over a draw."""
        draw = view.draw
        return cls(
            draw=draw.day,
            opens_at=words.local(draw.opens),
            closes_at=words.local(draw.closes),
            held_at=words.local(draw.held_at) if draw.held_at else None,
            wishes=view.wishes,
            commitment=draw.commitment,
            seed=draw.seed.hex() if draw.held_at else None,
        )


class DrawsOut(BaseModel):
    """Draws, newest first."""

    items: list[DrawOut]


class TicketOut(BaseModel):
    """One wish as anybody may see it."""

    place: int
    ticket: str
    outcome: str


class DrawDetailOut(DrawOut):
    """A draw with its tickets by place. Check it: sort the tickets by SHA-256(seed bytes ‖ ticket)."""

    tickets: list[TicketOut]

    @classmethod
    def whole(cls, view: DrawView, entries: Iterable[Entry], words: Words) -> "DrawDetailOut":
        """Take over a draw and its wishes."""
        tickets = [TicketOut(place=entry.place or 0, ticket=entry.ticket, outcome=entry.outcome) for entry in entries]
        return cls(**DrawOut.of(view, words).model_dump(), tickets=tickets)
