"""The file below an Outbox: its schema, how it is opened, and what happens when it is broken or gone.

Rules: a SQLite with the WAL-reset fault is refused; one process at a time; a file that cannot be read is never deleted
but renamed and reported, a new one with a new epoch takes its place, and what the old one still gives goes over into it. A
word beside the file (`.epoch`) remembers its epoch, so that a file that is gone is missed. No queue logic lives here.
"""

import fcntl
import logging
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw

from runtime.clock import Clock
from runtime.errors import RuntimeFault
from runtime.outbox_rescue import Found, copy_out, epochs_of, readable_rows
from runtime.secret_file import sync_folder

_log = logging.getLogger(__name__)
OLDEST_SQLITE = (3, 51, 3)
"""Below this a checkpoint can race a WAL reset and corrupt the file (https://sqlite.org/wal.html, "WAL-reset")."""
EPOCH_BITS = 53
SCHEMA_VERSION = 2
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
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, base INTEGER NOT NULL) STRICT;
PRAGMA user_version = 2;
"""
# Form 1 knew one epoch, whose sequences are the places themselves.
_TO_FORM_2 = """
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, base INTEGER NOT NULL) STRICT;
INSERT INTO epochs SELECT number, 0 FROM meta WHERE name = 'epoch';
PRAGMA user_version = 2;
"""
_TAKE_OVER = "INSERT INTO rows (sequence, topic, payload, digest, state, settled_at, code) VALUES (?, ?, ?, ?, ?, ?, ?)"
LOST, DAMAGED = "outbox-lost", "outbox-damaged"
"""What happened before a file was made (`messages.presence.Warned`)."""
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
    trouble: str = ""
    """Why this file took another's place: LOST, DAMAGED or nothing."""
    inode: tuple[int, int] = (0, 0)

    def there(self) -> bool:
        """Tell whether the file that is open still has its name."""
        try:
            named = self.path.stat()
        except OSError:
            return False
        return (named.st_dev, named.st_ino) == self.inode

    def close(self) -> None:
        """Close the database and let go of the file."""
        self.connection.close()
        with suppress(OSError):
            os.close(self.lock)


def fault_of(error: apsw.Error, path: Path) -> OutboxError:
    """Return the fault that staff can act on for what SQLite reported."""
    if isinstance(error, apsw.FullError):
        return OutboxFull(f"the disk of {path} is full: free some space, events are not being stored")
    if isinstance(error, apsw.ReadOnlyError):
        return OutboxError(
            f"{path} is on a disk that is read-only or not this account's: check the disk (dmesg) and the owner of its folder"
        )
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
        _finish_rescue(path)
        connection, epoch, previous = _open_or_replace(path, clock)
        trouble = _troubles_of(connection)
        inode = _inode_of(path)
    except apsw.Error as error:
        os.close(lock)
        raise fault_of(error, path) from error
    except OSError as error:
        os.close(lock)
        raise OutboxError(f"{path} cannot be used ({error.strerror}): check the disk and its folder's owner") from error
    except OutboxError:
        os.close(lock)
        raise
    return OutboxFile(path, connection, epoch, previous, lock, trouble, inode)


def _open_or_replace(path: Path, clock: Clock) -> tuple[apsw.Connection, int, int | None]:
    previous = None
    try:
        if path.exists() and path.stat().st_size and (found := _open_existing(path)):
            return found
    except (_Broken, *_BROKEN) as error:
        known = epochs_of(path)
        previous = known[-1][0] if known else _remembered(path)
        kept = _set_aside(path, clock, error, previous)
        connection, epoch = _make(path, previous, DAMAGED, known or _only(previous), readable_rows(kept))
        return connection, epoch, previous
    previous = _remembered(path)
    if previous is not None:
        _log.critical(
            "the outbox is gone: what it held and booking does not have is lost; events are kept in a new one"
            " path=%s lost_epoch=%d",
            path,
            previous,
        )
    connection, epoch = _make(path, previous, LOST if previous is not None else "")
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
    if version == 1:
        with connection:
            for _ in connection.execute(_TO_FORM_2):
                pass
        version = SCHEMA_VERSION
    if version == 0 and not connection.execute("SELECT count(*) FROM sqlite_schema").get:
        return {}
    if version != SCHEMA_VERSION:
        raise OutboxError(f"{path} has form {version}, this Seatgate reads form {SCHEMA_VERSION}: update Seatgate")
    rows: Any = connection.execute("SELECT name, number FROM meta").fetchall()
    meta: dict[str, int] = dict(rows)
    if "epoch" not in meta:
        raise _Broken("it has no epoch")
    return meta


