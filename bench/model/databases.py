"""A database of its own for each play: a SQLite file, or a schema of a PostgreSQL server. Opened as the service does."""

import shutil
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw

from booking.domain.places import Places
from booking.store.sqlite import SqliteStore, open_store

OVERLAPS = (
    "SELECT count(*) FROM reservations a JOIN reservations b ON a.id < b.id AND a.start_us < b.end_us "
    "AND b.start_us < a.end_us AND {same} WHERE a.holding = 1 AND b.holding = 1"
)
SAME_SEAT, SAME_READER = "a.seat = b.seat AND a.seat <> ''", "a.reader = b.reader"
MOST_HELD = (
    "SELECT a.area, max((SELECT count(*) FROM reservations b WHERE b.holding = 1 AND b.area = a.area AND b.seat = '' "
    "AND b.start_us <= a.start_us AND a.start_us < b.end_us)) FROM reservations a "
    "WHERE a.holding = 1 AND a.seat = '' GROUP BY a.area"
)


class SqliteDatabase:
    """A file in a folder of its own, made in `parent`. `spoil`: statements that weaken the tables, on purpose."""

    def __init__(self, places: Places, parent: Path | None = None, spoil: Iterable[str] = ()) -> None:
        self._spoil = tuple(spoil)
        self._folder = Path(tempfile.mkdtemp(prefix="seatgate-model-", dir=parent))
        self._places = places
        self._file = self._folder / "booking.sqlite"
        self.store: SqliteStore
        self._side: apsw.Connection | None = None

    def open(self, now: datetime) -> None:
        """Open the store, or open it again after `shut`."""
        self.store = open_store(self._file, self._places, now)
        if self._spoil:
            connection = apsw.Connection(str(self._file))
            for statement in self._spoil:
                connection.execute(statement)
            connection.close()

    def shut(self) -> None:
        self.store.close()

    def rows(self, sql: str) -> list[Any]:
        """Ask past the store."""
        if self._side is None:
            self._side = apsw.Connection(str(self._file), flags=apsw.SQLITE_OPEN_READONLY)
        return list(self._side.execute(sql))

    def close(self) -> None:
        if self._side is not None:
            self._side.close()
        self.store.close()
        shutil.rmtree(self._folder, ignore_errors=True)
