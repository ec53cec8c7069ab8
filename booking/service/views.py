"""Typed read rows: what pages, API and maps show. Facts only; words and colours are the edge's.

Every view is right for the `now` it was asked with: a reservation whose window closed a second ago reads as missed
although nobody has written it down yet.
"""

from dataclasses import dataclass, field
from datetime import datetime

from booking.domain.draw import Draw
from booking.domain.reservation import Action, Status
from config.values import Text
from messages.access import AccessOutcome, AccessReason, CredentialKind, Direction
from messages.seats import AreaMap, SeatStatus


@dataclass(frozen=True, slots=True)
class DrawView:
    """A draw, and how many wishes are in it."""

    draw: Draw
    wishes: int


@dataclass(frozen=True, slots=True)
class AreaSummary:
    """One card of the areas page. `free` counts seats that could be booked from now (today) or all day (later)."""

    id: str
    name: Text
    venue: str
    floor: int
    total: int
    free: int
    counted: bool = False
    """A capacity area: places without seats."""


@dataclass(frozen=True, slots=True)
class PlacesFree:
    """How many places of a capacity area are free throughout `[start, end)`."""

    start: datetime
    end: datetime
    free: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which a seat is held."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class SeatAvailability:
    """One seat for a wished interval. `status` is FREE or why not; `busy` all held stretches of that day."""

    id: str
    label: str
    status: SeatStatus
    until: datetime | None = None
    busy: list[Stretch] = field(default_factory=list)


HeldStretch = tuple[int, int | None, SeatStatus]
"""From and until when a seat is held, in seconds since 1970 (None: until further notice), and what a wish that meets it sees."""


@dataclass(frozen=True, slots=True)
class LiveArea:
    """All that a live map of an area needs, whatever time its viewer wishes for."""

    map: AreaMap
    held: dict[str, tuple[HeldStretch, ...]]
    """What holds each seat on the days that can be booked, by start."""
    levels: tuple[tuple[int, int, int], ...]
    """Of a capacity area: (from, until, held), in seconds since 1970, without a gap over those days."""
    next_change: datetime
    """When time alone changes the map next."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of a reservation's explained history: what happened when, through what, with which facts."""

    occurred_at: datetime
    received_at: datetime
    source: str
    """"web", "kiosk-code", "gate", "system", …"""
    change: str
    """"reserved", "checked-in", "stepped-away", "returned", "extended", "ended", "cancelled", "missed", "lapsed",
    "reinstated" (late evidence lifted a miss or lapse), "displaced", "undone" (booking.domain.evidence.Change)."""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationView:
    """A reader's reservation with everything their page needs."""

    id: str
    reader: str
    area: str
    area_name: Text
    venue_name: Text
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
    """When a reader who is away must be back; None while an evacuation goes on."""
    sign_out_until: datetime | None
    """When a reader who is there must have signed out at the latest; None where nobody has to."""
    actions: list[Action]
    """What the reader may do at this moment."""
    stands_still: bool = False
    """An evacuation goes on: no clock of it runs."""
    asks_inside: bool = False
    """A gate has seen its reader come in: they can check in with one tap. Known where one reservation is asked for."""
    offer: str | None = None
    """The seat that its reader can have instead of the one that was given on. Known where one reservation is asked for."""
    history: list[HistoryLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of reservations, newest first; `next` is the cursor for the following one."""

    items: list[ReservationView]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecordView:
    """One passage of the reader (门禁记录). `effect` is a HistoryLine.change or "" when only recorded."""

    id: str
    gate: str
    portal: str
    portal_name: Text
    direction: Direction
    kind: CredentialKind
    outcome: AccessOutcome
    occurred_at: datetime
    received_at: datetime
    reservation: str | None
    effect: str
    answer: str | None
    """"confirmed", "disputed" or None."""
    answer_until: datetime
    passed: bool | None = None
    """What the turnstile said of somebody walking through; None where it said nothing."""
    unconfirmed: bool = False
    """Its effect did not wait for that word any longer."""


@dataclass(frozen=True, slots=True)
class NotificationView:
    """Something the reader was told: `kind` is a HistoryLine.change, `facts` fill its sentence."""

    id: str
    kind: str
    at: datetime
    reservation: str | None
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class ReaderView:
    """A person. `id` is folded to upper case."""

    id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """An open session: `role` is "reader" or "staff"."""

    reader: str
    name: str
    role: str
    csrf: str
    channel: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceView:
    """An enrolled gate or kiosk; `kid` names its Ed25519 key."""

    id: str
    kind: str
    kid: str
    public_key: bytes
    enrolled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageView:
    """One gate event as staff see it: the credential is masked, the reader is named only when known."""

    gate: str
    portal: str
    direction: Direction
    kind: CredentialKind | None
    credential: str
    """Masked (messages.access.mask)."""
    reader: str | None
    outcome: AccessOutcome
    occurred_at: datetime
    received_at: datetime
    effect: str
    reason: AccessReason | None = None
    """Where the gate decided: why so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterView:
    """A verified message that could not be applied."""

    gate: str
    epoch: int
    sequence: int
    received_at: datetime
    reason: str
    id: str = ""
    """By which staff can have it applied; "" for what still waits for its gate's clock."""