def _make(
    path: Path,
    previous: int | None,
    trouble: str = "",
    old: Iterable[tuple[int, int]] = (),
    rows: Iterable[Found] = (),
) -> tuple[apsw.Connection, int]:
    """Make a new file, with what was saved from another: `rows` under the epochs `old`."""
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
            if trouble:
                connection.execute("INSERT INTO meta VALUES (?, 1)", (trouble,))
            base = 0
            old = list(old)
            for row in rows if old else ():
                connection.execute(_TAKE_OVER, row)
                base = int(row[0])
            for each in (each for each in old if each[1] < base):
                connection.execute("INSERT INTO epochs VALUES (?, ?)", each)
            connection.execute("INSERT INTO epochs VALUES (?, ?)", (epoch, base))
            saved = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE state = 'pending') FROM rows"
            ).fetchall()
        remember(path, epoch)
        sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    _log.info("outbox made path=%s epoch=%d previous_epoch=%s", path, epoch, previous)
    if trouble == DAMAGED:
        _log.warning("read out of the damaged outbox rows=%d waiting=%d", *saved[0])
    return connection, epoch


def remember(path: Path, epoch: int) -> None:
    """Write down beside the file which epoch is in it."""
    beside = _beside(path)
    draft = beside.with_suffix(".epoch-new")
    draft.write_text(f"{epoch}\n", encoding="ascii")
    draft.replace(beside)


def _remembered(path: Path) -> int | None:
    try:
        text = _beside(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() and int(text) < 1 << EPOCH_BITS else None


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.epoch")


def _only(epoch: int | None) -> list[tuple[int, int]]:
    return [] if epoch is None else [(epoch, 0)]


def _troubles_of(connection: apsw.Connection) -> str:
    found = connection.execute("SELECT name FROM meta WHERE name IN (?, ?)", (LOST, DAMAGED)).get
    return str(found) if found is not None else ""


def _inode_of(path: Path) -> tuple[int, int]:
    named = path.stat()
    return named.st_dev, named.st_ino


def write_back(file: OutboxFile) -> OutboxFile:
    """Give an open outbox its file again that somebody took away or replaced; what stands there now is kept under another name.

    Nothing is lost: what was deleted under an open file is still there until it is closed.
    """
    path, saved = file.path, _saved(file.path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy_out(file.connection, saved)
    file.connection.close()
    if path.exists():
        foreign = path.with_name(f"{path.name}.foreign-{secrets.token_hex(4)}")
        path.rename(foreign)
        _log.critical("another file stood in the outbox's place, it is kept path=%s kept_as=%s", path, foreign.name)
    _finish_rescue(path)
    remember(path, file.epoch)
    connection = _connect(path)
    _log.critical("the outbox's file was taken away while in use: it is written anew, nothing is lost path=%s", path)
    return replace(file, connection=connection, inode=_inode_of(path))


def _saved(path: Path) -> Path:
    return path.with_name(f"{path.name}.saved")


def _finish_rescue(path: Path) -> None:
    """Put what `write_back` has saved in its place; an old log beside it must not be read into it."""
    saved = _saved(path)
    if path.exists() or not saved.exists():
        saved.unlink(missing_ok=True)
        return
    for part in ("-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)
    saved.rename(path)
    sync_folder(path.parent)


def _set_aside(path: Path, clock: Clock, error: Exception, epoch: int | None) -> Path:
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
    return path.with_name(path.name + suffix)
