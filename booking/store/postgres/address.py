"""Where a PostgreSQL database is, and opening a connection to it: what is wrong is one sentence, without the password."""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from booking.store.errors import AwayError, StoreError
from booking.store.postgres.connection import PostgresConnection
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

    def connect(self, settings: str) -> PostgresConnection:
        """Open a connection and run `settings`; AwayError when nobody answers, StoreError says what else to do."""
        try:
            connection = psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.Error as error:
            raise self._fault(str(error)) from None
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
