"""Opening the SQLite file: version, lock, pragmas, migrations. One connection writes; the others are query-only."""

import fcntl
from pathlib import Path

import apsw

from booking.store.errors import StoreError
from booking.store.steps import left_to_run, migrations

OLDEST_SQLITE = (3, 51, 3)
"""3.7.0 to 3.51.2 can corrupt the file when a WAL reset races with a second connection (sqlite.org, "WAL-reset bug")."""
BUSY_MS = 5_000


def check_version(version: str | None = None) -> None:
    """Refuse an SQLite that can corrupt the file; StoreError says what to install."""
    seen = version or apsw.sqlite_lib_version()
    if tuple(int(part) for part in seen.split(".")) < OLDEST_SQLITE:
        needed = ".".join(str(part) for part in OLDEST_SQLITE)
        raise StoreError(
            f"SQLite {seen} can corrupt a database that several connections use: install apsw {needed} or newer "
            "from PyPI, which brings its own SQLite (pip install --upgrade apsw)."
        )


class ProcessLock:
    """Held while this process may write the database: a file beside it, locked by the kernel, freed by any death."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        self._file = path.open("a", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise StoreError(
                f"another booking process is using {database}: stop it first (SQLite has one writer; several workers "
                "need PostgreSQL)."
            ) from error

    def release(self) -> None:
        """Let another process have it."""
        self._file.close()


def open_writer(database: Path) -> apsw.Connection:
    """Open the one connection that writes, durable before it answers; bring the file's tables up to date."""
    try:
        connection = apsw.Connection(str(database))
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("temp_store", "memory")  # what a savepoint may undo is not worth a file
        connection.pragma("secure_delete", True)  # noqa: FBT003 - what is erased is overwritten in the file
        connection.pragma("foreign_keys", True)  # noqa: FBT003 - a pragma's value
        migrate(connection)
    except apsw.Error as error:
        raise StoreError(f"the database {database} cannot be opened: {error}") from error
    return connection


def open_reader(database: Path) -> apsw.Connection:
    """Open a connection that can only query."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("query_only", True)  # noqa: FBT003 - a pragma's value
    return connection


def migrate(connection: apsw.Connection) -> None:
    """Run what this file has not seen yet, each in a transaction with its number (`user_version`)."""
    done = int(connection.pragma("user_version") or 0)
    for number, script in left_to_run(range(done + 1), migrations("sqlite")):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(script).fetchall()
            connection.pragma("user_version", number)
            connection.execute("COMMIT")
        except apsw.Error:
            connection.execute("ROLLBACK")
            raise
