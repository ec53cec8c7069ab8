"""Taking turns, medians, ratios and the table: everything the claims have in common."""

import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.md")
Samples = dict[str, list[float]]
"""Seconds, or whatever a case counts, per case; the n-th figure of every case was taken in the n-th turn."""


def in_turns(rounds: int, cases: dict[str, Callable[[], Iterable[float]]], *, warm_up: int = 1) -> Samples:
    """Run every case once per round, in an order that turns round each time, and collect what they return.

    Each case returns one figure or several; the first `warm_up` rounds are thrown away.
    """
    samples: Samples = {name: [] for name in cases}
    names = list(cases)
    for turn in range(-warm_up, rounds):
        for name in names if turn % 2 else reversed(names):
            taken = list(cases[name]())
            if turn >= 0:
                samples[name] += taken
    return samples


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that one call took."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def percentile(figures: Sequence[float], percent: float) -> float:
    """Return the smallest figure that at least `percent` of them do not exceed."""
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True)
class Line:
    """One row of the table: what is claimed, the two figures, their ratio with its spread, and the aim."""

    claim: str
    ours: str
    floor: str
    ratio: float
    spread: tuple[float, float]
    aim: float | None = None
    """The ratio should be at most this; None where no such aim was agreed."""
    at_least: float | None = None
    """The ratio should be at least this: an aim of rates."""

    def row(self) -> str:
        """Return the line as a row of a Markdown table."""
        low, high = self.spread
        return f"| {self.claim} | {self.ours} | {self.floor} | **{self.ratio:.2f}** | {low:.2f} … {high:.2f} | {self._aims()} |"

    def _aims(self) -> str:
        """Return each aim and whether it was met."""
        aims = []
        if self.aim is not None:
            aims.append(f"≤ {self.aim:g}, {_met(self.ratio <= self.aim)}")
        if self.at_least is not None:
            aims.append(f"≥ {self.at_least:g}, {_met(self.ratio >= self.at_least)}")
        return "; ".join(aims) or "–"


def _met(met: bool) -> str:  # noqa: FBT001 - a word for a truth
    return "met" if met else "**missed**"


@dataclass
class Result:
    """What a claim's file returns: its lines, a sentence on how they were taken, and what was seen beside them."""

    title: str
    how: str
    lines: list[Line] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """Rows of a Markdown table of absolute figures, its head first; empty for none."""


def compare(
    claim: str, ours: Sequence[float], floor: Sequence[float], *, aim: float | None = None, percent: float = 50
) -> Line:
    """Compare two cases of the same run at one percentile, in milliseconds. The spread is that of ten equal parts of
    the run.
    """
    a, b = percentile(ours, percent), percentile(floor, percent)
    return Line(claim, _ms(a), _ms(b), a / b, parts_spread(ours, floor, percent), aim)


def parts_spread(ours: Sequence[float], floor: Sequence[float], percent: float, parts: int = 10) -> tuple[float, float]:
    """Return the lowest and the highest ratio over `parts` equal stretches of the run."""
    ratios = []
    for part in range(parts):
        a, b = ([*case[len(case) * part // parts : len(case) * (part + 1) // parts]] for case in (ours, floor))
        if a and b:
            ratios.append(percentile(a, percent) / percentile(b, percent))
    return min(ratios), max(ratios)


def compare_rates(claim: str, ours: Sequence[float], floor: Sequence[float], *, at_least: float | None = None) -> Line:
    """Compare two cases in requests per second, round by round; the ratio is the median of the rounds'."""
    ratios = [a / b for a, b in zip(ours, floor, strict=True)]
    rates = (f"{statistics.median(case):,.0f}/s" for case in (ours, floor))
    return Line(claim, *rates, statistics.median(ratios), (min(ratios), max(ratios)), at_least=at_least)


def compare_rounds(claim: str, ours: Sequence[float], floor: Sequence[float], *, aim: float | None = None) -> Line:
    """Compare one figure of seconds that each round gives; the ratio is the median of the rounds'."""
    ratios = [a / b for a, b in zip(ours, floor, strict=True)]
    figures = (_ms(statistics.median(case)) for case in (ours, floor))
    return Line(claim, *figures, statistics.median(ratios), (min(ratios), max(ratios)), aim)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def facts(data: Path) -> list[str]:
    """Return what the figures depend on, a line each."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = next((int(line.split()[1]) // 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("apsw", "paho-mqtt", "fastapi", "uvicorn"))
    return [
        f"{cpu}, {os.cpu_count()} cores, {memory} GiB; {platform.system()} {platform.release()}, {_filesystem(data)}",
        f"Python {platform.python_version()}, {packages}, {_output('mosquitto', '-h').partition(chr(10))[0]}",
        f"load before the run {os.getloadavg()[0]:.1f}; commit {commit()}; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]


def _lines(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8").splitlines() if Path(file).exists() else []


def _output(*command: str) -> str:
    environment = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT
        ).stdout.strip()
    except OSError:
        return "?"


def _filesystem(folder: Path) -> str:
    return _output("stat", "--file-system", "--format=%T", str(folder)) + " on disk"


def commit() -> str:
    """Return the commit that is measured, and whether files of it are changed."""
    changed = "+ changes" if _output("git", "status", "--porcelain", "--untracked-files=no") else ""
    return f"{_output('git', 'rev-parse', '--short', 'HEAD')} {changed}".strip()


def table(results: Sequence[Result], machine: Sequence[str]) -> str:
    """Return the whole of results.md."""
    text = [
        "# What was measured",
        "",
        "Written by `make bench`: ratios against a floor taken in turns in the same run.",
        "",
    ]
    text += [f"- {fact}" for fact in machine]
    for result in results:
        text += ["", f"## {result.title}", "", result.how, ""]
        text += ["| claim | ours | floor | ratio | spread | aim |", "|---|---|---|---|---|---|"]
        text += [line.row() for line in result.lines]
        text += ["", *result.seen] if result.seen else []
    return "\n".join(text) + "\n"
