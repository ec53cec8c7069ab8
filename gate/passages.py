"""Which read a turnstile's "somebody passed" belongs to. Pure: time is an argument.

The rule: the newest read of that lane that has had no word yet, is not older than `WITHIN` and went the same way. The
newest, because who swiped and stayed outside is never told of by many boards, and the next who swipes is the one who walks.
"""

from collections import defaultdict, deque
from datetime import timedelta

import attrs

from messages.access import Direction

WITHIN = timedelta(seconds=60)
"""Longer than any turnstile stays open for one person: its "did not pass" comes at the end of that."""
MOST = 8
"""Reads of one lane that may wait: the oldest goes first."""


@attrs.frozen
class _Waiting:
    sequence: int
    direction: Direction
    monotonic_ns: int


class Passages:
    """One gate's reads that wait for the turnstile's word. One thread at a time."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Waiting]] = defaultdict(lambda: deque(maxlen=MOST))

    def await_word(self, lane: str, sequence: int, direction: Direction, monotonic_ns: int) -> None:
        """Remember a read that was stored."""
        self._waiting[lane].append(_Waiting(sequence, direction, monotonic_ns))

    def claim(self, lane: str, direction: Direction | None, monotonic_ns: int) -> int | None:
        """Return the sequence of the read that a word belongs to, and forget it; None when it belongs to none."""
        within = round(WITHIN.total_seconds() * 1_000_000_000)
        waiting = self._waiting[lane]
        for each in reversed(waiting):
            same_way = (
                direction is None or Direction.UNKNOWN in (direction, each.direction) or direction is each.direction
            )
            if same_way and monotonic_ns - each.monotonic_ns <= within:
                waiting.remove(each)
                return each.sequence
        return None
