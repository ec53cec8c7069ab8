"""One connection to PostgreSQL as booking.store.sql.Connection: placeholders, types, rows, and answers that nobody waits for.

psycopg opens and closes it; statements go through libpq itself, each prepared once for the kinds of its values. That leaves
out most of what a psycopg cursor does, and half of the time of a small statement.
"""

import contextlib
import itertools
import re
import select
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

_PLACEHOLDER = re.compile(r"\?([0-9]*)")
_TEXT, _BIGINT, _BYTES, _UNKNOWN = 25, 20, 17, 0
"""PostgreSQL's numbers of its types."""
_int8 = struct.Struct(">q").pack
_GOOD = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY})
_MOST_PREPARED = 500
"""More than there are statements in this package, with the kinds of values that each is given."""
_Send = Callable[[Any], Any]


@cache
def numbered(sql: str) -> bytes:
    """Return a statement with PostgreSQL's placeholders; `?` counts on from the largest so far, as SQLite does."""
    largest = 0

    def number(found: re.Match[str]) -> str:
        nonlocal largest
        mine = int(found[1]) if found[1] else largest + 1
        largest = max(largest, mine)
        return f"${mine}"

    return _PLACEHOLDER.sub(number, sql).encode()


def _text(value: str) -> bytes:
    # no text of PostgreSQL's can hold NUL: such a value equals nothing there, and shows as unknown where it is written
    return (value if "\0" not in value else value.replace("\0", "\N{REPLACEMENT CHARACTER}")).encode()


@cache
def _sending(kind: type) -> tuple[int, _Send]:
    """Return the type that values of a Python type have in the database, and how they are sent."""
    if kind is type(None):
        return _UNKNOWN, lambda _: None
    if issubclass(kind, str):
        return _TEXT, _text
    if issubclass(kind, int):
        return _BIGINT, _int8
    if issubclass(kind, bytes):
        return _BYTES, bytes
    raise TypeError(f"a {kind.__name__} cannot be stored")


class _Prepared:
    """A statement that the server knows by a name, for values of these kinds."""

    def __init__(self, name: bytes, sql: str, kinds: tuple[type, ...]) -> None:
        sending = [_sending(kind) for kind in kinds]
        self.name = name
        self.sql = numbered(sql)
        self.types = [oid for oid, _ in sending]
        self.send = [send for _, send in sending]
        self.formats = [pq.Format.BINARY] * len(sending)


class Answer:
    """What a statement gave, or will give: its rows are waited for when they are first looked at."""

    def __init__(self, wait: Callable[[], object], rows: list[Any] | None = None) -> None:
        self._wait = wait
        self._rows = rows

    def come(self, rows: list[Any]) -> None:
        """Take the rows that have come."""
        self._rows = rows

    @property
    def rows(self) -> list[Any]:
        """Return the rows; an error of this statement or of an earlier one shows here."""
        if self._rows is None:
            self._wait()
        if self._rows is None:
            raise psycopg.errors.InFailedSqlTransaction("an earlier statement of the transaction has failed")
        return self._rows


