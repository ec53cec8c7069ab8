"""Which reads only repeat the last one: a card that rests on a reader is sent again many times a second. Pure.

The rule: a read is a repeat when the last read of that credential at this gate was on the same portal and less than
`quiet` ago (the gate's, or the portal's own). The window slides, so a card may rest for minutes; a read on another portal ends it, so in, out, in
across two portals are three reads however quick they are.
"""

from datetime import timedelta

from messages.access import Credential

_PRUNE_ABOVE = 256
"""Far more credentials than one gate reads within any sensible `quiet`."""


class Repeats:
    """Remembers, for one gate, where and when each credential was last read. One thread at a time."""

    def __init__(self, quiet: timedelta) -> None:
        self._quiet_ns = round(quiet.total_seconds() * 1_000_000_000)
        self._longest_ns = self._quiet_ns
        self._last: dict[Credential, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._last)

    def is_repeat(self, credential: Credential, portal: str, monotonic_ns: int, quiet: timedelta | None = None) -> bool:
        """Say whether this read repeats the last one, and remember it either way. `quiet`: the portal's own."""
        quiet_ns = self._quiet_ns if quiet is None else round(quiet.total_seconds() * 1_000_000_000)
        self._longest_ns = max(self._longest_ns, quiet_ns)
        last = self._last.get(credential)
        self._last[credential] = (portal, monotonic_ns)
        if len(self._last) > _PRUNE_ABOVE:
            self._prune(monotonic_ns)
        return last is not None and last[0] == portal and monotonic_ns - last[1] < quiet_ns

    def _prune(self, now_ns: int) -> None:
        self._last = {who: read for who, read in self._last.items() if now_ns - read[1] < self._longest_ns}
