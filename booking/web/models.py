"""What the API gives, as pydantic types (what it takes: wishes.py). Times carry the site's offset."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import msgspec
from pydantic import BaseModel

from booking.domain.reservation import Action, Status
from booking.service.views import (
    AreaSummary,
    GateRecordView,
    HistoryLine,
    NotificationView,
    ReservationView,
    SeatAvailability,
    Stretch,
)
from booking.web.language import Words
from config.schema import Venue
from config.values import Text
from messages.access import AccessOutcome, CredentialKind, Direction
from messages.seats import SeatStatus


class TextOut(BaseModel):
    """A name in both languages."""

    zh: str
    en: str

    @classmethod
    def of(cls, text: Text) -> "TextOut":
        """Take over a text of the site file."""
        return cls(zh=text.zh, en=text.en)


class PersonOut(BaseModel):
    """Who is signed in."""

    id: str
    name: str
    role: str


class SessionOut(BaseModel):
    """A new session; `token` serves clients without cookies as `Authorization: Bearer`."""

    token: str
    expires_at: datetime
    reader: PersonOut


class VenueOut(BaseModel):
    """A building and its hours."""

    id: str
    name: TextOut
    opens: str
    closes: str

    @classmethod
    def of(cls, venue: Venue) -> "VenueOut":
        """Take over a venue; the end of the day is "24:00"."""
        closes = "24:00" if venue.closes.hour == 23 and venue.closes.minute == 59 else f"{venue.closes:%H:%M}"  # noqa: PLR2004
        return cls(id=venue.id, name=TextOut.of(venue.name), opens=f"{venue.opens:%H:%M}", closes=closes)


class VenuesOut(BaseModel):
    """All venues."""

    items: list[VenueOut]


class AreaOut(BaseModel):
    """An area with what is free: seats, or (`counted`) places that have no number."""

    id: str
    name: TextOut
    venue: str
    floor: int
    total: int
    free: int
    counted: bool

    @classmethod
    def of(cls, area: AreaSummary) -> "AreaOut":
        """Take over a summary."""
        return cls(
            id=area.id,
            name=TextOut.of(area.name),
            venue=area.venue,
            floor=area.floor,
            total=area.total,
            free=area.free,
            counted=area.counted,
        )


class AreasOut(BaseModel):
    """All areas on one day."""

    date: date
    items: list[AreaOut]


class PlacesOut(BaseModel):
    """How many places of a capacity area are free throughout `[start, end)`."""

    start: datetime
    end: datetime
    free: int


class HoursOut(BaseModel):
    """A capacity area's free places on one day, for each step of the timetable that is not over."""

    area: str
    date: date
    total: int
    items: list[PlacesOut]


class StretchOut(BaseModel):
    """A held stretch of time."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, stretch: Stretch, words: Words) -> "StretchOut":
        """Take over a stretch in the site's zone."""
        return cls(start=words.local(stretch.start), end=words.local(stretch.end))


class SeatOut(BaseModel):
    """A seat for the asked interval; `busy` lists the day's held stretches."""

    seat: str
    label: str
    status: SeatStatus
    until: datetime | None
    busy: list[StretchOut]

    @classmethod
    def of(cls, seat: SeatAvailability, words: Words) -> "SeatOut":
        """Take over an availability."""
        return cls(
            seat=seat.id,
            label=seat.label,
            status=seat.status,
            until=None if seat.until is None else words.local(seat.until),
            busy=[StretchOut.of(stretch, words) for stretch in seat.busy],
        )


class SeatsOut(BaseModel):
    """The seats of an area for `[start, end)`."""

    area: str
    start: datetime
    end: datetime
    items: list[SeatOut]


class HistoryOut(BaseModel):
    """One line of the explained history."""

    occurred_at: datetime
    received_at: datetime
    source: str
    change: str
    facts: dict[str, str]
    sentence: str

    @classmethod
    def of(cls, line: HistoryLine, words: Words, sentence: str) -> "HistoryOut":
        """Take over a line with its sentence."""
        return cls(
            occurred_at=words.local(line.occurred_at),
            received_at=words.local(line.received_at),
            source=line.source,
            change=line.change,
            facts=line.facts,
            sentence=sentence,
        )


