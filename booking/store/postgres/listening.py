"""The thread that hears of commits by other processes: LISTEN on a connection of its own."""

import contextlib
import logging
import threading
from collections.abc import Callable

import psycopg

from booking.service.ports import Touched
from booking.store.committed import Committed
from booking.store.errors import StoreError
from booking.store.postgres.address import Address
from booking.store.postgres.connection import PostgresConnection
from booking.store.postgres.turn import CHANNEL
from booking.store.postgres.wake import Wake

_PAUSE = 0.5
"""Seconds between two tries to connect."""
_log = logging.getLogger(__name__)


class Listening:
    """Tells `committed` of every commit but those of the process `name` itself, which tells of its own at once.

    A connection that was lost may have missed some: after it is back, all areas count as touched. `changed` is called when
    it is lost and when it is back: it may only enqueue.
    """

    def __init__(
        self, address: Address, name: str, areas: Touched, committed: Committed, changed: Callable[[], object]
    ) -> None:
        self._address = address
        self._name = name
        self._areas = areas
        self._committed = committed
        self._changed = changed
        self._wake = Wake()
        self._thread = threading.Thread(target=self._run, name="booking-listening", daemon=True)

    def start(self) -> None:
        """Start listening; what is committed after this returns is heard. StoreError when the database is away."""
        self._first: PostgresConnection | None = self._connect()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._wake.call()
        if self._thread.is_alive():
            self._thread.join()

    def _connect(self) -> PostgresConnection:
        return self._address.connect(f'LISTEN "{CHANNEL}"')

    def _run(self) -> None:
        db = self._first
        while not self._wake.called:
            if db is None:
                try:
                    db = self._connect()
                except StoreError as error:
                    _log.debug("not listening error=%s", error)
                    self._wake.wait(_PAUSE)
                    continue
                _log.info("listening again")
                self._changed()
                self._committed.tell(self._areas)
            try:
                self._listen(db)
            except psycopg.Error as error:
                _log.warning("no longer listening error=%s", str(error).strip())
            with contextlib.suppress(psycopg.Error):
                db.close()
            db = None
            if not self._wake.called:
                self._changed()

    def _listen(self, db: PostgresConnection) -> None:
        pgconn = db.psycopg.pgconn
        while not self._wake.called:
            while (heard := pgconn.notifies()) is not None:
                self._hear(heard.extra.decode())
            if self._wake.wait_for(db):
                pgconn.consume_input()

    def _hear(self, payload: str) -> None:
        name, _, areas = payload.partition(":")
        if name != self._name:
            touched = self._areas if areas == "*" else frozenset(filter(None, areas.split(",")))
            self._committed.tell(touched)
