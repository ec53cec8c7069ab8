"""Waiting for a connection to say something, without asking it again and again."""

import os
import select
import weakref

from booking.store.postgres.connection import PostgresConnection


class Wake:
    """Wakes one waiting thread from any other: `wait` returns once `call` was called, now and for ever."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._called = False
        for end in (self._read, self._write):
            weakref.finalize(self, os.close, end)

    @property
    def called(self) -> bool:
        """Whether `call` was called."""
        return self._called

    def call(self) -> None:
        """Wake the thread that waits, and every later wait."""
        if not self._called:
            self._called = True
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait for `call` alone; True once it was called."""
        return bool(select.select([self._read], [], [], seconds)[0])

    def wait_for(self, db: PostgresConnection, seconds: float | None = None) -> bool:
        """Wait until the server has something to say, at most `seconds`; False when it has not, or `call` was called."""
        ready = select.poll()
        ready.register(self._read, select.POLLIN)
        ready.register(db.psycopg.fileno(), select.POLLIN)
        heard = ready.poll(None if seconds is None else seconds * 1000)
        return bool(heard) and not self._called
