"""The file below an Outbox: its schema, how it is opened, and what happens when it is broken.

Rules: a SQLite with the WAL-reset fault is refused; one process at a time; a file that cannot be read is never deleted
but renamed and reported, and a new one with a new epoch takes its place. No queue logic lives here.
"""

import fcntl
import logging
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from runtime.clock import Clock
from runtime.errors import RuntimeFault
from runtime.secret_file import sync_folder

_log = logging.getLogger(__name__)
OLDEST_SQLITE = (3, 51, 3)
"""Below this a checkpoint can race a WAL reset and corrupt the file (https://sqlite.org/wal.html, "WAL-reset")."""
EPOCH_BITS = 53
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rows (
    sequence INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    digest BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'settled', 'aside')),
    settled_at INTEGER,
    code TEXT
) STRICT;
CREATE INDEX rows_pending ON rows (sequence) WHERE state = 'pending';
CREATE INDEX rows_settled ON rows (settled_at) WHERE state = 'settled';
PRAGMA user_version = 1;
"""
_BROKEN = (apsw.CorruptError, apsw.NotADBError)


class OutboxError(RuntimeFault):
    """The outbox cannot be opened, read or written. An event being appended was not stored."""


class OutboxFull(OutboxError):  # noqa: N818 - named after what happened
    """The disk is full. The event being appended was not stored."""


class _Broken(Exception):  # noqa: N818 - private: says that the file must be set aside
    """The file is not an outbox that can be read."""


@dataclass(frozen=True)
class OutboxFile:
    """An open file that this process alone owns."""

    path: Path
    connection: apsw.Connection
    epoch: int
    previous_epoch: int | None
    lock: int

    def close(self) -> None:
        """Close the database and let go of the file."""
        self.connection.close()
        with suppress(OSError):
            os.close(self.lock)


def fault_of(error: apsw.Error, path: Path) -> OutboxError:
    """Return the fault that staff can act on for what SQLite reported."""
    if isinstance(error, apsw.FullError):
        return OutboxFull(f"the disk of {path} is full: free some space, events are not being stored")
    if isinstance(error, _BROKEN):
        return OutboxError(f"{path} is damaged ({error}): restart this service, it will set the file aside and go on")
    return OutboxError(f"{path} cannot be used ({error}): check the disk and the owner of its folder")


def refuse_faulty_sqlite(version: str) -> None:
    """Raise OutboxError for a SQLite that can corrupt a WAL file."""
    if tuple(int(part) for part in version.split(".")[:3]) < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise OutboxError(
            f"SQLite {version} can corrupt the outbox: install apsw {needed} or newer (it brings its own)"
        )


def open_file(path: Path, clock: Clock) -> OutboxFile:
    """Open the outbox at `path`, make it when missing, set a broken one aside; OutboxError when neither is possible."""
    refuse_faulty_sqlite(apsw.sqlite_lib_version())
    lock = _own(path)
    try:
        connection, epoch, previous = _open_or_replace(path, clock)
    except apsw.Error as error:
        os.close(lock)
        raise fault_of(error, path) from error
    except OSError as error:
        os.close(lock)
        raise OutboxError(f"{path} cannot be used ({error.strerror}): check the disk and its folder's owner") from error
    except OutboxError:
        os.close(lock)
        raise
    return OutboxFile(path, connection, epoch, previous, lock)


def _open_or_replace(path: Path, clock: Clock) -> tuple[apsw.Connection, int, int | None]:
    previous = None
    try:
        if path.exists() and path.stat().st_size and (found := _open_existing(path)):
            return found
    except (_Broken, *_BROKEN) as error:
        previous = _epoch_of_broken(path)
        _set_aside(path, clock, error, previous)
    connection, epoch = _make(path, previous)
    return connection, epoch, previous


def _own(path: Path) -> int:
    name = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxError(f"{name} cannot be made ({error.strerror}): check the folder's owner") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OutboxError(f"{path} belongs to another running process: stop that one first") from error
    return lock


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(2000)  # diagnose may look into the file while we write
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    return connection


def _open_existing(path: Path) -> tuple[apsw.Connection, int, int | None] | None:
    """Return connection, epoch and previous epoch; None for a file whose making was cut off before its first commit."""
    connection = _connect(path)
    try:
        meta = _read_meta(connection, path)
    except BaseException:
        connection.close()
        raise
    if not meta:
        connection.close()
        return None
    return connection, meta["epoch"], meta.get("previous_epoch")


def _read_meta(connection: apsw.Connection, path: Path) -> dict[str, int]:
    if (report := connection.pragma("quick_check", 1)) != "ok":
        raise _Broken(str(report))
    version = connection.pragma("user_version")
    if version == 0 and not connection.execute("SELECT count(*) FROM sqlite_schema").get:
        return {}
    if version != SCHEMA_VERSION:
        raise OutboxError(f"{path} has form {version}, this Seatgate reads form {SCHEMA_VERSION}: update Seatgate")
    rows: Any = connection.execute("SELECT name, number FROM meta").fetchall()
    meta: dict[str, int] = dict(rows)
    if "epoch" not in meta:
        raise _Broken("it has no epoch")
    return meta


def _make(path: Path, previous: int | None) -> tuple[apsw.Connection, int]:
    # Made here with its mode, not by SQLite: the payloads hold card numbers.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connect(path)
    try:
        epoch = secrets.randbits(EPOCH_BITS)
        with connection:
            for _ in connection.execute(_SCHEMA):
                pass
            connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (epoch,))
            if previous is not None:
                connection.execute("INSERT INTO meta VALUES ('previous_epoch', ?)", (previous,))
        sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    _log.info("outbox made path=%s epoch=%d previous_epoch=%s", path, epoch, previous)
    return connection, epoch


def _epoch_of_broken(path: Path) -> int | None:
    """Read the epoch out of a damaged file where its page still can be read."""
    with suppress(apsw.Error):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            epoch = connection.execute("SELECT number FROM meta WHERE name = 'epoch'").get
        finally:
            connection.close()
        if isinstance(epoch, int) and 0 <= epoch < 1 << EPOCH_BITS:
            return epoch
    return None


def _set_aside(path: Path, clock: Clock, error: Exception, epoch: int | None) -> None:
    suffix = f".broken-{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    for part in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + part).rename(path.with_name(path.name + suffix + part))
    sync_folder(path.parent)
    _log.critical(
        "the outbox is damaged and was set aside: events in it may not have reached booking, keep the file"
        " path=%s kept_as=%s epoch=%s error=%s",
        path,
        path.name + suffix,
        epoch,
        error,
    )
