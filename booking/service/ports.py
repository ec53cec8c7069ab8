"""What the edges need of storage: the same over SQLite and PostgreSQL, and the tests of the store run on both."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import date, datetime
from typing import Protocol

from booking.domain.closures import Closure
from booking.domain.draw import Entry
from booking.domain.reservation import Reservation
from booking.domain.tasks import Task
from booking.domain.window import Interval
from booking.service.access_lists import AccessReads
from booking.service.commands import Command, Outcome
from booking.service.evacuation_book import EvacuationReads
from booking.service.gate_states import GateStateReads
from booking.service.gate_views import GateReads
from booking.service.identity import IdentityReads
from booking.service.pictures import PictureReads
from booking.service.portal_orders import OrderReads
from booking.service.recognition import RecognitionReads
from booking.service.telling import TellingReads
from booking.service.views import (
    AreaSummary,
    DeadLetterView,
    DeviceView,
    DrawView,
    GateRecordView,
    LiveArea,
    NotificationView,
    Page,
    PassageView,
    PlacesFree,
    ReaderView,
    ReservationView,
    SeatAvailability,
    SessionView,
)
from booking.service.violation_views import StaffActionView, ViolationsView, ViolationView
from messages.seats import AreaMap

Touched = frozenset[str]
"""Areas whose seats a committed transaction changed."""


class Writer(Protocol):
    """The one thing that writes."""

    def submit(self, commands: Sequence[Command]) -> "Future[list[Outcome]]":
        """Queue `commands`; the future resolves, in order, once the transaction that holds them has committed."""

    def on_commit(self, listener: Callable[[Touched], None]) -> None:
        """Call `listener` after each commit, on the writer's thread: it may only enqueue."""


class Reads(
    TellingReads,
    IdentityReads,
    RecognitionReads,
    EvacuationReads,
    GateReads,
    PictureReads,
    GateStateReads,
    AccessReads,
    OrderReads,
    Protocol,
):
    """Query-only; every method may be called from any thread and takes microseconds to a few milliseconds."""

    def areas(self, day: date, now: datetime) -> list[AreaSummary]:
        """All areas of the site in its file's order, with total and free."""

    def area_map(self, area: str, now: datetime) -> AreaMap | None:
        """The numbered map of an area as it is at `now`; None for an unknown area."""

    def live_area(self, area: str, now: datetime) -> LiveArea | None:
        """The map with what holds its seats on every day that can be booked; None for an unknown area."""

    def next_change(self, area: str, now: datetime) -> datetime | None:
        """When the map of an area next changes by time alone (a start, a deadline, an end)."""

    def seats(self, area: str, start: datetime, end: datetime, now: datetime) -> list[SeatAvailability] | None:
        """Each seat of an area for a wished interval, with the day's held stretches; None for an unknown area."""

    def draws(self, *, limit: int = 30) -> list[DrawView]:
        """The newest draws with how many wishes each has."""

    def draw(self, day: date) -> tuple[DrawView, Sequence[Entry]] | None:
        """One draw, and once it was held its wishes by place; None for a day without one."""

    def own_entries(self, reader: str, *, limit: int = 10) -> list[Entry]:
        """The reader's own wishes, newest day first."""

    def closure(self, closure: str) -> Closure | None:
        """One closure by its id."""

    def standing_closures(self, span: Interval) -> list[Closure]:
        """What staff have closed at some moment of `span`, in every area, oldest first."""

    def every_closure(self, *, limit: int = 50) -> list[Closure]:
        """All closures with who made and lifted them, newest first: for staff."""

    def tasks(self, *, limit: int = 50) -> list[Task]:
        """What is to be done on the floor, oldest first; then what was settled, newest first: for staff."""

    def places_free(self, area: str, steps: Sequence[Interval], now: datetime) -> list[PlacesFree] | None:
        """How many places of a capacity area are free throughout each of `steps`; None for any other area."""

    def reservations(self, reader: str, now: datetime, *, limit: int = 20, cursor: str | None = None) -> Page:
        """A reader's reservations, newest first."""

    def reservation(self, reader: str, reservation: str, now: datetime) -> ReservationView | None:
        """One of the reader's own reservations with its history; None for anyone else's."""

    def view_of(self, reservation: Reservation, now: datetime) -> ReservationView:
        """A reservation as it was just committed, without its history; reads nothing."""

    def current(self, reader: str, now: datetime) -> ReservationView | None:
        """The reservation in use or away, else the next one that holds."""

    def gate_records(self, reader: str, *, limit: int = 50) -> list[GateRecordView]:
        """A reader's passages, newest first."""

    def notifications(self, reader: str, *, limit: int = 50) -> list[NotificationView]:
        """What a reader was told, newest first."""

    def reader(self, reader: str) -> ReaderView | None:
        """A person by folded id."""

    def password_hash(self, reader: str) -> str | None:
        """The argon2 hash of a local account; None when there is none."""

    def reader_of_card(self, kind: str, value: str, at: datetime) -> str | None:
        """Who held this credential at `at`."""

    def session(self, token_hash: bytes, now: datetime) -> SessionView | None:
        """An open session that has not expired."""

    def device(self, device: str) -> DeviceView | None:
        """An enrolled gate or kiosk."""

    def device_by_kid(self, kid: str) -> DeviceView | None:
        """An enrolled gate or kiosk by its key's name."""

    def devices(self) -> list[DeviceView]:
        """Every enrolled gate and kiosk, by id."""

    def hole(self, gate: str, epoch: int, after: int, upto: int) -> tuple[int, int] | None:
        """The first and last sequence of the first stretch in (`after`, `upto`] that the inbox lacks; None when whole."""

    def passages(self, *, limit: int = 50) -> list[PassageView]:
        """The latest gate events of all readers, newest first: for staff."""

    def dead_letters(self, *, limit: int = 50) -> tuple[int, list[DeadLetterView]]:
        """How many there are, and the newest: for staff."""

    def violations(self, reader: str, now: datetime) -> ViolationsView:
        """A reader's violations, newest first, with the suspension in force at `now`."""

    def contested(self, now: datetime) -> list[ViolationView]:
        """Every violation that waits for staff, oldest first: appealed, or no gate has told for too long."""

    def staff_actions(self, *, limit: int = 50) -> list[StaffActionView]:
        """What staff did, newest first."""
