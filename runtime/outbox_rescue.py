"""What can still be had of an outbox that is damaged, or whose file somebody took away while it was open.

A damaged file stays as it is, under another name; what its pages still give goes over into a new one under its old identity,
so that booking takes each event once, however it comes. Nothing is guessed: a row whose bytes do not fit their digest stays behind.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

_log = logging.getLogger(__name__)
MOST_MISSES = 10_000
"""So many rows in a row that cannot be read are the end of what there is."""
_BEHIND = """SELECT sequence, topic, payload, digest, state, settled_at, code FROM rows
WHERE sequence > ? ORDER BY sequence"""
_ONE = "SELECT sequence, topic, payload, digest, state, settled_at, code FROM rows WHERE sequence = ?"
_STATES = ("pending", "settled", "aside")
Found = tuple[Any, ...]


def readable_rows(broken: Path) -> Iterator[Found]:
    """Yield the rows of a damaged outbox that are whole, in order; the file is not changed."""
    connection = None
    with suppress(apsw.Error):
        connection = opened(broken)
    if connection is None:
        return
    try:
        yield from _rows(connection)
    finally:
        connection.close()


def opened(broken: Path) -> apsw.Connection:
    """Open a damaged file to look into it: what its log holds stays in its log."""
    connection = apsw.Connection(str(broken), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("query_only", 1)
    return connection


def epochs_of(broken: Path) -> list[tuple[int, int]]:
    """Return the (epoch, base) pairs of a damaged file, as far as they can be read."""
    with suppress(apsw.Error):
        connection = opened(broken)
        try:
            with suppress(apsw.Error):
                return [(int(epoch), int(base)) for epoch, base in connection.execute("SELECT epoch, base FROM epochs")]
            epoch = connection.execute("SELECT number FROM meta WHERE name = 'epoch'").get
            return [(epoch, 0)] if isinstance(epoch, int) else []
        finally:
            connection.close()
    return []


def _rows(connection: apsw.Connection) -> Iterator[Found]:
    after = 0
    while True:
        try:
            for row in connection.execute(_BEHIND, (after,)):
                after = int(row[0])
                if _whole(row):
                    yield row
        except (apsw.Error, ValueError, TypeError):
            found = _next_readable(connection, after)
            if found is None:
                return
            after = int(found[0])
            if _whole(found):
                yield found
        else:
            return


def _next_readable(connection: apsw.Connection, after: int) -> Found | None:
    """Step row by row over a page that cannot be read."""
    for place in range(after + 1, after + 1 + MOST_MISSES):
        with suppress(apsw.Error):
            found = connection.execute(_ONE, (place,)).fetchone()
            if found is not None:
                return tuple(found)
    return None


def _whole(row: Found) -> bool:
    _, topic, payload, digest, state, _, _ = row
    return (
        isinstance(topic, str)
        and isinstance(payload, bytes)
        and state in _STATES
        and hashlib.sha256(payload).digest() == digest
    )


def copy_out(source: apsw.Connection, target: Path) -> None:
    """Write all that an open outbox holds into a new file, whether or not its own still has a name."""
    target.unlink(missing_ok=True)
    copy = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        target.chmod(0o600)
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(1000)
    finally:
        copy.close()
