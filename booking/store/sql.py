"""What every module of this package speaks to: a connection that runs SQL of the kind that SQLite and PostgreSQL share.

The SQL of this package is written once for both: placeholders `?` or `?1`, `ON CONFLICT`, `IS NOT DISTINCT FROM`, a CAST
around a parameter that may be NULL where nothing else tells its type, CASE for the larger of two values. What truly differs
is a method of an engine (booking.store.engine), never an `if` beside the SQL.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement gave: rows as tuples of str, int, bytes and None. Every row of them must be fetched."""

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""


class Connection(Protocol):
    """One connection of either database, used by one thread at a time."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement with its values in the order of its placeholders."""

    def close(self) -> None:
        """Let it go."""
