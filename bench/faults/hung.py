"""Row 11: the process stands still (SIGSTOP); how long until systemd would kill it, and until it serves again."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGSTOP

from bench.faults.server import Server

WATCHDOG = 15.0
"""WatchdogSec of the units."""
LATE = 1.0
"""Seconds by which our own supervisor may be late on a machine that is busy."""


@dataclass
class Outcome:
    """Seconds from standing still to the kill, and to READY; each of one round."""

    noticed: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)


def run(folder: Path, site: Path, port: int, *, rounds: int) -> Outcome:
    """Stop it `rounds` times, each time at another moment between two notices."""
    outcome = Outcome()
    server = Server(folder, port, site, watchdog=WATCHDOG)
    server.start()
    try:
        for number in range(rounds):
            server.supervisor.hear("WATCHDOG=1")
            fed = time.monotonic()
            server.supervisor.hear("WATCHDOG=1", WATCHDOG / 2 * number / rounds)
            server.send(SIGSTOP)
            stopped = time.monotonic()
            while server.supervisor.hear("WATCHDOG=1", WATCHDOG - (time.monotonic() - fed)):
                fed = time.monotonic()
            outcome.noticed.append(time.monotonic() - stopped)
            server.kill()
            server.start()
            outcome.ready.append(time.monotonic() - stopped)
    finally:
        server.close()
    return outcome
