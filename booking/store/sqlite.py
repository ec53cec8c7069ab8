"""The SQLite store: `open_store` gives the one writer and the query-only reads over a database file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import apsw

from booking.domain.places import Places
from booking.domain.reservation import due
from booking.store.closure_rows import ClosureReads
from booking.store.connection import ProcessLock, check_version, open_writer
from booking.store.draw_rows import DrawReads
from booking.store.errors import StoreError
from booking.store.evacuation_rows import EvacuationReads
from booking.store.held_places import set_capacities
from booking.store.numbering import keep_time
from booking.store.pool import ReaderPool
from booking.store.read_gates import GateReads
from booking.store.read_identity import IdentityReads
from booking.store.read_readers import ReaderReads
from booking.store.read_recognition import RecognitionReads
from booking.store.read_seats import SeatReads
from booking.store.read_telling import TellingReads
from booking.store.read_violations import ViolationReads
from booking.store.rows import RESERVATION, reservation_of, us_or_none
from booking.store.task_rows import TaskReads
from booking.store.writer import SqliteWriter


class SqliteReads(
    SeatReads,
    ReaderReads,
    TellingReads,
    IdentityReads,
    ClosureReads,
    ViolationReads,
    TaskReads,
    RecognitionReads,
    EvacuationReads,
    DrawReads,
    GateReads,
):
    """booking.service.ports.Reads over a pool of query-only connections."""

    def __init__(self, pool: ReaderPool, places: Places) -> None:
        SeatReads.__init__(self, pool, places)
        ReaderReads.__init__(self, pool, places)
        TellingReads.__init__(self, pool)
        IdentityReads.__init__(self, pool)
        RecognitionReads.__init__(self, pool)
        ClosureReads.__init__(self, pool)
        ViolationReads.__init__(self, pool, places)
        TaskReads.__init__(self, pool)
        DrawReads.__init__(self, pool)
        EvacuationReads.__init__(self, pool)
        GateReads.__init__(self, pool, places)


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """An open database. `close` writes what is queued and lets another process have it."""

    writer: SqliteWriter
    reads: SqliteReads
    _pool: ReaderPool
    _connection: apsw.Connection
    _lock: ProcessLock

    def close(self) -> None:
        """Write what is queued, then close everything."""
        self.writer.stop()
        self._pool.close()
        self._connection.close()
        self._lock.release()


def open_store(database: Path, places: Places, now: datetime) -> SqliteStore:
    """Open or make the database and start its writer; StoreError says what to do when it cannot be had."""
    check_version()
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock = ProcessLock(database)
    except OSError as error:
        raise StoreError(f"the database {database} cannot be opened: {error.strerror}") from error
    try:
        connection = open_writer(database)
        _prepare(connection, places, now)
    except (apsw.Error, StoreError):
        lock.release()
        raise
    pool = ReaderPool(database)
    writer = SqliteWriter(connection, places)
    writer.start()
    return SqliteStore(writer, SqliteReads(pool, places), pool, connection, lock)


def _prepare(connection: apsw.Connection, places: Places, now: datetime) -> None:
    """Note the time, and fix when each reservation falls due by the rules of today."""
    connection.execute("BEGIN IMMEDIATE")
    keep_time(connection, now)
    set_capacities(connection, places)
    rows = connection.execute(f"SELECT {RESERVATION}, due_us FROM reservations WHERE holding = 1").fetchall()  # noqa: S608
    for row in rows:
        falls = us_or_none(due(reservation_of(row), places.policy))
        if falls != row[-1]:
            connection.execute("UPDATE reservations SET due_us = ? WHERE id = ?", (falls, row[0]))
    connection.execute("COMMIT")
