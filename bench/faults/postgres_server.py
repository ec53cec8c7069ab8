"""A real PostgreSQL of a campaign's own, which it may kill in every way and start again. Needs Debian's `postgresql`."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT, Signals

import psycopg

from config.values import Secret

CEILING = 60.0


class RunningPostgres:
    """Listens on a socket in its own folder; role `seatgate` may do everything, database `seats` is empty at first."""

    def __init__(self, port: int) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
        if not found:
            raise RuntimeError("PostgreSQL is not installed: run tools/install test")
        self._programs, self._port = found[-1].parent, port
        self._folder = Path(tempfile.mkdtemp(prefix="seatgate-faults-postgres-"))
        if os.getuid() == 0:  # as which it refuses to run
            shutil.chown(self._folder, "nobody", "nogroup")
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._run("initdb", "--no-sync", "--username=seatgate", "--auth=trust", "--encoding=UTF8", "--locale=C")
        self.start()
        with psycopg.connect(self.url("postgres").value, autocommit=True) as connection:
            connection.execute("CREATE DATABASE seats TEMPLATE template0")

    def url(self, database: str = "seats") -> Secret:
        """Return the address of a database."""
        return Secret(f"postgresql://seatgate@/{database}?host={self._folder}&port={self._port}")

    def _command(self, program: str, *arguments: str) -> list[str]:
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        return [*as_nobody, str(self._programs / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        command = self._command(program, *arguments, "-D", str(self._folder / "data"))
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(done.stderr + done.stdout)

    def start(self) -> None:
        """Start it and return once it answers; a predecessor's last processes may still have to go."""
        settings = ("listen_addresses=", f"unix_socket_directories={self._folder}", f"port={self._port}")
        settings += ("shared_buffers=32MB", "max_connections=80", "deadlock_timeout=200ms")
        options = [word for setting in settings for word in ("-c", setting)]
        deadline = time.monotonic() + CEILING
        while True:
            if self._postmaster is None or self._postmaster.poll() is not None:
                with (self._folder / "log").open("ab") as log:
                    command = self._command("postgres", "-D", str(self._folder / "data"), *options)
                    self._postmaster = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
            ready = self._command("pg_isready", "-q", "-h", str(self._folder), "-p", str(self._port))
            if subprocess.run(ready, cwd="/", check=False).returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def end(self, number: Signals) -> None:
        """Signal the postmaster and wait for its end: SIGQUIT is "immediate", a crash; SIGKILL leaves its children alone."""
        if self._postmaster is not None:
            self._postmaster.send_signal(number)
            self._postmaster.wait(CEILING)
            self._postmaster = None

    def kill_backend(self, application: str) -> int:
        """Kill each process of the server that works for `application`, by its id; all others are then thrown out too."""
        query = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE %s AND pid <> pg_backend_pid()"
        with psycopg.connect(self.url().value) as connection:
            pids = [row[0] for row in connection.execute(query, (application,))]
        for pid in pids[:1]:
            os.kill(pid, SIGKILL)
        return len(pids[:1])

    def get_in_the_way(self, turn: int) -> bool:
        """Lock what a batch needs, then ask for its turn; tell whether the server had to choose a victim and chose us."""
        with psycopg.connect(self.url().value) as connection:
            connection.execute("LOCK TABLE reservations IN SHARE ROW EXCLUSIVE MODE")
            try:
                connection.execute("SELECT pg_sleep(0.3), pg_advisory_xact_lock(%s)", (turn,))
            except psycopg.errors.DeadlockDetected:
                return True
        return False

    def remove(self) -> None:
        """Stop it and delete everything."""
        self.end(SIGQUIT if self._postmaster else SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)
