"""SQL for many rows at once, of the kind that both databases run: one statement for as many keys or rows as a batch has.

Statements come in few sizes, so that both databases know them already: keys are filled up by repeating the last one.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from booking.store.sql import Connection

_SIZES = (256, 64, 16, 4, 1)
_MOST = _SIZES[0]


def rows_of(
    db: Connection, sql: str, keys: Sequence[tuple[Any, ...]], after: Sequence[Any] = ()
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query about `keys`, rows of one or more values that it joins as `wanted (column1, …)`.

    `{wanted}` in the query stands for them; `after` are the values of its other placeholders, which come after it. A row may
    come more than once.
    """
    for first in range(0, len(keys), _MOST):
        part = keys[first : first + _MOST]
        size = min(size for size in _SIZES if size >= len(part))
        filled = [*part, *([part[-1]] * (size - len(part)))]
        statement = sql.replace("{wanted}", _wanted(size, len(part[0])))
        yield from db.execute(statement, [*(value for key in filled for value in key), *after]).fetchall()


@cache
def _wanted(size: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"(VALUES {', '.join([row] * size)}) AS wanted"


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
