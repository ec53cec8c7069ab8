"""OSDP against libosdp 3.2.9 as the reader: reads that came of those it was given, on a bad line, unplugged, at a real pace.

    python -m bench.osdp [--reads 10000] [--only WORD] [--write]

A row each: plain and with secure channel. 0 lost is what is claimed; it is the exit code too.
"""

import argparse
import itertools
import sys
import tempfile
import threading
import time
from pathlib import Path

import attrs

from bench.osdp_rig import Rig, peer

TABLE = Path(__file__).with_name("osdp.md")
NOISE = 0.001
STILL_SECONDS = 20.0
"""So long after the last card nothing more is expected."""
HEAD = """# OSDP against libosdp 3.2.9 as the reader

`python -m bench.osdp --write`; each row its own reader, 32-bit cards numbered from 1, as fast as they are fetched. Noise spoils one byte in
a thousand, both ways. Pulled: nothing passes for so long, in the middle of the reads. "As shipped": libosdp 3.2.9 takes a repeated
command for a new one, so that it throws away the read whose answer was spoiled; in the other rows its channel answers a repeat
with the same bytes, as the standard wants and libosdp does since.

| line | reads | lost | doubled | out of order | seconds | ms per read | spoiled bytes | back after | counted by the gate |
|---|---|---|---|---|---|---|---|---|---|
"""


@attrs.frozen
class Case:
    """One row."""

    name: str
    secure: bool
    noise: float = 0.0
    baud: int | None = None
    repeats: bool = True
    pulled: float = 0.0
    claimed: bool = True
    """0 lost is claimed; where libosdp itself loses reads it is only told."""

    @property
    def title(self) -> str:
        return f"{self.name}, {'secure' if self.secure else 'plain'}"


CASES = [
    Case(name, secure, **more)  # type: ignore[arg-type]
    for name, more in (
        ("quiet", {}),
        ("noise", {"noise": NOISE}),
        ("noise, as shipped", {"noise": NOISE, "repeats": False, "claimed": False}),
        ("pulled 3 s", {"pulled": 3.0}),
        ("pulled 12 s", {"pulled": 12.0}),
        ("pulled 60 s", {"pulled": 60.0}),
        ("9600 baud", {"baud": 9600}),
    )
    for secure in (False, True)
]


def run(case: Case, reads: int) -> tuple[str, int]:
    """Run one row; return it as a line of the table, and how many reads were lost."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Rig(Path(folder), secure=case.secure, noise=case.noise, baud=case.baud, repeats=case.repeats) as rig,
    ):
        began = time.monotonic()
        rig.tell(f"cards {reads} 1")
        back = ""
        if case.pulled:
            _until(rig, reads // 2)
            rig.wire.is_plugged.clear()
            threading.Event().wait(case.pulled)
            rig.wire.is_plugged.set()
            returned = time.monotonic_ns()
            _until(rig, rig.came + 1)
            back = f"{(rig.house.cards[-1][1] - returned) / 1e9:.2f} s"
        _until(rig, reads)
        took = time.monotonic() - began
        numbers = [number for number, _ in rig.house.cards]
        lost = reads - len(set(numbers) & set(range(1, reads + 1)))
        doubled = len(numbers) - len(set(numbers))
        disorder = sum(later < earlier for earlier, later in itertools.pairwise(numbers))
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(rig.house.bad.items())) or "nothing"
        line = (
            f"| {case.title} | {reads} | {lost} | {doubled} | {disorder} | {took:.0f} | {1000 * took / reads:.1f} "
            f"| {rig.wire.spoiled} | {back or '–'} | {counted} |"
        )
        return line, lost


def _until(rig: Rig, wanted: int) -> None:
    """Wait until so many cards have come, or none has for long."""
    seen, since = rig.came, time.monotonic()
    while rig.came < wanted and time.monotonic() - since < STILL_SECONDS:
        threading.Event().wait(0.05)
        if rig.came != seen:
            seen, since = rig.came, time.monotonic()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--reads", type=int, default=10_000)
    options.add_argument("--only", default="", help="rows whose title has this word in it")
    options.add_argument("--write", action="store_true", help="write bench/osdp.md")
    wanted = options.parse_args()
    if peer("libosdp") is None:
        print("libosdp is not installed: run tools/install test")
        return 2
    print(HEAD, end="", flush=True)
    lines, worst = [], 0
    for case in CASES:
        if wanted.only in case.title:
            line, lost = run(case, wanted.reads)
            lines.append(line)
            worst = max(worst, lost if case.claimed else 0)
            print(line, flush=True)
    if wanted.write:
        TABLE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
