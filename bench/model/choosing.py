"""Where choices come from: a seed here, Hypothesis in the tests. And how often which kind of step is chosen."""

from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

T = TypeVar("T")
WEIGHTS = {
    "reserve": 24,
    "act": 22,
    "move": 5,
    "scan-in": 9,
    "scan-out": 5,
    "pass": 22,
    "report": 3,
    "answer": 4,
    "hear": 5,
    "appeal": 1,
    "decide": 1,
    "excuse": 0.3,
    "close": 0.7,
    "open": 1,
    "settle-task": 1,
    "sweep": 4,
    "keep-hours": 0.3,
    "restart": 0.15,
}


class Chooser(Protocol):
    """Where choices come from."""

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`; the first is the plainest."""

    def below(self, limit: int) -> int:
        """A whole number from 0 to below `limit`."""

    def chance(self, percent: float) -> bool:
        """True so often; False is the plainer."""

    def kind(self) -> str:
        """A kind of step."""


class SeededChooser:
    """A chooser of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random.random() * len(options))]

    def below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def chance(self, percent: float) -> bool:
        return self._random.random() * 100 < percent

    def kind(self) -> str:
        return self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
