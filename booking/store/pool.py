"""A few query-only connections, lent for one read at a time; each read sees one snapshot of the database."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from booking.store.connection import open_reader
from booking.store.sql import Connection

MOST = 8
"""Reads last microseconds: more connections than this would only wait for the processor."""


class ReaderPool:
    """Lends connections; a ninth borrower waits until one comes back."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(MOST):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection for one statement, which is a snapshot by itself.

        Each statement lets other threads run and waits for its turn afterwards: BEGIN and COMMIT around one would
        make a request wait three times.
        """
        connection = self._free.get() or open_reader(self._database)
        try:
            yield connection
        finally:
            self._free.put(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Lend a connection inside a read transaction."""
        with self.lend() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")

    def close(self) -> None:
        """Close every connection; nothing may be reading any more."""
        for _ in range(MOST):
            connection = self._free.get()
            if connection is not None:
                connection.close()
            self._free.put(None)
