"""A database of its own for each play: a SQLite file, or a database of a PostgreSQL server. Opened as the service does."""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import psycopg
from psycopg.conninfo import make_conninfo

from booking.domain.places import Places
from booking.service.commands import Command, Outcome
from booking.service.ports import Touched
from booking.store.batch import Batch
from booking.store.connection import open_writer
from booking.store.opened import Store
from booking.store.opening import open_store
from booking.store.postgres.address import Address
from booking.store.postgres.schema import prepare_database
from booking.store.sql import Connection
from config.values import Secret

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
_EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version' LOOP
        EXECUTE format('DELETE FROM %I', one.tablename);
    END LOOP;
    PERFORM setval(c.oid, 1, false) FROM pg_class c WHERE c.relkind = 'S';
END $$
"""
Spoil = tuple[Sequence[str], Sequence[str]]
"""Statements that weaken the tables on purpose: SQLite's, PostgreSQL's."""
NOTHING: Spoil = ((), ())


class Database:
    """One play's database. `location` is what `open_store` takes."""

    location: Path | Secret
    store: Store
    direct = False

    def __init__(self, places: Places, spoil: Sequence[str]) -> None:
        self._places, self._spoil = places, spoil

    def open(self, now: datetime) -> None:
        """Open the store, or open it again after `shut`."""
        self.store = open_store(self.location, self._places, now)
        for statement in self._spoil:
            self.rows(statement)

    def do(self, command: Command) -> Outcome:
        """Commit one command, as the writer's thread would: there, or (`direct`) in this thread, which is quicker."""
        if not self.direct:
            return self.store.writer.submit([command]).result(60)[0]
        engine, answers = self.store.writer.engine, list[Outcome]()

        def work(db: Connection, guarded: bool) -> Touched:  # noqa: FBT001 - the shape of booking.store.engine.Work
            batch = Batch(db, self._places, engine if guarded else None)
            answers[:] = batch.answer([command])
            return batch.finish()

        engine.transaction(work)
        return answers[0]

    def shut(self) -> None:
        self.store.close()

    def rows(self, sql: str) -> list[Any]:
        """Ask, or weaken, the tables past the store."""
        raise NotImplementedError

    def close(self) -> None:
        self.store.close()


class SqliteDatabase(Database):
    """A file in a folder of its own, made in `parent`: a copy of one whose tables were made by the store."""

    _empty: bytes = b""

    def __init__(self, places: Places, parent: Path | None = None, spoil: Spoil = NOTHING) -> None:
        super().__init__(places, spoil[0])
        self._folder = Path(tempfile.mkdtemp(prefix="seatgate-model-", dir=parent))
        self.location = self._file = self._folder / "booking.sqlite"
        self._side: apsw.Connection | None = None
        if not SqliteDatabase._empty:
            open_writer(self._file).close()
            SqliteDatabase._empty = self._file.read_bytes()
        self._file.write_bytes(SqliteDatabase._empty)

    def rows(self, sql: str) -> list[Any]:
        if self._side is None:
            self._side = apsw.Connection(str(self._file))
        return list(self._side.execute(sql))

    def close(self) -> None:
        if self._side is not None:
            self._side.close()
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)


class Server:
    """A PostgreSQL server in which databases may be made and dropped; `url` names one that is there already."""

    _numbers = itertools.count(1)

    def __init__(self, url: str) -> None:
        self._url = url
        self._template = ""
        self._free: list[str] = []

    def url(self, database: str) -> str:
        return make_conninfo(self._url, dbname=database)

    def create(self) -> str:
        """Return a database with all tables and nothing in them."""
        if self._free:
            return self._free.pop()
        if not self._template:
            self._template = f"model_{os.getpid()}_template"
            self.administer(f"CREATE DATABASE {self._template} TEMPLATE template0")
            address = Address(Secret(self.url(self._template)))
            with contextlib.closing(address.connect("SELECT 1")) as connection:
                prepare_database(connection, address)
        name = f"model_{os.getpid()}_{next(self._numbers)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def administer(self, sql: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql)

    def drop(self, database: str) -> None:
        self.administer(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def give_back(self, database: str) -> None:
        """Empty a database for the next play: quicker than making another."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(_EMPTY)
        self._free.append(database)

    def close(self) -> None:
        for database in [*self._free, self._template]:
            if database:
                self.drop(database)


@contextmanager
def server(url: str) -> Iterator[Server]:
    found = Server(url)
    try:
        yield found
    finally:
        found.close()


class PostgresDatabase(Database):
    """A database of a server: emptied afterwards for the next play, dropped where its tables were weakened."""

    def __init__(self, places: Places, at: Server, spoil: Spoil = NOTHING) -> None:
        super().__init__(places, spoil[1])
        self._server, self._name = at, at.create()
        self.location = Secret(at.url(self._name))
        self._side = psycopg.connect(at.url(self._name), autocommit=True)

    def rows(self, sql: str) -> list[Any]:
        found = self._side.execute(sql)  # type: ignore[arg-type] - constants of this package
        return list(found.fetchall()) if found.description else []

    def close(self) -> None:
        self._side.close()
        super().close()
        if self._spoil:
            self._server.drop(self._name)
        else:
            self._server.give_back(self._name)
