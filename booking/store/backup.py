"""Copies of a database while it is in use, and putting one back: SQLite through its own backup interface (PostgreSQL's is
booking.store.postgres.dump).

What a backup consists of beside the database (keys, a manifest) is booking.backup's; here are databases alone.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

import apsw

from booking.store.connection import ProcessLock, check_version, open_reader
from booking.store.errors import StoreError
from booking.store.postgres.dump import PostgresCopies, check_dump, newest_schema
from booking.store.steps import migrations
from config.values import Secret
from runtime.secret_file import sync_folder

PAGES_PER_STEP = 1000
Progress = Callable[[int, int], None]
"""Called with (pages done, pages in all)."""


SQLITE, POSTGRES = "booking.sqlite", "booking.pgdump"
"""What a copy of each kind is called."""


class Copies(Protocol):
    """One database of this service: copied while it is in use, put back while it is not."""

    def copy(self, target: Path, progress: Progress) -> int:
        """Write a checked snapshot into `target` and return its schema number; StoreError when it cannot be had."""

    def put_back(self, copy: Path, now: datetime) -> Path | None:
        """Make the database what `copy`, a checked file beside it, holds; return where what was there has been put."""


class SqliteCopies:
    """`Copies` of a file."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def copy(self, target: Path, progress: Progress) -> int:
        """Write a checked snapshot into `target`."""
        return copy_sqlite(self._database, target, progress)

    def put_back(self, copy: Path, now: datetime) -> Path | None:
        """Replace the file."""
        return put_back_sqlite(copy, self._database, now)


def copies_of(database: Path | Secret, data: Path) -> tuple[str, Copies]:
    """Return what a copy of this database is called, and what makes one."""
    if isinstance(database, Secret):
        return POSTGRES, PostgresCopies(database, data)
    return SQLITE, SqliteCopies(database)


def check_copy(file: Path, schema: int) -> None:
    """Read a copy of either kind through; StoreError when it is damaged or not of this schema."""
    if file.name == SQLITE:
        if check_sqlite(file) != schema:
            raise StoreError(f"{file.name} is not of the schema that its manifest names")
        return
    check_dump(file)
    if not 0 < schema <= newest_schema():
        raise StoreError(f"{file.name} has schema {schema}: restore it with the version of Seatgate that wrote it")


def copy_sqlite(database: Path, target: Path, progress: Progress) -> int:
    """Write what `database` holds at this moment into `target`, a single file; the service may go on writing.

    The copy is one snapshot, checked before this returns. StoreError when it cannot be had.
    """
    check_version()
    if not database.is_file():
        raise StoreError(f"there is no database {database}: name the settings of the service whose data is to be saved")
    try:
        source, copy = open_reader(database), apsw.Connection(str(target))
        try:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchall()  # from here on it reads one snapshot
            with copy.backup("main", source, "main") as steps:
                while not steps.done:
                    steps.step(PAGES_PER_STEP)
                    progress(steps.page_count - steps.remaining, steps.page_count)
            # a service that starts from this copy numbers its maps anew: above all that were announced after the copy
            copy.execute("DELETE FROM facts WHERE name = 'began'").fetchall()
            copy.pragma("journal_mode", "delete")  # a single file, for a single reader
        finally:
            source.close()
            copy.close()
    except apsw.Error as error:
        raise StoreError(f"{database} could not be copied to {target}: {error}") from error
    return check_sqlite(target)


def check_sqlite(file: Path) -> int:
    """Return the schema number of a copy that is whole; StoreError says what is wrong with it."""
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            verdict = connection.pragma("integrity_check")
            if verdict != "ok":
                raise StoreError(f"{file} is damaged: {verdict}")
            if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
                raise StoreError(f"{file} is damaged: {len(broken)} rows of {broken[0][0]} name what is not there")
            schema = int(connection.pragma("user_version") or 0)
        finally:
            connection.close()
    except apsw.Error as error:
        raise StoreError(f"{file} is no database of this service: {error}") from error
    newest = migrations("sqlite")[-1][0]
    if not 0 < schema <= newest:
        raise StoreError(
            f"{file} has schema {schema} and this Seatgate knows 1 to {newest}: restore it with the version that wrote it"
        )
    return schema


def put_back_sqlite(copy: Path, database: Path, now: datetime) -> Path | None:
    """Make `copy`, a checked file beside `database`, the database; what was there is set aside and returned.

    StoreError while a service has it open. A power cut at any moment leaves the old database or the new one.
    """
    lock = ProcessLock(database)
    try:
        aside = None
        if database.exists():
            aside = database.with_name(f"{database.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
            if aside.exists():
                raise StoreError(f"{aside} is there already: move it away first")
            _fold_in(database)
            os.link(database, aside)  # both names, until the next line puts the copy in its place
        copy.replace(database)
        for left in ("-wal", "-shm"):
            database.with_name(database.name + left).unlink(missing_ok=True)
        sync_folder(database.parent)
    except OSError as error:
        raise StoreError(f"{database} could not be replaced: {error}") from error
    finally:
        lock.release()
    return aside


def _fold_in(database: Path) -> None:
    """Write the journal of a database that nobody uses into its file, so that one file is all of it."""
    try:
        connection = apsw.Connection(str(database))
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            connection.close()
    except apsw.Error:
        return  # damaged, perhaps the very reason for restoring: it is set aside as it is
