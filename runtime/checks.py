"""What `seatgate diagnose` prints: one check is one line that staff can act on. Running the checks lives with their owners."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum


class Level(IntEnum):
    """Ordered by how bad it is; the worst one of a report is its exit code."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Check:
    """`name`: what was looked at. `seen`: what was found. `todo`: what staff should do, "" when nothing.

    `page`: the name of the page of docs/operations that says more, "" where none does.
    """

    name: str
    level: Level
    seen: str
    todo: str = ""
    page: str = ""

    def __post_init__(self) -> None:
        if self.level is not Level.OK and not self.todo:
            raise ValueError(f"the check {self.name!r} found fault but does not say what to do")


def render(checks: Sequence[Check]) -> str:
    """Return the report for a console: a line per check, its advice below it, and how many were not ok."""
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        lines.append(f"{check.level.name.lower():<4}  {check.name:<{width}}  {check.seen}")
        if check.todo:
            more = f" (docs/operations/{check.page}.md)" if check.page else ""
            lines.append(f"{'':<4}  {'':<{width}}  → {check.todo}{more}")
    bad = sum(check.level is not Level.OK for check in checks)
    lines.append(f"{len(checks)} checks, {bad} need attention." if bad else f"{len(checks)} checks, all ok.")
    return "\n".join(lines)


def to_json(checks: Sequence[Check]) -> str:
    """Return the report for a program."""
    rows = [asdict(check) | {"level": check.level.name.lower()} for check in checks]
    return json.dumps({"exit_code": exit_code(checks), "checks": rows}, ensure_ascii=False, indent=2)


def exit_code(checks: Sequence[Check]) -> int:
    """Return 0 when all is ok, 1 when something wants attention, 2 when something is broken."""
    return max((check.level for check in checks), default=Level.OK).value
