"""A few query-only connections, lent for one read at a time; each read sees one snapshot of the database."""

import queue
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from booking.store.sql import Connection

MOST = 8
"""Reads last microseconds: more connections than this would only wait for the processor."""


class Source(Protocol):
    """Where a pool's connections come from: one for each database."""

    def open(self) -> Connection:
        """Open a connection that can only query; StoreError when the database is away."""

    def usable(self, connection: Connection) -> bool:
        """Tell whether a connection that lay idle, or was just used, can be used again."""

    def reading(self, connection: Connection) -> AbstractContextManager[None]:
        """Run a block as one statement or more, each a snapshot by itself; StoreError when the database goes away."""

    def snapshot(self, connection: Connection) -> AbstractContextManager[None]:
        """Run a block inside one read transaction; StoreError when the database goes away."""


class ReaderPool:
    """Lends connections; a ninth borrower waits until one comes back."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(MOST):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection for one statement, which is a snapshot by itself.

        Each statement lets other threads run and waits for its turn afterwards: BEGIN and COMMIT around one would
        make a request wait three times.
        """
        with self._lent() as connection, self._source.reading(connection):
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Lend a connection inside a read transaction."""
        with self._lent() as connection, self._source.snapshot(connection):
            yield connection

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        connection = self._free.get()
        try:
            if connection is not None and not self._source.usable(connection):
                connection.close()
                connection = None
            connection = connection or self._source.open()
            yield connection
        finally:
            if connection is not None and not self._source.usable(connection):
                connection.close()
                connection = None
            self._free.put(connection)

    def close(self) -> None:
        """Close every connection; nothing may be reading any more."""
        for _ in range(MOST):
            connection = self._free.get()
            if connection is not None:
                connection.close()
            self._free.put(None)
