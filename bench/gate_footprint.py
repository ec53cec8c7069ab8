"""Claim: a gate of eight lanes needs little more memory than the libraries that it imports, and next to no processor time.

`SEATGATE_BENCH_SECONDS`: a longer look.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench.lanes import fill, walking
from bench.machine import Line, count, prepare, running, site_text
from bench.measure import ROOT, Result
from bench.measure import Line as Row
from bench.processes import child, cpu, resident

SECONDS = int(os.environ.get("SEATGATE_BENCH_SECONDS", "30"))
LANES, READERS, PER_SECOND = 8, 200, 20
PARTS = 5
MEMORY_MB, CORE_PERCENT = 40.0, 3.0
BARE = "import sys, gate.app, gate.cli, seatgate; print('ready', flush=True); sys.stdin.read()"


def run(data: Path) -> Result:
    """Let twenty readers a second walk through one gate, and look at what its process uses."""
    lines = {f"south-{n}": Line.open() for n in range(LANES)}
    wanted = prepare(
        data, site_text({lane: (("in", "out")[n % 2], line.device) for n, (lane, line) in enumerate(lines.items())})
    )
    fill(wanted, READERS)
    bare = _bare()
    with ExitStack() as stack:
        for line in lines.values():
            stack.callback(line.close)
        machine = stack.enter_context(running(wanted))
        every = list(lines.values())
        passages = stack.enter_context(walking(machine, every[::2], every[1::2], READERS))
        gate = child("gate")
        passages.swipe(PER_SECOND)
        shares, memory = [], []
        for _ in range(PARTS):
            shares.append(_share(gate, passages.swipe_one))
            memory.append(resident(gate) - bare)
    done = count(Path(wanted.database), "SELECT count(*) FROM inbox")
    idle = sorted(shares)[len(shares) // 2]
    above = max(memory)
    return Result(
        "A gate's process",
        f"The real `seatgate gate` with {LANES} lanes on pseudo-terminals, {PER_SECOND} passages a second over all of them for "
        f"{SECONDS} s ({done} stored by booking); against a bare interpreter that imports the same modules ({bare:.0f} MB "
        "resident), and against one core.",
        [
            Row(
                "memory above the bare interpreter, MB, of 40",
                f"{bare + above:.1f} MB",
                f"{bare:.1f} MB",
                above / MEMORY_MB,
                (min(memory) / MEMORY_MB, above / MEMORY_MB),
                aim=1,
            ),
            Row(
                "processor, percent of a core, of 3",
                f"{idle:.2f} %",
                "100 %",
                idle / CORE_PERCENT,
                (min(shares) / CORE_PERCENT, max(shares) / CORE_PERCENT),
                aim=1,
            ),
        ],
    )


def _share(gate: int, swipe: object) -> float:
    """Return the percent of a core that the gate uses while cards are swiped, evenly, for a part of the time."""
    began, used = time.monotonic(), cpu(gate)
    for n in range(SECONDS * PER_SECOND // PARTS):
        swipe()
        time.sleep(max(0.0, began + (n + 1) / PER_SECOND - time.monotonic()))
    return (cpu(gate) - used) / (time.monotonic() - began) * 100


def _bare() -> float:
    """Return the resident memory of an interpreter that has the same modules and does nothing, in MB."""
    with subprocess.Popen(
        [sys.executable, "-c", BARE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        found = resident(process.pid)
        process.stdin.close()
    return found
