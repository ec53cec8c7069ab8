"""A PostgreSQL database as a file and back, by PostgreSQL's own pg_dump and pg_restore.

The password goes to them in the environment, never on the command line, where every account of the machine could read it.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import psycopg

from booking.store.errors import StoreError
from booking.store.postgres.address import Address
from booking.store.steps import migrations
from config.values import Secret
from runtime.secret_file import sync_folder

DEBIAN = Path("/usr/lib/postgresql")
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND usename = current_user"
)


class PostgresCopies:
    """booking.store.backup.Copies of one PostgreSQL database."""

    def __init__(self, database: Secret, data: Path) -> None:
        self._address = Address(database)
        self._data = data

    def copy(self, target: Path, progress: object) -> int:  # noqa: ARG002 - pg_dump tells of none
        """Write one snapshot of the database into `target`; the service may go on writing. Return its schema number."""
        connection = self._address.connect("SELECT 1")
        try:
            schema: int = connection.execute("SELECT max(number) FROM schema_version").fetchone()[0]
        except psycopg.Error as error:
            raise StoreError(f"{self._address!r} is no database of this service: {error}") from error
        finally:
            connection.close()
        self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
        check_dump(target)
        return schema

    def put_back(self, copy: Path, now: datetime) -> Path:
        """Make the database what `copy` holds, in one transaction; what was there is dumped aside first and returned."""
        connection = self._address.connect("SELECT 1")
        try:
            if connection.execute(_OTHERS).fetchone()[0]:
                raise StoreError(f"{self._address!r} is in use: stop every booking process first")
        finally:
            connection.close()
        aside = self._data / f"booking.pgdump.before-restore-{now:%Y%m%dT%H%M%SZ}"
        if aside.exists():
            raise StoreError(f"{aside} is there already: move it away first")
        aside.touch(mode=0o600)
        self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={aside}")
        sync_folder(self._data)
        self._run(
            "pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction",
            "--exit-on-error", f"--dbname={self._address.dbname}", str(copy),
        )  # fmt: skip
        connection = self._address.connect("SELECT 1")
        try:
            # the service numbers its maps anew: above all that were announced after the copy
            connection.execute("DELETE FROM facts WHERE name = 'began'")
        finally:
            connection.close()
        return aside

    def _run(self, program: str, *words: str) -> None:
        done = _run([_program(program), *words], os.environ | self._address.environment())
        if done.returncode:
            raise StoreError(f"{program} could not do it with {self._address!r}: {_said(done)}")


def check_dump(file: Path) -> None:
    """Read a dump through; StoreError when it is damaged."""
    done = _run([_program("pg_restore"), "--file=/dev/null", str(file)], dict(os.environ))
    if done.returncode:
        raise StoreError(f"{file} is damaged: {_said(done)}")


def newest_schema() -> int:
    """Return the number of the newest schema that this version knows."""
    return migrations("postgres")[-1][0]


def _run(command: Sequence[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)


def _said(done: "subprocess.CompletedProcess[str]") -> str:
    return next((line.strip() for line in done.stderr.splitlines() if line.strip()), f"exit code {done.returncode}")


def _program(name: str) -> str:
    """Return where Debian, or the PATH, has the newest of PostgreSQL's own programs."""
    versions = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise StoreError(f"{name} is not installed here: install Debian's package postgresql-client")
    return found
