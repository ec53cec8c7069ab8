"""Reads that one batch makes again and again, asked once: who has the turn is alone in writing, so they cannot go stale.

What the batch itself writes makes it forget every answer from that table, and from those that triggers write with it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from booking.store.postgres.connection import Answer, PostgresConnection, PostgresRows

TRIGGERED = {"reservations": "held_places", "notifications": "deliveries"}
"""Which table's triggers write which other."""
_READS = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)")
_WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_]+)")


class _Tables(NamedTuple):
    read: tuple[str, ...]
    written: tuple[str, ...]


@cache
def tables(sql: str) -> _Tables:
    """Return which tables a statement reads, if it only reads, or writes; neither for anything else."""
    if sql.lstrip().startswith("SELECT"):
        return _Tables(tuple(sorted(set(_READS.findall(sql)))), ())
    found = _WRITES.match(sql)
    written = [found[1], TRIGGERED.get(found[1], "")] if found else []
    return _Tables((), tuple(filter(None, written)))


class Remembering:
    """booking.store.sql.Connection of one batch."""

    def __init__(self, db: PostgresConnection) -> None:
        self._db = db
        self._answers: dict[tuple[str, tuple[Any, ...]], tuple[tuple[int, ...], Answer]] = {}
        self._writes: Counter[str] = Counter()
        self._changed = False

    @property
    def only_read(self) -> bool:
        """Whether the batch asked for something and changed nothing: not one booking of it was granted."""
        return bool(self._answers) and not self._changed

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> PostgresRows:
        """Run one statement, or give what it gave before."""
        read, written = tables(sql)
        if not read:
            self._changed = True
            if not written:
                self._answers.clear()
            self._writes.update(written)
            return self._db.execute(sql, values)
        asked, writes = (sql, tuple(values)), tuple([self._writes[table] for table in read])
        known = self._answers.get(asked)
        if known is not None and known[0] == writes:
            return PostgresRows(known[1])
        rows = self._db.execute(sql, values)
        self._answers[asked] = writes, rows.answer
        return rows

    def close(self) -> None:
        """Nothing to let go: the connection is the engine's."""
