"""booking.store.leadership.Leadership by a session's advisory lock: the server frees it with the connection, however that ends.

The leader says a word every few seconds; a leader that has stopped (SIGSTOP, a machine without power) is thrown out by a
server of version 14 or newer after SILENCE, by an older one when the connection is found dead.
"""

import contextlib
import logging
from collections.abc import Iterator

import psycopg
from psycopg import pq

from booking.store.errors import StoreError
from booking.store.pool import ReaderPool
from booking.store.postgres.address import Address
from booking.store.postgres.connection import PostgresConnection
from booking.store.postgres.turn import LEAD
from booking.store.postgres.wake import Wake

SILENCE = 12
"""Seconds without a word after which the server gives the lead to somebody else."""
_WORD_EVERY = 3.0
_PAUSE = 0.5
_IDLE = f"SET idle_session_timeout = '{SILENCE}s'"
_IDLE_SINCE = 140_000
_LOCK = f"SELECT pg_advisory_lock({LEAD})".encode()
_LED = (
    "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND CAST(classid AS BIGINT) = ?1 AND CAST(objid AS BIGINT) = ?2 AND objsubid = 1 "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND clock_timestamp() - state_change < ?3 * interval '1 millisecond')"
)
"""A pooler between may keep the lock with a connection of its own, long after whoever asked for it has ended."""
_log = logging.getLogger(__name__)


class Leading:
    """One process's part in the choice of a leader."""

    def __init__(self, address: Address, pool: ReaderPool) -> None:
        self._address = address
        self._pool = pool
        self._wake = Wake()
        self._leading = False

    @property
    def leading(self) -> bool:
        """Whether this process leads now, as far as it knows."""
        return self._leading

    def changes(self) -> Iterator[bool]:
        """Stand for the lead; yield True when it is gained and False when it is lost, in turns, until `resign`."""
        told = False
        while not self._wake.called:
            try:
                db = self._address.connect("SELECT 1")
            except StoreError as error:
                if not told:
                    _log.warning("cannot stand for the lead error=%s", error)
                told = True
                self._wake.wait(_PAUSE)
                continue
            told = False
            try:
                if self._gain(db):
                    self._leading = True
                    _log.info("leading")
                    yield True
                    self._keep(db)
            except psycopg.Error as error:
                _log.warning("the lead's connection is lost error=%s", str(error).strip())
            finally:
                with contextlib.suppress(psycopg.Error):
                    db.close()
            if self._leading:
                self._leading = False
                _log.info("no longer leading")
                yield False

    def led(self) -> bool:
        """Tell whether some process has the lock and has said a word lately."""
        with self._pool.lend() as db:
            return bool(db.execute(_LED, (LEAD >> 32, LEAD & 0xFFFF_FFFF, int(SILENCE * 1000))).fetchone()[0])

    def resign(self) -> None:
        """Let another process lead and end `changes`."""
        self._wake.call()

    def _gain(self, db: PostgresConnection) -> bool:
        """Wait for the lock; False when this process resigned before it had it."""
        pgconn = db.psycopg.pgconn
        pgconn.send_query(_LOCK)
        while pgconn.is_busy():
            if not self._wake.wait_for(db):
                with contextlib.suppress(psycopg.Error):
                    pgconn.get_cancel().cancel()
                return False
            pgconn.consume_input()
        while (result := pgconn.get_result()) is not None:
            if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
                raise psycopg.OperationalError(result.get_error_message())
        if db.psycopg.info.server_version >= _IDLE_SINCE:
            db.run(_IDLE)
        return True

    def _keep(self, db: PostgresConnection) -> None:
        """Return once this process resigned; psycopg.Error when the lock is lost with its connection."""
        while not self._wake.called:
            if self._wake.wait_for(db, _WORD_EVERY):
                db.psycopg.pgconn.consume_input()
                if db.psycopg.pgconn.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError("the server has closed it")
            db.run("SELECT 1")
