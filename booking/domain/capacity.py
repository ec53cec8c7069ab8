"""How many places of a capacity area are held at every instant: a step function, and what follows from it. Pure.

A place has no number: any of them will do at any instant, so a wish fits wherever no instant would exceed the capacity.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from booking.domain.window import Interval


@dataclass(frozen=True, slots=True)
class Level:
    """`held` places throughout `interval`."""

    interval: Interval
    held: int


def levels(stays: Iterable[Interval], within: Interval) -> list[Level]:
    """Return the levels that `stays` make, in order and without a gap over the whole of `within`."""
    steps: Counter[datetime] = Counter({within.start: 0, within.end: 0})
    for stay in stays:
        if stay.overlaps(within):
            steps[max(stay.start, within.start)] += 1
            steps[min(stay.end, within.end)] -= 1
    found, held = [], 0
    moments = sorted(steps)
    for start, end in pairwise(moments):
        held += steps[start]
        found.append(Level(Interval(start, end), held))
    return found


def most_held(found: Sequence[Level]) -> int:
    """Return the highest of the levels; 0 of none."""
    return max((level.held for level in found), default=0)


def full_from(found: Sequence[Level], capacity: int) -> datetime | None:
    """Return the first instant with no place left; None when there is one throughout."""
    return next((level.interval.start for level in found if level.held >= capacity), None)


def full_until(found: Sequence[Level], capacity: int) -> datetime | None:
    """Return the end of the last stretch with no place left; None when there is one throughout."""
    return next((level.interval.end for level in reversed(found) if level.held >= capacity), None)
