"""Evacuations: stretches of a venue in which no clock of a reservation runs, and where a deadline lies after them.

An evacuation is open until staff end it. A stretch is kept with each reservation that it touched, so that everything that
is derived of a reservation is right for any moment without looking anywhere else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""Stands for "not while the clocks stand still"."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """`[start, end)` in which a reservation's clocks stand still; `end` None: until staff end the evacuation."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evacuation:
    """One evacuation of a venue with its record. `started_by` empty: an alarm input of `gate` did."""

    id: str
    venue: str
    start: datetime
    started_by: str
    gate: str
    learned_at: datetime
    end: datetime | None = None
    ended_by: str | None = None

    def __contains__(self, moment: datetime) -> bool:
        """Tell whether it was going on at `moment`."""
        return self.start <= moment and (self.end is None or moment < self.end)


def resumed(begins: datetime, deadline: datetime, frozen: Iterable[Frozen], least: timedelta) -> datetime:
    """Return when a clock that runs from `begins` to `deadline` runs out; FAR while it stands still.

    Each stretch is added as far as the clock ran into it; and no deadline comes sooner than `least` after one.
    """
    for stretch in sorted(frozen, key=lambda one: one.start):
        if stretch.start >= deadline or (stretch.end is not None and stretch.end <= begins):
            continue
        if stretch.end is None:
            return FAR
        deadline += stretch.end - max(stretch.start, begins)
        deadline = max(deadline, stretch.end + least)
    return deadline
