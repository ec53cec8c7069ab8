"""Live seat maps: one feed per watched area, encoded once per change, at most two frames a second.

A client that reads too slowly misses the frames in between and gets the newest state (latest wins): nothing is
queued per client. The hub belongs to the event loop; only `touched` may be called from another thread.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from booking.service.ports import Reads
from messages.seats import AreaMap, SeatState
from runtime.clock import Clock

QUIET = timedelta(milliseconds=500)
"""The least time between two frames of an area (2 Hz)."""
KEEP_ALIVE = timedelta(seconds=15)
"""A comment is sent after this much silence, so that proxies keep the stream and a dead client is noticed."""
LONGEST_WAIT = timedelta(minutes=5)
"""Time alone changes a map at known moments; a clock step is noticed after this at the latest."""
_JSON = msgspec.json.Encoder()


@dataclass(slots=True)
class _Feed:
    """The newest state of one area and its encoded frames."""

    area: str
    n: int = 0
    map: AreaMap | None = None
    snapshot: bytes = b""
    delta: bytes = b""
    """What leads from version n-1 to n."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    touched: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: int = 0
    task: asyncio.Task[None] | None = None


class LiveHub:
    """Fans out seat maps to browsers. `open` on the loop, `touched` from any thread, `close` ends every stream."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._feeds: dict[str, _Feed] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._generation = secrets.randbelow(2**31)
        self._closed = False

    def open(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()

    def touched(self, areas: frozenset[str]) -> None:
        """Note that a commit changed these areas (any thread, e.g. the writer's)."""
        if self._loop is not None and not self._closed:
            self._loop.call_soon_threadsafe(self._touch, areas)

    def close(self) -> None:
        """End every stream now (any thread, or a signal handler)."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for feed in self._feeds.values():
            feed.changed.set()
            feed.touched.set()

    @property
    def watchers(self) -> int:
        """How many streams are open."""
        return sum(feed.watchers for feed in self._feeds.values())

    def version(self, area: str) -> str:
        """Return the version that a page drawn from now on shows at least: what its stream sends beyond it is news."""
        return self._version(self._feeds.get(area) or _Feed(area))

    def _touch(self, areas: frozenset[str]) -> None:
        for area in areas:
            feed = self._feeds.get(area)
            if feed is not None:
                feed.touched.set()

    async def stream(self, area: str, last_id: str | None) -> AsyncIterator[bytes]:
        """Yield server-sent events for an area: a snapshot, or nothing when `last_id` is the newest; then changes."""
        feed = self._watch(area)
        seen = feed.n if last_id == self._version(feed) else -2
        try:
            while not self._closed:
                if seen != feed.n:
                    frame = feed.delta if feed.delta and seen == feed.n - 1 else feed.snapshot
                    seen = feed.n
                    yield frame
                    continue
                try:
                    await asyncio.wait_for(feed.changed.wait(), KEEP_ALIVE.total_seconds())
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._leave(feed)

    def _watch(self, area: str) -> _Feed:
        feed = self._feeds.setdefault(area, _Feed(area))
        feed.watchers += 1
        if feed.task is None:
            self._refresh(feed)
            feed.task = asyncio.create_task(self._follow(feed))
        return feed

    def _leave(self, feed: _Feed) -> None:
        feed.watchers -= 1
        if feed.watchers == 0 and feed.task is not None:
            # the feed itself stays: its count goes on, so that an old Last-Event-ID never names a new state
            feed.task.cancel()
            feed.task = None

    async def _follow(self, feed: _Feed) -> None:
        while not self._closed:
            now = self._clock.now()
            due = self._reads.next_change(feed.area, now)
            wait = LONGEST_WAIT if due is None else max(QUIET, min(LONGEST_WAIT, due - now))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(feed.touched.wait(), wait.total_seconds())
            feed.touched.clear()
            self._refresh(feed)
            await asyncio.sleep(QUIET.total_seconds())  # commits in between become one frame

    def _refresh(self, feed: _Feed) -> None:
        area_map = self._reads.area_map(feed.area, self._clock.now())
        if area_map is None:
            return
        changes = _changes(feed.map, area_map)
        if feed.map is not None and not changes:
            return
        feed.n += 1
        feed.delta = b"" if feed.map is None else self._frame(feed, b"change", area_map, changes)
        feed.snapshot = self._frame(feed, b"snapshot", area_map, area_map.seats)
        feed.map = area_map
        waiting, feed.changed = feed.changed, asyncio.Event()
        waiting.set()

    def _version(self, feed: _Feed) -> str:
        return f"{self._generation}-{feed.n}"

    def _frame(self, feed: _Feed, event: bytes, area_map: AreaMap, seats: list[SeatState]) -> bytes:
        version = self._version(feed)
        body = _JSON.encode(
            {
                "area": area_map.area,
                "version": version,
                "at": area_map.at,
                "total": area_map.total,
                "free": area_map.free,
                "seats": [{"seat": seat.seat, "status": seat.status, "until": seat.until} for seat in seats],
            }
        )
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (version.encode(), event, body)


def _changes(before: AreaMap | None, after: AreaMap) -> list[SeatState]:
    known = {} if before is None else {seat.seat: (seat.status, seat.until) for seat in before.seats}
    return [seat for seat in after.seats if known.get(seat.seat) != (seat.status, seat.until)]
