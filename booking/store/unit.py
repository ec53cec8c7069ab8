"""booking.service.unit.Unit over the writing connection: SQL only, no rule."""

from datetime import datetime
from typing import Any

from booking.domain.capacity import Level
from booking.domain.evidence import Evidence
from booking.domain.places import Places
from booking.domain.reservation import Reservation, due
from booking.domain.window import Interval
from booking.service.request_key import RequestKey
from booking.store.closure_rows import ClosureUnit
from booking.store.evacuation_rows import EvacuationRows
from booking.store.gate_rows import GateUnit
from booking.store.held_places import levels_of, steps_of
from booking.store.many import Insert
from booking.store.opening_rows import OpeningUnit
from booking.store.order_rows import OrderRows
from booking.store.rows import (
    RESERVATION,
    facts_json,
    moment,
    moment_or_none,
    new_id,
    reservation_of,
    us,
    us_or_none,
    values_of,
)
from booking.store.sql import Connection
from booking.store.stream_rows import StreamRows
from booking.store.task_rows import TaskUnit
from booking.store.tell import NOTIFICATIONS, told_row
from booking.store.violation_rows import ViolationRows

_COLUMNS = RESERVATION.replace(" ", "").split(",")
UPDATE = f"UPDATE reservations SET {', '.join(f'{name} = ?' for name in _COLUMNS[1:])}, due_us = ? WHERE id = ?"  # noqa: S608
_SELECT = f"SELECT {RESERVATION} FROM reservations "  # noqa: S608 - the columns are constants of this package
RESERVATIONS = Insert(f"reservations ({RESERVATION}, due_us)", len(_COLUMNS) + 1)
EVIDENCE = Insert("evidence (reservation, source, change, occurred_us, received_us, facts)", 6)
ANSWERS = Insert("idempotency (reader, key, digest, outcome, created_us)", 5)
_OVERLAPS = "holding = 1 AND end_us > ? AND start_us < ?"


