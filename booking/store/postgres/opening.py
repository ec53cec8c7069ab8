"""Opening the PostgreSQL store: `open_store` gives this process's writer and reads over a database that others use too."""

import contextlib
from datetime import datetime

from booking.domain.places import Places
from booking.service.ports import Touched
from booking.store.committed import Committed
from booking.store.opened import Store, prepare
from booking.store.pool import ReaderPool
from booking.store.postgres.address import Address
from booking.store.postgres.engine import PostgresEngine
from booking.store.postgres.leading import Leading
from booking.store.postgres.listening import Listening
from booking.store.postgres.schema import prepare_database
from booking.store.postgres.source import PostgresSource
from booking.store.reads import StoreReads
from booking.store.rows import new_id
from booking.store.sql import Connection
from booking.store.writer import StoreWriter
from config.values import Secret


def open_store(url: Secret, places: Places, now: datetime) -> Store:
    """Bring the database at `url` up to date and start its writer; StoreError says what to do when it cannot be had."""
    address, name = Address(url), new_id(now)
    with contextlib.closing(address.connect("SET lock_timeout = '60s'")) as db:
        prepare_database(db, address)
    with contextlib.ExitStack() as undo:
        engine = PostgresEngine(address, name)
        undo.callback(engine.close)

        def begin(db: Connection, _guarded: bool) -> Touched:  # noqa: FBT001 - the shape of Work
            engine.forget_old_marks(db)
            return prepare(db, places, now)

        engine.transaction(begin)
        pool = ReaderPool(PostgresSource(address))
        undo.callback(pool.close)
        committed = Committed()
        writer = StoreWriter(engine, places, committed)
        areas = frozenset(area.id for area in places.site.areas)
        # a transaction without commands finds out whether the database can be written again, or no longer
        listening = Listening(address, name, areas, committed, lambda: writer.submit([]))
        listening.start()
        undo.callback(listening.stop)
        writer.start()
        undo.callback(writer.stop)
        undo.callback(engine.stop_waiting)
        leadership = Leading(address, pool)
        undo.callback(leadership.resign)
        return Store(writer, StoreReads(pool, places), leadership, undo.pop_all().close)
