"""What is disturbed in row 15 and who goes on meanwhile: `seatgate gate` as a real process, and readers at its lines."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import closing, suppress
from pathlib import Path

from bench.faults.server import CEILING, Supervisor
from bench.measure import ROOT
from onsite.files import TomlValue, toml
from runtime.clock import SHIFT_VARIABLE
from simulator.pty_port import PortFull, PtyPort

CODE = "the-one-time-code-of-this-gate"
PER_SECOND = 200
Row = tuple[int, bytes, str]
"""Sequence, payload, state."""


class GateUnderTest:
    """`seatgate gate` over a folder, started and killed."""

    def __init__(self, folder: Path, shift: float, settings: dict[str, TomlValue]) -> None:
        self._shift = shift
        self.data, self._config = folder / "data", folder / "gate.toml"
        self.log = folder.parent / "gate.log"
        code = folder / "code"
        code.touch(mode=0o600)
        code.write_text(CODE)
        self._config.write_text(
            toml({"gate": "south", "data": str(self.data), "enrolment_code_file": str(code), **settings})
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once its ports are open."""
        supervisor = Supervisor()
        environment = {**os.environ, SHIFT_VARIABLE: str(self._shift), **supervisor.environment}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "seatgate", "gate", "--config", str(self._config)]
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        heard = supervisor.hear("READY=1")
        supervisor.close()
        if not heard:
            raise RuntimeError(f"the gate does not start: {self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Kill it as a power cut of the process would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def rows(self) -> list[Row]:
        """Return (sequence, payload, state) of all that it has on the disk."""
        return rows_of(self.data / "outbox.db", "SELECT sequence, payload, state FROM rows ORDER BY sequence")

    def last(self) -> int:
        """Return the newest sequence on the disk; 0 before the first."""
        if not (self.data / "outbox.db").exists():
            return 0
        return int(rows_of(self.data / "outbox.db", "SELECT ifnull(max(sequence), 0) FROM rows")[0][0])

    def waiting(self) -> int:
        """Return how many events booking has not acknowledged."""
        return int(rows_of(self.data / "outbox.db", "SELECT count(*) FROM rows WHERE state = 'pending'")[0][0])


class Swiper:
    """Readers at all lines, a card of its own for each swipe, while the gate's doors are open."""

    def __init__(self, ports: dict[str, PtyPort]) -> None:
        self._ports, self.most = ports, 0
        """After so many swipes in all nobody comes."""
        self.sent: dict[tuple[int, str], list[int]] = defaultdict(list)
        """(run of the gate, portal) → cards in the order in which they were swiped."""
        self.run_number = 0
        self._open, self._stop = threading.Event(), threading.Event()
        self._turn = threading.Lock()
        self.count = 0
        self._thread = threading.Thread(target=self._swipe)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def begin(self) -> None:
        """The gate has been started: what comes now belongs to this run of it."""
        with self._turn:
            self.run_number += 1
        self._open.set()

    def hold(self) -> None:
        """Nobody swipes until `begin` or `go_on`."""
        self._open.clear()
        with self._turn:
            return

    def go_on(self) -> None:
        """The gate runs as before."""
        self._open.set()

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._open.set()
        self._thread.join(CEILING)

    def _swipe(self) -> None:
        pause = threading.Event()
        while not self._stop.is_set():
            self._open.wait()
            for name, port in self._ports.items():
                with self._turn:
                    if self._stop.is_set() or not self._open.is_set() or self.count >= self.most:
                        break
                    with suppress(PortFull):
                        port.send(frame(self.count + 1))
                        self.count += 1
                        self.sent[self.run_number, name].append(self.count)
            pause.wait(len(self._ports) / PER_SECOND)


def frame(number: int) -> bytes:
    """Return what an RDM6300 reader sends for a card."""
    text, check = f"{number:010X}", 0
    for byte in bytes.fromhex(text):
        check ^= byte
    return b"\x02" + text.encode() + f"{check:02X}".encode() + b"\x03"


def rows_of(database: Path, query: str) -> list[tuple]:  # type: ignore[type-arg]
    """Run a query over a database that others may be writing."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=CEILING)) as connection:
        return connection.execute(query).fetchall()
