"""The SQLite store: `open_store` gives the one writer and the query-only reads over a database file."""

import contextlib
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import apsw

from booking.domain.places import Places
from booking.service.ports import Touched
from booking.store.committed import Committed
from booking.store.connection import ProcessLock, check_version, open_reader, open_writer
from booking.store.engine import Work
from booking.store.errors import StoreError
from booking.store.leadership import AlwaysLeading
from booking.store.opened import Store, prepare
from booking.store.pool import ReaderPool
from booking.store.reads import StoreReads
from booking.store.sql import Connection
from booking.store.writer import StoreWriter

_log = logging.getLogger(__name__)
_DISK = (
    apsw.FullError,
    apsw.IOError,
    apsw.NoMemError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
)
"""What the disk or the machine answers, whatever the command was."""
_CONSTRAINTS = ("seat-overlap", "reader-overlap", "area-full", "credential-overlap")


class SqliteEngine:
    """booking.store.engine.Engine over the one connection that writes this file."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def transaction(self, work: Work) -> Touched:
        """Run `work` in one transaction, first without savepoints; once more with them where it failed."""
        try:
            return self._attempt(work, guarded=False)
        except _DISK:
            raise
        except Exception:  # noqa: BLE001 - whatever it is: with savepoints it is the command's own, or comes again
            _log.debug("a batch is carried out again, each command by itself", exc_info=True)
            return self._attempt(work, guarded=True)

    def _attempt(self, work: Work, *, guarded: bool) -> Touched:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            touched = work(self.connection, guarded)
            self.connection.execute("COMMIT")
        except Exception:
            with contextlib.suppress(apsw.Error):
                self.connection.execute("ROLLBACK")
            raise
        return touched

    def ends_all(self, error: Exception) -> bool:
        """Tell whether it is the disk that fails (SQLite may have rolled back already): no fault of any one command."""
        return isinstance(error, _DISK) or not self.connection.in_transaction

    def refused_by(self, error: Exception) -> str | None:
        """Return the name that the refusing trigger gave."""
        if not isinstance(error, apsw.ConstraintError):
            return None
        return next((name for name in _CONSTRAINTS if name in str(error)), None)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class SqliteSource:
    """booking.store.pool.Source over a database file."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def open(self) -> apsw.Connection:
        """Open a connection that can only query."""
        with _readable():
            return open_reader(self._database)

    def usable(self, connection: Connection) -> bool:  # noqa: ARG002 - a file does not go away
        """Tell that it is: there is nobody at the other end."""
        return True

    @contextlib.contextmanager
    def reading(self, connection: Connection) -> Iterator[None]:  # noqa: ARG002 - nothing to prepare
        """Run a block of statements."""
        with _readable():
            yield

    @contextlib.contextmanager
    def snapshot(self, connection: Connection) -> Iterator[None]:
        """Run a block inside one read transaction."""
        with _readable():
            connection.execute("BEGIN")
            try:
                yield
            finally:
                with contextlib.suppress(*_DISK):
                    connection.execute("COMMIT")


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Say StoreError where the disk fails a read: asked again later it may answer."""
    try:
        yield
    except _DISK as error:
        raise StoreError(f"the database cannot be read: {error}") from error


def open_store(database: Path, places: Places, now: datetime) -> Store:
    """Open or make the database and start its writer; StoreError says what to do when it cannot be had."""
    check_version()
    with contextlib.ExitStack() as undo:
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
            lock = ProcessLock(database)
        except OSError as error:
            raise StoreError(f"the database {database} cannot be opened: {error.strerror}") from error
        undo.callback(lock.release)
        engine = SqliteEngine(open_writer(database))
        undo.callback(engine.close)

        def begin(db: Connection, _guarded: bool) -> Touched:  # noqa: FBT001 - the shape of Work
            return prepare(db, places, now)

        engine.transaction(begin)
        pool = ReaderPool(SqliteSource(database))
        undo.callback(pool.close)
        writer = StoreWriter(engine, places, Committed())
        writer.start()
        undo.callback(writer.stop)
        leadership = AlwaysLeading()
        undo.callback(leadership.resign)
        return Store(writer, StoreReads(pool, places), leadership, undo.pop_all().close)
