"""booking.service.waiting.WaitingList over the writing connection, and the reads of a reader's own waits."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from booking.domain.places import Places
from booking.domain.waiting import Wait
from booking.service.telling import StopWaiting
from booking.store.rows import moment, moment_or_none, us
from booking.store.sql import Connection
from booking.store.tell import tell

_OPEN = "told_us IS NULL AND closed_us IS NULL"
COLUMNS = "id, reader, area, seat, start_us, end_us, created_us, found, told_us"
"""The columns that `wait_of` reads, in order."""
_SELECT = f"SELECT {COLUMNS} FROM waits "  # noqa: S608 - the columns are constants of this package


def wait_of(row: Any) -> Wait:
    """Return the wait in a row of COLUMNS."""
    return Wait(
        id=row[0],
        reader=row[1],
        area=row[2],
        seat=row[3],
        start=moment(row[4]),
        end=moment(row[5]),
        created_at=moment(row[6]),
        found=row[7],
        told_at=moment_or_none(row[8]),
    )


class WaitRows:
    """The waits of one transaction."""

    def __init__(self, connection: Connection, places: Places) -> None:
        self._db = connection
        self._places = places

    def add(self, wait: Wait) -> None:
        """Insert a wait."""
        self._db.execute(
            "INSERT INTO waits (id, reader, area, seat, start_us, end_us, created_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (wait.id, wait.reader, wait.area, wait.seat, us(wait.start), us(wait.end), us(wait.created_at)),
        )

    def open_of(self, reader: str) -> list[Wait]:
        """Return the waits of `reader` that are neither told nor closed."""
        return self._all(f"WHERE reader = ? AND {_OPEN} ORDER BY created_us, id", (reader,))

    def open_in(self, area: str) -> list[Wait]:
        """Return the open waits of an area, longest first."""
        return self._all(f"WHERE area = ? AND {_OPEN} ORDER BY created_us, id", (area,))

    def offered(self, area: str, now: datetime) -> set[str]:
        """Return what readers were told of whose turn is not over at `now`."""
        rows = self._db.execute(
            "SELECT found FROM waits WHERE turn_us IS NOT NULL AND turn_us > ? AND area = ?", (us(now), area)
        ).fetchall()
        return {str(row[0]) for row in rows}

    def found(self, wait: Wait, seat: str, now: datetime, turn_ends: datetime, label: str) -> None:
        """Tell the reader what is free, and note until when it is their turn."""
        self._db.execute(
            "UPDATE waits SET found = ?, told_us = ?, turn_us = ? WHERE id = ?",
            (seat, us(now), us(turn_ends), wait.id),
        )
        zone = self._places.zone
        facts = {
            "area": wait.area,
            "seat": seat,
            "label": label,
            "start": wait.start.astimezone(zone).isoformat(),
            "end": wait.end.astimezone(zone).isoformat(),
            "deadline": turn_ends.astimezone(zone).isoformat(),
            "wait": wait.id,
            "source": "system",
        }
        tell(self._db, reader=wait.reader, kind="seat-free", at=now, learned_at=now, reservation=None, facts=facts)

    def turns_over(self, now: datetime) -> set[str]:
        """Forget the turns that are over by `now` and return their areas."""
        rows = self._db.execute(
            "UPDATE waits SET turn_us = NULL WHERE turn_us IS NOT NULL AND turn_us <= ? RETURNING area", (us(now),)
        ).fetchall()
        return {str(row[0]) for row in rows}

    def stop(self, command: StopWaiting) -> bool:
        """Close the reader's own wait; False when they have none such. One that was told is closed already."""
        known = self._db.execute(
            "SELECT 1 FROM waits WHERE id = ? AND reader = ?", (command.wait, command.reader)
        ).fetchone()
        self._db.execute(
            f"UPDATE waits SET closed_us = ? WHERE id = ? AND reader = ? AND {_OPEN}",  # noqa: S608
            (us(command.at), command.wait, command.reader),
        )
        return known is not None

    def _all(self, condition: str, values: Iterable[str]) -> list[Wait]:
        return [wait_of(row) for row in self._db.execute(_SELECT + condition, tuple(values)).fetchall()]


def next_turn(db: Connection) -> datetime | None:
    """Return when the next turn is over; None when none runs."""
    row = db.execute("SELECT min(turn_us) FROM waits WHERE turn_us IS NOT NULL").fetchone()
    return None if row is None or row[0] is None else moment(row[0])
