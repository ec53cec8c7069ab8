"""Retained seat maps out: after commits, coalesced, and at the moment when time alone changes one.

Waiting is on one event with the time until the next change as its limit: nothing polls.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from booking.identity import NAME, Identity, Signed
from booking.service.commands import KeepTime
from booking.service.ports import Reads, Writer
from messages import seats
from messages.seats import AreaMap
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown

GATHER = timedelta(milliseconds=20)
"""Before a round: whoever waits for the commit that touched us is answered first, on the one interpreter we share."""
QUIET = timedelta(milliseconds=100)
"""After a round of maps, commits gather this long before the next one."""
LONGEST_WAIT = timedelta(minutes=1)
"""A clock that was set is noticed after this at the latest; so often the time is written down."""
SET_BACK = timedelta(seconds=2)
"""A clock that is behind what it showed before by more than this is not only being corrected."""
_NOW = timedelta()


class Announcer:
    """`touched` and `everything` from any thread; `run` on a thread of its own until `stop`."""

    def __init__(
        self,
        areas: Iterable[str],
        *,
        reads: Reads,
        writer: Writer,
        identity: Identity,
        clock: Clock,
        publish: Callable[[Signed], object],
    ) -> None:
        self._areas = tuple(areas)
        self._reads = reads
        self._writer = writer
        self._identity = identity
        self._clock = clock
        self._publish = publish
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._pending: set[str] = set()
        self._forced: set[str] = set()
        self._last: dict[str, AreaMap] = {}
        self._next_change: dict[str, datetime | None] = {}
        self._latest = clock.now()
        self._kept: datetime | None = None

    def touched(self, areas: frozenset[str]) -> None:
        """Note that a commit changed these areas; never waits."""
        if areas:
            with self._lock:
                self._pending |= areas
            self._wake.set()

    def everything(self) -> None:
        """Announce every map again: the broker may have lost what it held."""
        with self._lock:
            self._forced |= set(self._areas)
        self._wake.set()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Announce until `stop`."""
        while not self._stopping.is_set():
            self._wake.wait(self._clock.seconds(self._time_to_next_change()))
            if self._stopping.wait(GATHER.total_seconds()):
                return
            self._wake.clear()
            self.announce()
            self._stopping.wait(QUIET.total_seconds())

    def _time_to_next_change(self) -> timedelta:
        changes = [change for change in self._next_change.values() if change is not None]
        return min(LONGEST_WAIT, max(min(changes, default=datetime.max.replace(tzinfo=UTC)) - self._clock.now(), _NOW))

    def announce(self) -> None:
        """Publish what was touched or forced, and what time has changed since it was last published."""
        now = self._clock.now()
        self._keep_time(now)
        with self._lock:
            forced, self._forced = self._forced, set()
            pending, self._pending = self._pending, set()
        for area in self._areas:
            due = self._next_change.get(area)
            if area in forced or area in pending or (due is not None and due <= now):
                self._announce(area, now, forced=area in forced)

    def _keep_time(self, now: datetime) -> None:
        """Have the time written down now and then; and at once when it went back, for maps are numbered by it."""
        set_back = now < self._latest - SET_BACK
        if set_back or self._kept is None or now >= self._kept + LONGEST_WAIT:
            self._writer.submit([KeepTime(at=self._latest), KeepTime(at=now)] if set_back else [KeepTime(at=now)])
            self._kept = self._latest = now
        self._latest = max(self._latest, now)

    def _announce(self, area: str, now: datetime, *, forced: bool) -> None:
        self._next_change[area] = self._reads.next_change(area, now)
        area_map = self._reads.area_map(area, now)
        if area_map is not None and (forced or area_map.newer_than(self._last.get(area))):
            self._send(area_map)

    def _send(self, area_map: AreaMap) -> None:
        topic = build(self._identity.site, Family.AREAS, area_map.area, Leaf.SEATS)
        payload = seats.encode(self._identity.site, NAME, area_map)
        try:
            self._publish(self._identity.signed(topic, payload))
        except LinkDown:
            return  # `everything` follows the next connection
        self._last[area_map.area] = area_map
