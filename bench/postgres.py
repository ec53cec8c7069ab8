"""A PostgreSQL of the bench's own, as durable as one is by default, and raw rows into it."""

import itertools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.machine import free_port

ROLE = "seatgate"


class Postgres:
    """A running server: `url(database)`; `create()` makes a database and returns its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._numbers = itertools.count(1)

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}@/{database}?host={self._folder}&port={self._port}"

    def create(self) -> str:
        name = f"bench{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def command(self, program: str, *arguments: object) -> list[str]:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
        if not found:
            raise RuntimeError("PostgreSQL is not installed: run tools/install test")
        as_nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        return ["setpriv", *as_nobody, "--pdeathsig=INT", str(found[-1].parent / program), *map(str, arguments)]

    def settings(self) -> list[str]:
        wanted = {
            "listen_addresses": "",
            "unix_socket_directories": self._folder,
            "port": self._port,
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
        }
        return [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]


@contextmanager
def running_postgres(data: Path) -> Iterator[Postgres]:
    """Start a server with its files under `data`; fsync and synchronous_commit are on, as they are by default."""
    folder = data / "postgres"
    folder.mkdir()
    if os.getuid() == 0:  # as which it refuses to run
        for way in (data.parent, data):
            way.chmod(0o711)
        shutil.chown(folder, "nobody", "nogroup")
    server = Postgres(folder)
    arguments = (
        "--no-sync",
        f"--username={ROLE}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "-D",
        folder / "data",
    )
    subprocess.run(server.command("initdb", *arguments), check=True, capture_output=True, cwd="/")
    with (data / "postgres.log").open("wb") as log:
        command = server.command("postgres", "-D", folder / "data", *server.settings())
        with subprocess.Popen(command, stdout=log, stderr=log, cwd="/") as running:
            try:
                _wait(server, running)
                yield server
            finally:
                running.terminate()


def _wait(server: Postgres, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(server.url("postgres")).close()
        except psycopg.OperationalError:
            if time.monotonic() > until or running.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return


class RawRows:
    """Connections that each insert single rows, each row a transaction of its own."""

    def __init__(self, url: str, connections: int) -> None:
        self._connections = [psycopg.connect(url, autocommit=True) for _ in range(connections)]
        self._connections[0].execute(
            "CREATE TABLE IF NOT EXISTS raw (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text, payload bytea)"
        )

    def rate(self, rows: int, payload: bytes) -> float:
        """Return the rows per second of `rows` rows, shared out among the connections."""
        each = rows // len(self._connections)
        threads = [threading.Thread(target=self._insert, args=(one, each, payload)) for one in self._connections]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return each * len(threads) / (time.perf_counter() - began)

    def _insert(self, connection: psycopg.Connection, rows: int, payload: bytes) -> None:
        cursor = connection.cursor()
        for _ in range(rows):
            cursor.execute("INSERT INTO raw (topic, payload) VALUES (%s, %s)", ("rush", payload), prepare=True)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
