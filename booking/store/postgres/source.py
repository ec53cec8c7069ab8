"""booking.store.pool.Source over PostgreSQL: connections that only read."""

import contextlib
import select
from collections.abc import Iterator

import psycopg
from psycopg import pq

from booking.store.postgres.address import Address
from booking.store.postgres.connection import PostgresConnection
from booking.store.sql import Connection

_SETTINGS = (
    "SET default_transaction_read_only = on; SET jit = off; SET statement_timeout = '30s'; "
    "SET idle_in_transaction_session_timeout = '30s'"
)
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresSource:
    """Opens connections for reads, and knows when one is of no use any more."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def open(self) -> PostgresConnection:
        """Open a connection that can only query; StoreError when the database is away."""
        return self._address.connect(_SETTINGS)

    def usable(self, connection: Connection) -> bool:
        """Tell whether the server is still there: one that closes a connection that lies idle makes it readable."""
        if not isinstance(connection, PostgresConnection) or connection.lost:
            return False
        if connection.psycopg.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            return False
        said = select.poll()
        said.register(connection.psycopg.fileno(), select.POLLIN)
        return not said.poll(0)

    @contextlib.contextmanager
    def reading(self, connection: Connection) -> Iterator[None]:  # noqa: ARG002 - the shape of Source
        """Run a block of statements, each a snapshot by itself; AwayError when the server goes away."""
        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise self._address.away(error) from error

    @contextlib.contextmanager
    def snapshot(self, connection: Connection) -> Iterator[None]:
        """Run a block inside one read transaction; AwayError when the server goes away."""
        with self.reading(connection):
            connection.execute(_SNAPSHOT)
            try:
                yield
            finally:
                connection.execute("COMMIT")