class ReservationOut(BaseModel):
    """A reservation of the reader who asks."""

    id: str
    area: str
    area_name: TextOut
    venue_name: TextOut
    floor: int
    seat: str
    label: str
    start: datetime
    end: datetime
    status: Status
    created_at: datetime
    checked_in_at: datetime | None
    away_at: datetime | None
    returned_at: datetime | None
    closed_at: datetime | None
    check_in_from: datetime
    check_in_until: datetime
    away_until: datetime | None
    sign_out_until: datetime | None
    stands_still: bool
    actions: list[Action]

    @classmethod
    def of(cls, view: ReservationView, words: Words) -> "ReservationOut":
        """Take over a view; times in the site's zone."""
        return cls(**_reservation_fields(view, words))


class ReservationDetailOut(ReservationOut):
    """A reservation with its history. `asks_inside`: `confirm-inside` checks in; `offer`: the seat of `take-offer`."""

    asks_inside: bool
    offer: str | None
    history: list[HistoryOut]


def _reservation_fields(
    view: ReservationView, words: Words, both: Callable[[Text], object] = TextOut.of
) -> dict[str, Any]:
    fields: dict[str, Any] = {"area_name": both(view.area_name), "venue_name": both(view.venue_name)}
    for name in ReservationOut.model_fields:
        if name not in fields:
            value = getattr(view, name)
            fields[name] = words.local(value) if isinstance(value, datetime) else value
    return fields


def reservation_json(view: ReservationView, words: Words) -> bytes:
    """Return what `ReservationOut.of(view, words)` encodes to, without making and checking a model."""
    return msgspec.json.encode(_reservation_fields(view, words, lambda text: {"zh": text.zh, "en": text.en}))


def detail_of(view: ReservationView, words: Words, history: list[HistoryOut]) -> ReservationDetailOut:
    """Return a view with its history."""
    fields = _reservation_fields(view, words)
    return ReservationDetailOut(**fields, asks_inside=view.asks_inside, offer=view.offer, history=history)


class ReservationsOut(BaseModel):
    """A page, newest first; `next` is the `cursor` of the following one."""

    items: list[ReservationOut]
    next: str | None


class GateRecordOut(BaseModel):
    """A passage of the reader who asks."""

    id: str
    gate: str
    portal: str
    portal_name: TextOut
    direction: Direction
    kind: CredentialKind
    outcome: AccessOutcome
    occurred_at: datetime
    received_at: datetime
    reservation: str | None
    effect: str
    answer: str | None
    answer_until: datetime
    passed: bool | None
    unconfirmed: bool

    @classmethod
    def of(cls, record: GateRecordView, words: Words) -> "GateRecordOut":
        """Take over a record; times in the site's zone."""
        fields: dict[str, Any] = {"portal_name": TextOut.of(record.portal_name)}
        for name in cls.model_fields:
            if name not in fields:
                value = getattr(record, name)
                fields[name] = words.local(value) if isinstance(value, datetime) else value
        return cls(**fields)


class GateRecordsOut(BaseModel):
    """Passages, newest first."""

    items: list[GateRecordOut]


class NotificationOut(BaseModel):
    """Something the reader was told."""

    id: str
    kind: str
    at: datetime
    reservation: str | None
    facts: dict[str, str]

    @classmethod
    def of(cls, note: NotificationView, words: Words) -> "NotificationOut":
        """Take over a notification."""
        return cls(id=note.id, kind=note.kind, at=words.local(note.at), reservation=note.reservation, facts=note.facts)


class NotificationsOut(BaseModel):
    """Notifications, newest first."""

    items: list[NotificationOut]


class ReaderCodeOut(BaseModel):
    """A code for the kiosk's camera, and its picture as an SVG data URL."""

    code: str
    expires_at: datetime
    picture: str


class SignInOut(BaseModel):
    """A sign-in of the university's: `url` is opened in a browser."""

    kind: str
    url: str
    label: TextOut


class ProblemOut(BaseModel):
    """RFC 9457: why not. `code` is one of a closed list (see /docs)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    policy_key: str | None
    next_allowed_at: datetime | None
    sentences: dict[str, str]
    errors: list[dict[str, str]] | None = None
    sign_ins: list[SignInOut] | None = None
    """With `sign-in-elsewhere`: where a browser signs in instead."""
