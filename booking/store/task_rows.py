"""Tasks of staff as rows, and what decides about fairness: cancellations and groups of readers. SQL only, no rule."""

from datetime import datetime
from typing import Any

from booking.domain.tasks import Task
from booking.store.pool import ReaderPool
from booking.store.rows import moment, moment_or_none, us
from booking.store.sql import Connection

_SELECT = "SELECT id, kind, area, seat, reservation, made_us, settled_by, settled_us FROM tasks "


class TaskUnit:
    """The tasks, cancellations and groups of booking.service.unit.Unit."""

    _db: Connection

    def cancelled(self, reader: str, since: datetime, seat: str | None = None) -> dict[str, list[datetime]]:
        """Return when `reader` cancelled reservations of each seat (or of `seat`), ascending, after `since`."""
        rows = self._db.execute(
            "SELECT r.seat, e.occurred_us FROM reservations r JOIN evidence e ON e.reservation = r.id "
            "WHERE r.reader = ?1 AND r.status = 'cancelled' AND r.start_us > ?2 AND r.closed_us > ?2 "
            "AND (CAST(?3 AS TEXT) IS NULL OR r.seat = ?3) AND e.change = 'cancelled' ORDER BY e.occurred_us",
            (reader, us(since), seat),
        )
        found: dict[str, list[datetime]] = {}
        row: Any
        for row in rows.fetchall():
            found.setdefault(row[0], []).append(moment(row[1]))
        return found

    def groups_of(self, reader: str) -> set[str]:
        """Return the groups that `reader` belongs to."""
        row: Any = self._db.execute("SELECT groups FROM readers WHERE id = ?", (reader,)).fetchone()
        return set(row[0].split()) if row else set()

    def add_task(self, task: Task) -> None:
        """Insert a task."""
        self._db.execute(
            "INSERT INTO tasks (id, kind, area, seat, reservation, made_us) VALUES (?, ?, ?, ?, ?, ?)",
            (task.id, task.kind, task.area, task.seat, task.reservation, us(task.made_at)),
        )

    def settle_task(self, task: str, by: str, at: datetime) -> bool:
        """Write down who settled a task; False when there is none. Settled before: nothing changes."""
        if self._db.execute("SELECT 1 FROM tasks WHERE id = ?", (task,)).fetchone() is None:
            return False
        self._db.execute(
            "UPDATE tasks SET settled_by = ?, settled_us = ? WHERE id = ? AND settled_us IS NULL", (by, us(at), task)
        )
        return True

    def reported(self, area: str) -> set[str]:
        """Return the seats of `area` that an open task is about."""
        rows: list[Any] = self._db.execute(
            "SELECT seat FROM tasks WHERE area = ? AND settled_us IS NULL", (area,)
        ).fetchall()
        return {row[0] for row in rows}


class TaskReads:
    """The tasks of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool) -> None:
        self._task_pool = pool

    def tasks(self, *, limit: int = 50) -> list[Task]:
        """What is to be done on the floor, oldest first; then what was settled, newest first: for staff."""
        with self._task_pool.lend() as db:
            rows = db.execute(
                _SELECT + "ORDER BY settled_us IS NOT NULL, settled_us DESC, made_us LIMIT ?", (limit,)
            ).fetchall()
        return [_task(row) for row in rows]


def _task(row: Any) -> Task:
    return Task(
        id=row[0],
        kind=row[1],
        area=row[2],
        seat=row[3],
        reservation=row[4],
        made_at=moment(row[5]),
        settled_by=row[6],
        settled_at=moment_or_none(row[7]),
    )
