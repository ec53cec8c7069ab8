"""SQL for many rows at once, of the kind that both databases run: one statement for as many keys or rows as a batch has.

Statements come in few sizes, so that both databases know them already: keys are filled up by repeating the last one.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from booking.store.sql import Connection

_SIZES = (256, 64, 16, 4, 1)
_MOST = _SIZES[0]


def rows_of(
    db: Connection, sql: str, keys: Sequence[str | bytes | tuple[str | int, ...]], after: Sequence[Any] = ()
) -> Iterator[tuple[Any, ...]]:
    """Ask about `keys`, in as many statements as it takes, and yield each row once: whoever iterates waits for the rows.

    `{wanted}` in the query, which says `column IN {wanted}` or `(column, column) IN {wanted}`, stands for them; `after` are
    the values of its other placeholders, which come after it. A list is looked up in an index by both databases; joined as
    rows of their own, PostgreSQL compares each of them with each row of a table that it knows nothing of.
    """
    asked = []
    for first in range(0, len(keys), _MOST):
        part = keys[first : first + _MOST]
        size = min(size for size in _SIZES if size >= len(part))
        values: list[Any] = [*part, *([part[-1]] * (size - len(part)))]
        columns = len(values[0]) if isinstance(values[0], tuple) else 0
        statement = sql.replace("{wanted}", _wanted(size, columns))
        asked.append(db.execute(statement, [*(chain.from_iterable(values) if columns else values), *after]))
    return chain.from_iterable(rows.fetchall() for rows in asked)


@cache
def _wanted(size: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"(VALUES {', '.join([row] * size)})" if columns else f"({', '.join('?' * size)})"


class Insert(NamedTuple):
    """`INSERT INTO {into} VALUES` a row of `columns` values `{otherwise}`."""

    into: str
    columns: int
    otherwise: str = ""

    def one(self, db: Connection, row: Sequence[Any]) -> None:
        """Insert one row."""
        db.execute(_insert(self, 1), row)

    def all(self, db: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows in their order, as many as it can with each statement."""
        first = 0
        while first < len(rows):
            size = next(size for size in _SIZES if size <= len(rows) - first)
            db.execute(_insert(self, size), [value for row in rows[first : first + size] for value in row])
            first += size


@cache
def _insert(insert: Insert, size: int) -> str:
    row = f"({', '.join('?' * insert.columns)})"
    return f"INSERT INTO {insert.into} VALUES {', '.join([row] * size)} {insert.otherwise}"  # noqa: S608 - constants of this package
