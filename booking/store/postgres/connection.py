"""One psycopg connection as booking.store.sql.Connection: how it is opened, its placeholders, types and rows."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper

from booking.store.errors import AwayError, StoreError
from config.values import Secret

OLDEST = 13
"""The oldest PostgreSQL whose owner of a database may create the extension that the exclusion constraints need."""
_REACH = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "application_name": "seatgate",
}
"""A server that is gone without a word is noticed within seconds. What stands in the address itself goes before these."""
_STATEMENTS = 500
"""Prepared statements kept on a connection: more than there are in this package."""
_PLACEHOLDER = re.compile(r"\?([0-9]*)")
_REFUSALS = {
    r"password authentication failed": "refuses the password of role {user}: correct it in `database`",
    r"no password supplied": "wants a password for role {user}: put it into `database`, or name a passfile there",
    r'role ".*" does not exist': "knows no role {user}: create it (createuser {user}), or name another in `database`",
    r'database ".*" does not exist': (
        "has no database {dbname}: create it (createdb --owner={user} {dbname}), or name another in `database`"
    ),
    r"no pg_hba.conf entry": "lets nobody in from here as {user}: its pg_hba.conf decides",
}
"""What libpq says, in the words of an English server: it gives no code for a connection that was refused."""
_BUSY = {
    r"starting up": "is only starting",
    r"too many|connection slots are reserved": "has no connection left: raise its max_connections, or run fewer workers",
}


class Address:
    """Where a database is; its password never shows."""

    def __init__(self, url: Secret) -> None:
        try:
            given = conninfo_to_dict(url.value)
        except psycopg.Error:
            raise StoreError(
                'the address of the database cannot be read: write "postgresql://role:password@host:5432/name"'
            ) from None  # what libpq says about it may quote the password
        wanted: dict[str, Any] = {**_REACH, **given}
        self._conninfo = make_conninfo(**wanted)
        self.user = str(given.get("user") or "of this account")
        self.dbname = str(given.get("dbname") or given.get("user") or "of this account's name")
        self._host, self._port = str(given.get("host") or "this machine"), str(given.get("port") or "5432")

    def __repr__(self) -> str:
        return f"{self._host}:{self._port}/{self.dbname}"

    def environment(self) -> dict[str, str]:
        """Return libpq's environment variables for this address, for PostgreSQL's own programs."""
        return {
            option.envvar.decode(): str(value)
            for option in psycopg.pq.Conninfo.parse(self._conninfo.encode())
            if option.envvar and (value := option.val and option.val.decode())
        }

    def connect(self, settings: str) -> "PostgresConnection":
        """Open a connection and run `settings`; AwayError when nobody answers, StoreError says what else to do."""
        try:
            connection = psycopg.connect(self._conninfo, autocommit=True, prepare_threshold=1)
        except psycopg.Error as error:
            raise self._fault(str(error)) from None
        connection.prepared_max = _STATEMENTS
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        connection.adapters.register_dumper(str, _TextDumper)
        found = PostgresConnection(connection)
        try:
            found.run(settings)
        except psycopg.Error as error:
            found.close()
            raise self.away(error) from error
        return found

    def away(self, error: psycopg.Error) -> AwayError:
        """Return the fault of a connection that was lost."""
        return AwayError(f"the database {self!r} does not answer ({_first_line(error)}): try again in a moment")

    def _fault(self, said: str) -> StoreError:
        server = f"the database server {self._host}:{self._port}"
        for part, words in _REFUSALS.items():
            if re.search(part, said):
                return StoreError(f"{server} {words.format(user=self.user, dbname=self.dbname)}")
        for part, words in _BUSY.items():
            if re.search(part, said):
                return AwayError(f"{server} {words}: try again in a moment")
        if "FATAL:" in said and "shutting down" not in said:
            return StoreError(f"{server} refuses: {said.rsplit('FATAL:', maxsplit=1)[-1].strip()}")
        return AwayError(f"{server} does not answer: start it, or correct `database` in the settings")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]


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


class _TextDumper(StrBinaryDumper):
    """No text of PostgreSQL's can hold NUL: such a value equals nothing there, and shows as unknown where it is written."""

    def dump(self, obj: str) -> Any:
        """Return the bytes of a text."""
        return super().dump(obj if "\0" not in obj else obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


class PostgresRows:
    """booking.store.sql.Rows over what a statement gave."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = iter(rows)

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""
        return self._rows


class PostgresConnection:
    """A connection outside any transaction but those that are begun on it."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.psycopg = connection
        self._cursor: psycopg.RawCursor[Any] = psycopg.RawCursor(connection)

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> PostgresRows:
        """Run one statement with its values in the order of its placeholders."""
        cursor = self._cursor
        try:
            cursor.execute(numbered(sql), values, binary=True)
        except psycopg.DataError:
            if not any(isinstance(value, str) and "\0" in value for value in values):
                raise
            # no text here can hold this character: it equals nothing, and where it is written it shows as unknown
            clean = [
                value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
                for value in values
            ]
            cursor.execute(numbered(sql), clean, binary=True)
        return PostgresRows(cursor.fetchall() if cursor.description else [])

    def run(self, script: str) -> None:
        """Run statements without values, in one go."""
        self.psycopg.execute(script.encode(), prepare=False)

    @property
    def lost(self) -> bool:
        """Whether nobody is at the other end any more, as far as is known."""
        return self.psycopg.closed or self.psycopg.broken

    def close(self) -> None:
        """Let it go."""
        self.psycopg.close()
