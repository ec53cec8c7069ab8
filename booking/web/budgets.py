"""How often something may be tried: a bounded count of recent tries per name, in memory of the one booking process."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MAX_NAMES = 20_000
"""The oldest names are forgotten beyond this: a flood of made-up names cannot fill memory."""


@dataclass(slots=True)
class Budget:
    """At most `tries` within `window` for each name."""

    tries: int
    window: timedelta
    _recent: OrderedDict[str, deque[datetime]] = field(default_factory=OrderedDict)

    def blocked_until(self, name: str, now: datetime) -> datetime | None:
        """Return when `name` may try again; None when it may now."""
        recent = self._live(name, now)
        return recent[0] + self.window if len(recent) >= self.tries else None

    def spend(self, name: str, now: datetime) -> None:
        """Count one try of `name`."""
        self._live(name, now).append(now)
        self._recent.move_to_end(name)
        while len(self._recent) > MAX_NAMES:
            self._recent.popitem(last=False)

    def forgive(self, name: str) -> None:
        """Forget the tries of `name`: it succeeded."""
        self._recent.pop(name, None)

    def _live(self, name: str, now: datetime) -> deque[datetime]:
        recent = self._recent.setdefault(name, deque(maxlen=self.tries))
        while recent and recent[0] + self.window <= now:
            recent.popleft()
        return recent
