"""Claim: `seatgate run` is ready in about the time Python needs to import what it runs.

Floor: one interpreter for each process of the run, started together on the same cores, that imports what the process
imports and ends. The first start of a data folder makes keys and accounts and is not counted.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from bench.machine import NOW, free_port
from bench.measure import ROOT, Result, compare, in_turns
from onsite.settings import HTTP_PORT, MQTT_PORT
from onsite.summary import RUN_FILE

ROUNDS = 10
IMPORTS = {"booking.app": 1, "gate.app": 2, "kiosk.app": 1, "simulator.cli": 1}
"""What the site's processes import, and how many of each there are: two gates, one kiosk, one simulator for all portals."""


def run(data: Path) -> Result:
    """Start and stop the whole site in turns with the imports."""
    samples = in_turns(ROUNDS, {"ours": lambda: [_until_ready(data)], "floor": lambda: [_imports()]})
    return Result(
        "Ready",
        "From starting `seatgate run` on a used data folder until run.json is there, against bare interpreters that import "
        f"what its processes import ({sum(IMPORTS.values())} at once, as the run starts them) after the command's own "
        f"import; {ROUNDS} starts.",
        [compare("`seatgate run` to ready", samples["ours"], samples["floor"])],
    )


def _until_ready(data: Path) -> float:
    run_file = data / RUN_FILE
    environment = os.environ | {
        HTTP_PORT: str(free_port()),
        MQTT_PORT: str(free_port()),
        "DISPLAY": "",
        "WAYLAND_DISPLAY": "",
    }
    command = [sys.executable, "-m", "seatgate", "run", "--data", str(data), "--now", NOW]
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as site:
        # The summary is printed right after run.json is written: waiting for it costs the run nothing.
        told = b""
        while not run_file.exists():
            line = site.stdout.readline()
            told += line
            if not line:
                raise RuntimeError(f"seatgate run ended: {told.decode()}")
        seconds = time.perf_counter() - began
        site.send_signal(signal.SIGTERM)
        with suppress(ValueError):
            site.stdout.read()
    return seconds


def _imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import onsite.cli, onsite.run"], cwd=ROOT, check=True)
    names = [name for name, count in IMPORTS.items() for _ in range(count)]
    started = [subprocess.Popen([sys.executable, "-c", f"import {name}"], cwd=ROOT) for name in names]
    for each, name in zip(started, names, strict=True):
        if each.wait() != 0:
            raise RuntimeError(f"import {name} failed")
    return time.perf_counter() - began
