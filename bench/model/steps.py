"""One step of a play, and what a difference between the two sides looks like."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """Something that happens at second `at`. `n` is its own name: others refer to what it made by it, so that a play
    from which steps were taken out still means the same.
    """

    n: int
    at: int
    kind: str
    args: dict[str, Any] = field(hash=False)

    @property
    def digest(self) -> bytes:
        """What an idempotency key stands for: the request without its key."""
        asked = {name: value for name, value in self.args.items() if name != "key"}
        return hashlib.sha256(json.dumps([self.kind, asked], sort_keys=True).encode()).digest()

    def to_json(self) -> str:
        return json.dumps([self.n, self.at, self.kind, self.args], ensure_ascii=False)

    @classmethod
    def of_json(cls, line: str) -> "Step":
        return cls(*json.loads(line))


class DivergenceError(AssertionError):
    """Model and store say different things; the step is the one after which they did."""

    def __init__(self, step: Step, what: str) -> None:
        super().__init__(f"{what}\n  after step {step.to_json()}")
        self.step, self.what = step, what