class PostgresRows:
    """booking.store.sql.Rows over an answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._left: Iterator[Any] | None = None

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""
        return next(iter(self), None)

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return list(self)

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""
        if self._left is None:
            self._left = iter(self.answer.rows)
        return self._left


class PostgresConnection:
    """A connection outside any transaction but those that are begun on it."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.psycopg = connection
        self._libpq = connection.pgconn
        self._prepared: dict[tuple[str, tuple[type, ...]], _Prepared] = {}
        self._unsure: list[tuple[str, tuple[type, ...]]] = []
        self._names = itertools.count()
        self._rows = Transformer(connection)
        self._running_ahead = False
        self._sent: deque[Answer | None] = deque()
        """For each result that is to come, where its rows go."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> PostgresRows:
        """Run one statement with its values in the order of its placeholders; while running ahead, send it."""
        if self._running_ahead:
            return PostgresRows(self._send(sql, values))
        kinds = tuple(map(type, values))
        known = self._prepared.get((sql, kinds))
        if known is None:
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
                self.run("DEALLOCATE ALL")
            known = self._new(sql, kinds)
            self._checked(self._libpq.prepare(known.name, known.sql, known.types))
            self._unsure.clear()
        data = [send(value) for send, value in zip(known.send, values, strict=True)]
        result = self._libpq.exec_prepared(known.name, data, known.formats, pq.Format.BINARY)
        self._checked(result)
        return PostgresRows(Answer(self.collect, self._rows_of(result)))

    def run(self, script: str) -> None:
        """Run statements without values, in one go; not while running ahead."""
        self._checked(self._libpq.exec_(script.encode()))

    # ---- running ahead -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def running_ahead(self) -> Iterator[None]:
        """Wait for no statement until somebody looks at the rows of one, or until `collect`.

        An error of a statement shows there, and again at each statement after it: the transaction is lost.
        """
        self._libpq.enter_pipeline_mode()
        self._running_ahead = True
        try:
            yield
        finally:
            self._running_ahead = False
            if not self.lost:
                with contextlib.suppress(psycopg.Error):  # told before, or of no interest beside what ended the block
                    self.collect()
                if not self.lost:
                    self._libpq.exit_pipeline_mode()

    def _send(self, sql: str, values: Sequence[Any]) -> Answer:
        answer = Answer(self.collect)
        kinds = tuple(map(type, values))
        known = self._prepared.get((sql, kinds))
        try:
            if known is None:
                known = self._new(sql, kinds)
                self._libpq.send_prepare(known.name, known.sql, known.types)
                self._sent.append(None)
            data = [send(value) for send, value in zip(known.send, values, strict=True)]
            self._libpq.send_query_prepared(known.name, data, known.formats, pq.Format.BINARY)
            self._sent.append(answer)
            # after each: a server that waits for more of a command would not throw out who has stopped
            self._libpq.pipeline_sync()
        except psycopg.OperationalError as error:
            raise self._lost_error() if self.lost else error from None
        self._sent.append(None)
        return answer

    def collect(self) -> None:
        """Wait for everything that was sent; raise what the first failing statement did."""
        failed = None
        while self._sent:
            result = self._next_result()
            if result is None:
                continue  # the end of one statement's results
            answer = self._sent.popleft()
            if result.status in _GOOD:
                if answer is not None:
                    answer.come(self._rows_of(result))
            elif result.status != pq.ExecStatus.PIPELINE_SYNC and failed is None:
                failed = result
        if failed is not None:
            raise self._error(failed)
        self._unsure.clear()

    def _next_result(self) -> Any:
        while self._libpq.is_busy():
            waiting = select.poll()
            waiting.register(self._libpq.socket, select.POLLIN)
            waiting.poll()
            try:
                self._libpq.consume_input()
            except psycopg.OperationalError:
                raise self._lost_error() from None
        result = self._libpq.get_result()
        if result is None and self.lost:
            raise self._lost_error()
        return result

    # ---- results -----------------------------------------------------------------------------------------------------

    def _new(self, sql: str, kinds: tuple[type, ...]) -> _Prepared:
        known = self._prepared[sql, kinds] = _Prepared(b"s%d" % next(self._names), sql, kinds)
        self._unsure.append((sql, kinds))
        return known

    def _rows_of(self, result: Any) -> list[Any]:
        if result.status != pq.ExecStatus.TUPLES_OK:
            return []
        self._rows.set_pgresult(result, format=pq.Format.BINARY)
        return self._rows.load_rows(0, result.ntuples, tuple)

    def _checked(self, result: Any) -> None:
        if result.status not in _GOOD:
            raise self._error(result)

    def _error(self, result: Any) -> psycopg.Error:
        for key in self._unsure:  # what was being prepared when it failed may be unknown to the server
            del self._prepared[key]
        self._unsure.clear()
        return self._lost_error(result) if self.lost else error_from_result(result)

    def _lost_error(self, result: Any = None) -> psycopg.Error:
        said = (result.error_message if result is not None else b"") or self._libpq.error_message
        self._sent.clear()
        return psycopg.OperationalError(said.decode(errors="replace").strip() or "the connection is lost")

    @property
    def lost(self) -> bool:
        """Whether nobody is at the other end any more, as far as is known."""
        return self._libpq.status != pq.ConnStatus.OK

    def close(self) -> None:
        """Let it go."""
        self.psycopg.close()
