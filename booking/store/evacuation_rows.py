"""Evacuations as rows: for decisions inside the writer's transaction, and for what pages read. SQL only, no rule."""

from datetime import datetime
from typing import Any

from booking.domain.freezing import Evacuation
from booking.domain.reservation import Reservation
from booking.service.gate_record import GateRecord
from booking.store.gate_rows import RECORDS, record_of_row
from booking.store.pool import ReaderPool
from booking.store.rows import RESERVATION, moment, moment_or_none, reservation_of, us
from booking.store.sql import Connection

_SELECT = "SELECT id, venue, start_us, started_by, gate, learned_us, end_us, ended_by FROM evacuations "


def _evacuation(row: Any) -> Evacuation:
    return Evacuation(
        id=row[0],
        venue=row[1],
        start=moment(row[2]),
        started_by=row[3],
        gate=row[4],
        learned_at=moment(row[5]),
        end=moment_or_none(row[6]),
        ended_by=row[7],
    )


def going_on(db: Connection) -> list[Evacuation]:
    """Return the evacuations that go on."""
    return [_evacuation(row) for row in db.execute(_SELECT + "WHERE end_us IS NULL").fetchall()]


def since(db: Connection, moment: datetime) -> list[Evacuation]:
    """Return the evacuations that go on, or went on after `moment`."""
    rows = db.execute(_SELECT + "WHERE end_us IS NULL OR end_us > ?", (us(moment),)).fetchall()
    return [_evacuation(row) for row in rows]


class EvacuationRows:
    """booking.service.evacuation_book.EvacuationBook over the writing connection."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def at(self, venue: str, moment: datetime) -> Evacuation | None:
        """Return the evacuation of `venue` that was going on at `moment`."""
        return self._get(
            "WHERE venue = ?1 AND start_us <= ?2 AND (end_us IS NULL OR end_us > ?2) LIMIT 1", (venue, us(moment))
        )

    def open_in(self, venue: str) -> Evacuation | None:
        """Return the evacuation of `venue` that goes on."""
        return self._get("WHERE venue = ? AND end_us IS NULL", (venue,))

    def one(self, evacuation: str) -> Evacuation | None:
        """Return one evacuation."""
        return self._get("WHERE id = ?", (evacuation,))

    def _get(self, where: str, values: tuple[Any, ...]) -> Evacuation | None:
        row = self._db.execute(_SELECT + where, values).fetchone()
        return _evacuation(row) if row else None

    def begin(self, evacuation: Evacuation) -> None:
        """Insert an evacuation."""
        self._db.execute(
            "INSERT INTO evacuations (id, venue, start_us, started_by, gate, learned_us) VALUES (?, ?, ?, ?, ?, ?)",
            (
                evacuation.id,
                evacuation.venue,
                us(evacuation.start),
                evacuation.started_by,
                evacuation.gate,
                us(evacuation.learned_at),
            ),
        )

    def finish(self, evacuation: str, by: str, at: datetime) -> None:
        """Note that staff ended it."""
        self._db.execute(
            "UPDATE evacuations SET ended_by = ?, end_us = ? WHERE id = ? AND end_us IS NULL", (by, us(at), evacuation)
        )

    def exits_since(self, venue: str, moment: datetime) -> list[GateRecord]:
        """Return the passages out of `venue` at `moment` or later that changed a reservation, newest first."""
        rows = self._db.execute(
            RECORDS
            + "WHERE venue = ? AND occurred_us >= ? AND way = 'out' AND effect <> '' ORDER BY occurred_us DESC, sequence DESC",
            (venue, us(moment)),
        ).fetchall()
        return [record_of_row(row) for row in rows]

    def closed_by_time(self, areas: list[str], moment: datetime) -> list[Reservation]:
        """Return what was missed, lapsed or not signed out at `moment` or later in these areas."""
        if not areas:
            return []
        marks = ", ".join("?" * len(areas))
        rows = self._db.execute(
            f"SELECT {RESERVATION} FROM reservations WHERE status IN ('no-show', 'lapsed', 'not-signed-out') "  # noqa: S608
            f"AND closed_us >= ? AND area IN ({marks}) ORDER BY id",
            (us(moment), *areas),
        ).fetchall()
        return [reservation_of(row) for row in rows]


class EvacuationReads:
    """The evacuations of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool) -> None:
        self._evacuation_pool = pool

    def evacuations(self, *, going_on: bool = False, limit: int = 50) -> list[Evacuation]:
        """Evacuations, newest first; `going_on`: those alone that staff have not ended."""
        where = "WHERE end_us IS NULL " if going_on else ""
        with self._evacuation_pool.lend() as db:
            rows = db.execute(_SELECT + where + "ORDER BY start_us DESC LIMIT ?", (limit,)).fetchall()
        return [_evacuation(row) for row in rows]
