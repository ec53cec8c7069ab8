"""Closures as rows: for decisions inside the writer's transaction, and for what pages and maps read. SQL only, no rule."""

from datetime import UTC, datetime
from typing import Any

from booking.domain.closures import Closure
from booking.domain.window import Interval
from booking.store.pool import ReaderPool
from booking.store.rows import moment, moment_or_none, us, us_or_none
from booking.store.sql import Connection
from config.values import Text

OPEN_END_US = us(datetime(9999, 1, 1, tzinfo=UTC))
"""The end of a closure that has none."""
_COLUMNS = "id, area, seat, start_us, end_us, reason_zh, reason_en, made_by, made_us, lifted_by, lifted_us"
_SELECT = f"SELECT {_COLUMNS} FROM closures "  # noqa: S608 - the columns are constants of this module
_STANDING = "lifted_us IS NULL AND (end_us IS NULL OR end_us > ?) "


def closure_of(row: Any) -> Closure:
    """Return the closure in a row of this module's columns."""
    return Closure(
        id=row[0],
        area=row[1],
        seat=row[2] or None,
        start=moment(row[3]),
        end=moment_or_none(row[4]),
        reason=Text(row[5], row[6]),
        made_by=row[7],
        made_at=moment(row[8]),
        lifted_by=row[9],
        lifted_at=moment_or_none(row[10]),
    )


def stretches(db: Connection, area: str, span: Interval) -> list[tuple[str, int, int]]:
    """Return (seat, start, end) of what is closed in `area` during `span`; an empty seat is the whole area."""
    rows = db.execute(
        f"SELECT seat, start_us, coalesce(end_us, {OPEN_END_US}) FROM closures "  # noqa: S608 - constants
        f"WHERE {_STANDING} AND area = ? AND start_us < ?",
        (us(span.start), area, us(span.end)),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def standing(db: Connection, span: Interval) -> list[Closure]:
    """Return what staff have closed at some moment of `span`, in every area."""
    sql = _SELECT + f"WHERE {_STANDING} AND start_us < ? ORDER BY made_us, id"
    return [closure_of(row) for row in db.execute(sql, (us(span.start), us(span.end))).fetchall()]


class ClosureUnit:
    """The closures of booking.service.unit.Unit."""

    _db: Connection
    touched: set[str]

    def closures(self, area: str, interval: Interval, seat: str | None = None) -> list[Closure]:
        """Return what staff closed in `area` at some moment of `interval`: all of it, or whatever closes `seat`."""
        rows = self._db.execute(
            _SELECT
            + f"WHERE {_STANDING} AND area = ?2 AND start_us < ?3 AND (CAST(?4 AS TEXT) IS NULL OR seat IN ('', ?4)) "
            "ORDER BY made_us, id",
            (us(interval.start), area, us(interval.end), seat),
        )
        return [closure_of(row) for row in rows.fetchall()]

    def next_closing(self, area: str, seat: str, after: datetime) -> datetime | None:
        """Return when the next closure of `area` or `seat` starts, at `after` or later."""
        row: Any = self._db.execute(
            f"SELECT min(start_us) FROM closures WHERE {_STANDING} AND area = ? AND seat IN ('', ?) AND start_us >= ?",  # noqa: S608
            (us(after), area, seat, us(after)),
        ).fetchone()
        return moment_or_none(row[0])

    def add_closure(self, closure: Closure) -> None:
        """Insert a closure; the same id twice is one."""
        self.touched.add(closure.area)
        self._db.execute(
            "INSERT INTO closures (id, area, seat, start_us, end_us, reason_zh, reason_en, made_by, made_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                closure.id,
                closure.area,
                closure.seat or "",
                us(closure.start),
                us_or_none(closure.end),
                closure.reason.zh,
                closure.reason.en,
                closure.made_by,
                us(closure.made_at),
            ),
        )

    def lift_closure(self, closure: str, by: str, at: datetime) -> bool:
        """Open again what a closure closed; False when there is no such closure. Lifted before: nothing changes."""
        row: Any = self._db.execute("SELECT area FROM closures WHERE id = ?", (closure,)).fetchone()
        if row is None:
            return False
        self.touched.add(row[0])
        self._db.execute(
            "UPDATE closures SET lifted_by = ?, lifted_us = ? WHERE id = ? AND lifted_us IS NULL", (by, us(at), closure)
        )
        return True


class ClosureReads:
    """The closures of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool) -> None:
        self._closure_pool = pool

    def every_closure(self, *, limit: int = 50) -> list[Closure]:
        """All closures with who made and lifted them, newest first: for staff."""
        return self._closures("ORDER BY made_us DESC, id LIMIT ?", (limit,))

    def standing_closures(self, span: Interval) -> list[Closure]:
        """What staff have closed at some moment of `span`, in every area, oldest first."""
        with self._closure_pool.lend() as db:
            return standing(db, span)

    def closure(self, closure: str) -> Closure | None:
        """One closure by its id."""
        return next(iter(self._closures("WHERE id = ?", (closure,))), None)

    def _closures(self, condition: str, values: tuple[Any, ...]) -> list[Closure]:
        with self._closure_pool.lend() as db:
            return [closure_of(row) for row in db.execute(_SELECT + condition, values).fetchall()]
