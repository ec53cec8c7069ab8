"""What a campaign found, as a line of bench/faults.md: what was done, what must hold, what was seen."""

from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "faults.md"
_HEAD = """# What was broken, and what was lost

Written by `python -m bench.faults --full`: each row of the fault matrix done to the real thing, a line for its last full run.
The short forms of the same rows are tests in `tests/faults`; ADR 0030 says how they work. *Control*: the same campaign with
the protection taken away, which must fail. Row 10 (viewers who do not read) is `python -m bench viewers`, row 14 (divergence
from a model) `python -m bench.model`. On a machine that is shared, whatever is counted in seconds says little.

"""
_COLUMNS = ("| row | done | must hold | seen | |", "|---|---|---|---|---|")


@dataclass(frozen=True, slots=True)
class Found:
    """One row's outcome. `key`: its number in the matrix and its name, such as "1 kill"."""

    key: str
    done: str
    must: str
    seen: str
    held: bool

    def line(self, when: str) -> str:
        """Return the row of the table."""
        verdict = "held" if self.held else "**broken**"
        return f"| {self.key} | {self.done} | {self.must} | {self.seen} | {verdict}; {when} |"


def write(found: list[Found], when: str, file: Path = FILE) -> None:
    """Put each row's line into the table in place of its older one."""
    lines = {} if not file.exists() else {_key(line): line for line in file.read_text("utf-8").splitlines()}
    lines = {key: line for key, line in lines.items() if key[:1].isdigit()}
    lines |= {one.key: one.line(when) for one in found}
    rows = sorted(lines.values(), key=lambda line: int(_key(line).split()[0]))
    file.write_text(_HEAD + "\n".join([*_COLUMNS, *rows]) + "\n", encoding="utf-8")


def _key(line: str) -> str:
    return line.split("|")[1].strip() if line.startswith("| ") else ""
