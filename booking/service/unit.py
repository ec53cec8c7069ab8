"""What deciding needs of one open transaction. The SQLite store implements it; the decisions beside it use it.

Everything read here is read inside the transaction that will write, so a decision cannot go stale.
"""

from datetime import datetime
from typing import Protocol

from booking.domain.capacity import Level
from booking.domain.closures import Closure
from booking.domain.evidence import Evidence
from booking.domain.reservation import Reservation
from booking.domain.tasks import Task
from booking.domain.window import Interval
from booking.service.evacuation_book import EvacuationBook
from booking.service.gate_record import GateRecord, Passage
from booking.service.portal_orders import OrderBook
from booking.service.stream_book import StreamBook
from booking.service.violation_book import ViolationBook
from messages.access import PassageEvent


class Unit(Protocol):
    """One transaction's reads and writes."""

    @property
    def violations(self) -> ViolationBook:
        """Return what is kept of violations."""

    @property
    def evacuations(self) -> EvacuationBook:
        """Return what is kept of evacuations."""

    @property
    def streams(self) -> StreamBook:
        """Return what is kept of gates' streams."""

    @property
    def orders(self) -> OrderBook:
        """Return what is kept of commands to gates."""

    def new_id(self, at: datetime) -> str:
        """Return a fresh opaque id that sorts by `at`."""

    def stay(self, reservation: str) -> Reservation | None:
        """Return one reservation."""

    def holding_of(self, reader: str) -> list[Reservation]:
        """Return the reservations of `reader` whose status holds a seat, by start."""

    def stays_at(self, reader: str, moment: datetime, venue: str | None) -> list[Reservation]:
        """Return what holds for `reader` in `venue`, and what time alone has closed that would still run at `moment`."""

    def fallen_due(
        self, at: datetime, *, reader: str | None = None, seat: str | None = None, area: str | None = None
    ) -> list[Reservation]:
        """Return what time has changed by `at` without its being written: of this reader or seat or area, or all."""

    def clash(self, seat: str, interval: Interval, *, but: str = "") -> Reservation | None:
        """Return what holds `seat` at some moment of `interval`, apart from the reservation `but`."""

    def held_until(self, seat: str, interval: Interval) -> datetime | None:
        """Return when the first of what holds `seat` at some moment of `interval` ends; None where it is free throughout."""

    def reader_clash(self, reader: str, interval: Interval, *, but: str) -> Reservation | None:
        """Return what `reader` holds at some moment of `interval`, apart from the reservation `but`."""

    def held_seats(self, area: str, interval: Interval) -> set[str]:
        """Return the seats of `area` that are held at some moment of `interval`."""

    def frees_at(self, area: str, interval: Interval) -> datetime | None:
        """Return when the first of the seats of `area` that are held in `interval` is free again; None when none is held."""

    def levels(self, area: str, interval: Interval) -> list[Level]:
        """Return how many places of a capacity area are held throughout `interval`, in order and without a gap."""

    def next_start_on(self, seat: str, after: datetime) -> datetime | None:
        """Return when the next holding reservation on `seat` starts, at `after` or later."""

    def next_start_of(self, reader: str, after: datetime) -> datetime | None:
        """Return when the reader's next holding reservation starts, at `after` or later."""

    def closures(self, area: str, interval: Interval, seat: str | None = None) -> list[Closure]:
        """Return what staff closed in `area` at some moment of `interval`: all of it, or whatever closes `seat`."""

    def next_closing(self, area: str, seat: str, after: datetime) -> datetime | None:
        """Return when the next closure of `area` or `seat` starts, at `after` or later."""

    def add_closure(self, closure: Closure) -> None:
        """Insert a closure; the same id twice is one."""

    def lift_closure(self, closure: str, by: str, at: datetime) -> bool:
        """Open again what a closure closed; False when there is no such closure. Lifted before: nothing changes."""

    def standing(self, area: str | None = None, seat: str | None = None) -> list[Reservation]:
        """Return what holds in an area or on a seat of it, from now on; without an area, everywhere."""

    def cancelled(self, reader: str, since: datetime, seat: str | None = None) -> dict[str, list[datetime]]:
        """Return when `reader` cancelled reservations of each seat (or of `seat`), ascending, after `since`."""

    def groups_of(self, reader: str) -> set[str]:
        """Return the groups that `reader` belongs to."""

    def add_task(self, task: Task) -> None:
        """Insert a task."""

    def settle_task(self, task: str, by: str, at: datetime) -> bool:
        """Write down who settled a task; False when there is none. Settled before: nothing changes."""

    def reported(self, area: str) -> set[str]:
        """Return the seats of `area` that an open task is about."""

    def touch(self, area: str) -> None:
        """Say that seats of `area` change, although no reservation in it is written."""

    def add(self, reservation: Reservation) -> None:
        """Insert a reservation; storage refuses an overlap."""

    def save(self, reservation: Reservation) -> None:
        """Write a reservation's present state; storage refuses an overlap."""

    def record(self, evidence: Evidence) -> None:
        """Append to the ledger and tell the reader."""

    def use_code(self, reader: str, kiosk: int, step: int, at: datetime) -> bool:
        """Mark a kiosk's code as used by `reader`; False when it was."""

    def holder_of(self, kind: str, value: str, at: datetime) -> str | None:
        """Return who held this credential at `at`."""

    def passed_since(self, reader: str, venue: str | None, moment: datetime) -> bool:
        """Tell whether a passage of `reader` in `venue` after `moment` is stored."""

    def keep_record(self, passage: Passage) -> None:
        """Store a gate record with what it did."""

    def keep_passage(self, event: PassageEvent, gate: str) -> None:
        """Note on the gate record of event `of` whether somebody walked through."""

    def gate_record(self, record: str) -> GateRecord | None:
        """Return a gate record."""

    def record_of(self, gate: str, epoch: int, sequence: int) -> GateRecord | None:
        """Return the gate record of an event."""

    def pending(self, until: datetime) -> list[GateRecord]:
        """Return the passages whose wait for the turnstile's word is over by `until`, the longest first."""

    def take_effect(self, record: str, passage: Passage) -> None:
        """Write what a passage did that waited, or that it did nothing."""

    def void_record(self, record: str) -> None:
        """Note that what a passage did is taken back, or will not be done."""

    def answer_record(self, record: str, answer: str, at: datetime) -> None:
        """Write the reader's answer."""

    def flag_card(self, record: str, at: datetime) -> None:
        """Show the card of this record to the desk."""

    def inside_since(self, reader: str, venue: str, since: datetime, now: datetime) -> datetime | None:
        """Return when `reader` came into `venue`, at `since` or later; None where they have gone, or not come, by `now`."""

    def opened(self, now: datetime) -> list[Reservation]:
        """Return the reservations whose check-in window opened by `now` and that nobody has looked at for that, by start."""

    def mark_opened(self, stay: Reservation) -> None:
        """Note that somebody looked."""

    def tell(self, stay: Reservation, kind: str, at: datetime, facts: dict[str, str]) -> None:
        """Tell the reader of `stay` something that changes nothing."""

    def clear_flag(self, record: str, by: str, at: datetime) -> bool:
        """Note that staff looked at a flagged card; False when there is none. Cleared before: nothing changes."""
