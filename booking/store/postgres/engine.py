"""booking.store.engine.Engine over PostgreSQL: batches of all workers take turns, so none decides on facts that go stale.

The turn is an advisory lock that ends with the transaction. READ COMMITTED after it is held: the first statement sees all
that the others have committed. No deadlock is possible between our processes, and outcomes are those of SQLite; what else
writes here (a person with psql) meets the constraints, which stay the last word. A process that stops while it has the turn
(SIGSTOP, a lost machine) is thrown out by the server after IDLE, and finds its batch unwritten when it goes on.

The connection may go at any moment. Where nothing was committed the batch runs again on another one; where it went during
COMMIT, a mark written with each batch that changed something tells whether it was stored.
"""

import contextlib
import logging
import threading
import time

import psycopg

from booking.service.ports import Touched
from booking.store.engine import Work
from booking.store.errors import AwayError, StoreError
from booking.store.postgres.address import Address
from booking.store.postgres.connection import PostgresConnection
from booking.store.postgres.remembering import Remembering
from booking.store.postgres.turn import CHANNEL, TURN
from booking.store.sql import Connection

IDLE = "5s"
"""A process that says nothing for so long in the middle of a batch loses its turn."""
_PLANS = (
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
    "SET plan_cache_mode = force_generic_plan; "
)
"""A batch looks single rows up. The planner, which knows nothing yet of a table that fills in this very second, would read
it whole for every few dozen of them; and planning for 256 keys takes longer than looking them up."""
_SETTINGS = (
    f"{_PLANS}SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; SET jit = off; "
    f"SET idle_in_transaction_session_timeout = '{IDLE}'; SET lock_timeout = '15s'"
)
_BEGIN, _COMMIT = "BEGIN", "COMMIT"
_TURN = f"SELECT pg_advisory_xact_lock({TURN})"
_MARK = (
    "WITH marked AS (INSERT INTO facts (name, value) VALUES (?1, ?2) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value) SELECT pg_notify(?3, ?4)"
)
_KNOWN = "SELECT reltuples >= 10000 FROM pg_class WHERE oid = 'reservations'::regclass"
_LEARN = "ANALYZE readers, reservations, evidence, notifications, idempotency"
_LEARN_AFTER = frozenset(2**power for power in range(2, 10))
"""Batches of this process after which the planner learns how large a young database has become: autovacuum tells it within
a minute, and until then it reads all that holds for every few dozen seats (measured: half of the time of a first rush)."""
_OLD_MARKS = "DELETE FROM facts WHERE name LIKE 'batch %' AND value < ?"
_MARKS_KEPT_US = 7 * 24 * 3600 * 1_000_000
_AGAIN = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock: somebody who is not us writes too."""
_WHOLE = frozenset({"53", "55", "57", "58", "XX"})
"""Classes of errors about the server and not about a statement: out of resources, locks, an operator, its disk."""
_PATIENCE = 5.0
"""Seconds, from the first failure on, for which a batch waits for a server that is away; a restart takes less."""
_KNOWING = 30.0
"""Seconds for which a batch waits to learn whether it was stored."""
_PAUSE = 0.1
_LONGEST_PAYLOAD = 7900
"""Bytes; a notification holds less than 8000."""
_log = logging.getLogger(__name__)


class _CommitLostError(Exception):
    """The connection went during COMMIT."""


class PostgresEngine:
    """One process's turn at writing. `name` is unlike that of every other process, of earlier ones too."""

    def __init__(self, address: Address, name: str) -> None:
        self._address = address
        self._name = name
        self._mark = 0
        self._batches = 0
        self._db: PostgresConnection | None = None
        self._closing = threading.Event()
        self._away = False

    def transaction(self, work: Work) -> Touched:
        """Run `work` in one transaction, first without savepoints; on another connection where this one is lost."""
        guarded, patience = False, None
        while True:
            try:
                touched = self._attempt(work, guarded)
            except _CommitLostError:
                if (committed := self._find_out()) is not None:
                    return committed
            except Exception as error:
                lost = self._lost()
                self._rollback()
                patience = patience or time.monotonic() + (0 if self._away else _PATIENCE)
                if isinstance(error, AwayError) or lost:
                    self._wait_or_give_up(error, patience)
                elif isinstance(error, psycopg.Error) and error.sqlstate in _AGAIN:
                    if time.monotonic() > patience:
                        raise
                elif guarded or self.ends_all(error):
                    raise
                else:
                    guarded = True
            else:
                self._away = False
                self._learn()
                return touched

    def _attempt(self, work: Work, guarded: bool) -> Touched:  # noqa: FBT001 - the shape of Work
        db = self._connected()
        with contextlib.nullcontext() if guarded else db.running_ahead():
            db.execute(_BEGIN)
            db.execute(_TURN)
            batch = Remembering(db)
            self._touched = work(db if guarded else batch, guarded)
            self._mark = max(self._mark + 1, time.time_ns() // 1000)
            if guarded or not batch.only_read:  # what changed nothing can run again: no mark, and no disk to wait for
                # answered before COMMIT is sent: a connection that was lost by now leaves no doubt
                db.execute(_MARK, (f"batch {self._name}", self._mark, CHANNEL, self._payload(self._touched))).fetchall()
            try:
                db.execute(_COMMIT).fetchall()
            except psycopg.Error as error:
                if self._lost():
                    raise _CommitLostError from error
                raise
        return self._touched

    def _learn(self) -> None:
        self._batches += 1
        db = self._db
        if self._batches in _LEARN_AFTER and db is not None:
            with contextlib.suppress(
                psycopg.Error
            ):  # the batch is stored; a connection that is lost is the next one's matter
                if not db.execute(_KNOWN).fetchone()[0]:
                    db.run(_LEARN)

    def _payload(self, touched: Touched) -> str:
        """Return what the others are told: who writes, then the areas; "*" where they do not fit."""
        text = f"{self._name}:{','.join(sorted(touched))}"
        return text if len(text.encode()) <= _LONGEST_PAYLOAD else f"{self._name}:*"

    def _find_out(self) -> Touched | None:
        """Return what the batch touched if it was stored, None if it was not; StoreError where nobody can tell."""
        patience = time.monotonic() + _KNOWING
        while True:
            try:
                db = self._connected()
                db.execute(_BEGIN)
                db.execute(_TURN)  # held by the old connection for as long as its COMMIT goes on
                row = db.execute("SELECT value FROM facts WHERE name = ?", (f"batch {self._name}",)).fetchone()
                db.execute(_COMMIT)
            except (psycopg.Error, AwayError) as error:
                self._rollback()
                try:
                    self._wait_or_give_up(error, patience)
                except StoreError:
                    raise StoreError(
                        "the database went away and did not say whether it has stored this: look, or ask again"
                    ) from error
            else:
                stored = row is not None and row[0] == self._mark
                _log.warning("commit was cut off stored=%s", stored)
                return self._touched if stored else None

    def _connected(self) -> PostgresConnection:
        if self._db is None or self._db.lost:
            self._db = self._address.connect(_SETTINGS)
        return self._db

    def _lost(self) -> bool:
        return self._db is None or self._db.lost

    def _rollback(self) -> None:
        db = self._db
        if db is not None:
            with contextlib.suppress(psycopg.Error):
                if not db.lost:
                    db.run("ROLLBACK")
            if db.lost:
                db.close()
                self._db = None

    def _wait_or_give_up(self, error: Exception, patience: float) -> None:
        if time.monotonic() > patience or self._closing.wait(_PAUSE):
            self._away = True
            if isinstance(error, psycopg.Error):
                raise self._address.away(error) from error
            raise error

    def ends_all(self, error: Exception) -> bool:
        """Tell whether an error is about the connection or the server, or asks for the whole batch again."""
        if self._lost():
            return True
        state = error.sqlstate if isinstance(error, psycopg.Error) else None
        return state is not None and (state in _AGAIN or state[:2] in _WHOLE)

    def refused_by(self, error: Exception) -> str | None:
        """Return the name of the constraint."""
        refused = isinstance(error, psycopg.errors.ExclusionViolation | psycopg.errors.CheckViolation)
        return error.diag.constraint_name if refused and isinstance(error, psycopg.Error) else None

    def forget_old_marks(self, db: Connection) -> None:
        """Delete the marks of processes that ended long ago."""
        db.execute(_OLD_MARKS, (time.time_ns() // 1000 - _MARKS_KEPT_US,))

    def stop_waiting(self) -> None:
        """Wait no longer for a server that is away; may be called from any thread."""
        self._closing.set()

    def close(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()