class StoreUnit(ClosureUnit, TaskUnit, GateUnit, OpeningUnit):
    """The reads and writes of one command inside the writer's transaction. `touched` collects areas that changed."""

    def __init__(self, connection: Connection, places: Places) -> None:
        self._db = connection
        self._places = places
        self.touched: set[str] = set()
        self.violations = ViolationRows(connection)
        self.evacuations = EvacuationRows(connection)
        self.streams = StreamRows(connection)
        self.orders = OrderRows(connection)

    # ---- reservations ------------------------------------------------------------------------------------------------

    def new_id(self, at: datetime) -> str:
        """Return a fresh opaque id that sorts by `at`."""
        return new_id(at)

    def stay(self, reservation: str) -> Reservation | None:
        """Return one reservation."""
        return self._one(_SELECT + "WHERE id = ?", (reservation,))

    def holding_of(self, reader: str) -> list[Reservation]:
        """Return the reservations of `reader` whose status holds a seat, by start."""
        return self._all(_SELECT + "WHERE holding = 1 AND reader = ? ORDER BY end_us", (reader,))

    def stays_at(self, reader: str, moment: datetime, venue: str | None) -> list[Reservation]:
        """Return what holds for `reader` in `venue`, and what time alone has closed that would still run at `moment`."""
        found = self.holding_of(reader) + self._all(
            _SELECT + "WHERE reader = ?1 AND (status IN ('no-show', 'lapsed') AND end_us > ?2 "
            "OR status = 'not-signed-out' AND closed_us > ?2 OR status = 'ended' AND closed_us = end_us AND end_us > ?2) "
            "ORDER BY start_us",
            (reader, us(moment)),
        )
        here = [stay for stay in found if venue is None or self._venue(stay.area) in {venue, None}]
        return sorted(here, key=lambda stay: stay.start)

    def _venue(self, area: str) -> str | None:
        known = self._places.area(area)
        return known.venue if known else None

    def fallen_due(
        self, at: datetime, *, reader: str | None = None, seat: str | None = None, area: str | None = None
    ) -> list[Reservation]:
        """Return what time has changed by `at` without its being written: of this reader, seat or area; else all."""
        wanted = {"reader": reader, "seat": seat, "area": area}
        names = [name for name, value in wanted.items() if value is not None]
        condition = " AND (" + " OR ".join(f"{name} = ?" for name in names) + ")" if names else ""
        return self._all(
            _SELECT + "WHERE holding = 1 AND due_us <= ?" + condition + " ORDER BY due_us, start_us",
            (us(at), *(wanted[name] for name in names)),
        )

    def clash(self, seat: str, interval: Interval, *, but: str = "") -> Reservation | None:
        """Return what holds `seat` at some moment of `interval`, apart from the reservation `but`."""
        return self._one(
            _SELECT + f"WHERE {_OVERLAPS} AND seat = ? AND id <> ? ORDER BY end_us LIMIT 1",
            (us(interval.start), us(interval.end), seat, but),
        )

    def held_until(self, seat: str, interval: Interval) -> datetime | None:
        """Return when the first of what holds `seat` at some moment of `interval` ends; None where it is free throughout."""
        return self._first_end("seat", seat, interval)

    def reader_clash(self, reader: str, interval: Interval, *, but: str) -> Reservation | None:
        """Return what `reader` holds at some moment of `interval`, apart from the reservation `but`."""
        return self._one(
            _SELECT + f"WHERE {_OVERLAPS} AND reader = ? AND id <> ? ORDER BY end_us LIMIT 1",
            (us(interval.start), us(interval.end), reader, but),
        )

    def held_seats(self, area: str, interval: Interval) -> set[str]:
        """Return the seats of `area` that are held at some moment of `interval`."""
        rows = self._db.execute(
            f"SELECT DISTINCT seat FROM reservations WHERE {_OVERLAPS} AND area = ?",  # noqa: S608 - a constant
            (us(interval.start), us(interval.end), area),
        )
        return {row[0] for row in rows}

    def frees_at(self, area: str, interval: Interval) -> datetime | None:
        """Return when the first of the seats of `area` that are held in `interval` is free again; None when none is held."""
        return self._first_end("area", area, interval)

    def _first_end(self, column: str, value: str, interval: Interval) -> datetime | None:
        found = self._get(
            f"SELECT min(end_us) FROM reservations WHERE {_OVERLAPS} AND {column} = ?",  # noqa: S608 - constants
            (us(interval.start), us(interval.end), value),
        )
        return moment_or_none(found[0]) if found else None

    def standing(self, area: str | None = None, seat: str | None = None) -> list[Reservation]:
        """Return what holds in an area or on a seat of it, from now on; without an area, everywhere."""
        return self._all(
            _SELECT + "WHERE holding = 1 AND (CAST(?1 AS TEXT) IS NULL OR area = ?1) "
            "AND (CAST(?2 AS TEXT) IS NULL OR seat = ?2) ORDER BY id",
            (area, seat),
        )

    def touch(self, area: str) -> None:
        """Say that seats of `area` change, although no reservation in it is written."""
        self.touched.add(area)

    def levels(self, area: str, interval: Interval) -> list[Level]:
        """Return how many places of a capacity area are held throughout `interval`, in order and without a gap."""
        return levels_of(steps_of(self._db, area, interval), interval)

    def next_start_on(self, seat: str, after: datetime) -> datetime | None:
        """Return when the next holding reservation on `seat` starts, at `after` or later."""
        return self._next_start("seat", seat, after)

    def next_start_of(self, reader: str, after: datetime) -> datetime | None:
        """Return when the reader's next holding reservation starts, at `after` or later."""
        return self._next_start("reader", reader, after)

    def _next_start(self, column: str, value: str, after: datetime) -> datetime | None:
        found = self._get(
            f"SELECT min(start_us) FROM reservations WHERE holding = 1 AND {column} = ? AND start_us >= ?",  # noqa: S608
            (value, us(after)),
        )
        return moment(found[0]) if found and found[0] is not None else None

    def add(self, reservation: Reservation) -> None:
        """Insert a reservation; storage refuses an overlap."""
        self.touched.add(reservation.area)
        self._insert(RESERVATIONS, (*values_of(reservation), self._due(reservation)))

    def save(self, reservation: Reservation) -> None:
        """Write a reservation's present state; storage refuses an overlap."""
        self.touched.add(reservation.area)
        self._db.execute(UPDATE, (*values_of(reservation)[1:], self._due(reservation), reservation.id))

    def _due(self, reservation: Reservation) -> int | None:
        return us_or_none(due(reservation, self._places.policy))

    def record(self, evidence: Evidence) -> None:
        """Append to the ledger and tell the reader."""
        self._insert(
            EVIDENCE,
            (
                evidence.reservation,
                str(evidence.source),
                str(evidence.change),
                us(evidence.occurred_at),
                us(evidence.received_at),
                facts_json(evidence.facts),
            ),
        )
        if evidence.quiet:
            return
        self._insert(
            NOTIFICATIONS,
            told_row(
                reader=evidence.reader,
                kind=str(evidence.change),
                at=evidence.occurred_at,
                learned_at=evidence.received_at,
                reservation=evidence.reservation,
                facts=evidence.facts | {"source": str(evidence.source)},
            ),
        )

    # ---- requests that come again ------------------------------------------------------------------------------------

    def answer_to(self, reader: str, key: str) -> tuple[bytes, str] | None:
        """Return the digest of the reader's earlier request under this key and its outcome as it is stored."""
        return self._get("SELECT digest, outcome FROM idempotency WHERE reader = ? AND key = ?", (reader, key))

    def keep_answer(self, reader: str, request: RequestKey, outcome: str, at: datetime) -> None:
        """Store the outcome of a request."""
        self._insert(ANSWERS, (reader, request.key, request.digest, outcome, us(at)))

    def _insert(self, insert: Insert, row: tuple[Any, ...]) -> None:
        """Insert a row. Nothing reads it but what comes after it."""
        insert.one(self._db, row)

    # ---- presence ----------------------------------------------------------------------------------------------------

    def use_code(self, reader: str, kiosk: int, step: int, at: datetime) -> bool:
        """Mark a kiosk's code as used by `reader`; False when it was."""
        fresh = self._db.execute(
            "INSERT INTO code_uses VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
            (reader, kiosk, step, us(at)),
        ).fetchall()
        return bool(fresh)

    def holder_of(self, kind: str, value: str, at: datetime) -> str | None:
        """Return who held this credential at `at`."""
        found = self._get(
            "SELECT reader FROM credentials JOIN readers ON id = reader WHERE kind = ?1 AND value = ?2 "
            "AND valid_from_us <= ?3 AND (valid_until_us IS NULL OR valid_until_us > ?3) "
            "AND (gone_us IS NULL OR gone_us > ?3) ORDER BY valid_from_us DESC LIMIT 1",
            (str(kind), value, us(at)),
        )
        return found[0] if found else None

    # ---- rows --------------------------------------------------------------------------------------------------------

    def _get(self, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return row

    def _one(self, sql: str, values: tuple[Any, ...]) -> Reservation | None:
        row = self._get(sql, values)
        return None if row is None else reservation_of(row)

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[Reservation]:
        return [reservation_of(row) for row in self._db.execute(sql, values).fetchall()]
