"""Bad frames, counted by portal and kind, and told without flooding the log: the first at once, then counts. Pure."""

from collections import Counter

from wire.frames import BadFrame, Fault


class BadFrames:
    """One gate's counters. Whoever calls holds a lock: portals are read on threads of their own."""

    def __init__(self) -> None:
        self._total: Counter[tuple[str, Fault]] = Counter()
        self._untold: Counter[tuple[str, Fault]] = Counter()
        self._recent: set[tuple[str, Fault]] = set()

    def note(self, portal: str, bad: BadFrame) -> str | None:
        """Count one; return a line for the log, or None while its like was told so lately that `report` will sum it up."""
        key = (portal, bad.fault)
        self._total[key] += 1
        if key in self._recent:
            self._untold[key] += 1
            return None
        self._recent.add(key)
        return f"bad frame dropped portal={portal} kind={bad.fault} bytes={len(bad.raw)}: {bad.detail}"

    def report(self) -> list[str]:
        """Return a line for each kind that came again since the last call (once a minute), and begin anew."""
        lines = [
            f"bad frames dropped portal={portal} kind={fault} count={count} in_all={self._total[portal, fault]}"
            for (portal, fault), count in sorted(self._untold.items())
        ]
        # A kind that goes on stays "recent": its next one waits for the next report.
        self._recent = set(self._untold)
        self._untold.clear()
        return lines

    def total(self, portal: str) -> dict[str, int]:
        """Return how many of each kind a portal has had."""
        return {fault.value: count for (name, fault), count in sorted(self._total.items()) if name == portal}
