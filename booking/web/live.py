"""Live seat maps: one feed per watched area, encoded once per change, at most two frames a second.

A map's version is its stored number (booking.store.numbering), so a browser that comes back, here or at another process,
names what it has seen: it gets nothing, the newest change, or the whole. Nothing is queued per viewer: who has not taken in
what was sent before misses the frames in between and then gets the newest state (latest wins).

The hub belongs to the event loop; only `touched` and `close` may be called from another thread. What a viewer's
connection is, it does not know beyond `Wire`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import msgspec

from booking.service.ports import Reads
from booking.service.views import LiveArea
from runtime.clock import Clock

GATHER = timedelta(milliseconds=50)
"""After a commit: whoever waits for it is answered first, and what follows within this becomes part of the same frame."""
GATHERED = timedelta(milliseconds=250)
"""Where one commit follows another all the time, a frame waits no longer than this."""
QUIET = timedelta(milliseconds=500)
"""The least time between two frames of an area (2 Hz)."""
KEEP_ALIVE = timedelta(seconds=15)
"""A comment is sent after this much silence, so that proxies keep the stream and a dead viewer is noticed."""
STUCK = timedelta(minutes=1)
"""A viewer that has taken nothing in for so long is cut off; a browser that lives comes back by itself."""
AT_ONCE = 500
"""After so many viewers the loop may do other work: a frame for thousands must not hold up a booking."""
REMEMBERED = 64
"""Numbers that stand for the state at hand: commits that changed nothing to be seen."""
_COMMENT = b"10\r\n: still here...\n\r\n"
_END = b"0\r\n\r\n"
_JSON = msgspec.json.Encoder()
_log = logging.getLogger(__name__)


class Wire(Protocol):
    """Where a viewer's bytes go; an asyncio.Transport is one."""

    def write(self, data: bytes) -> None:
        """Send, or keep for sending; never waits."""

    def is_closing(self) -> bool:
        """Whether it is closed or about to be; its viewer is on the way out."""

    def get_write_buffer_size(self) -> int:
        """How many bytes wait because the other side does not take them in."""

    def close(self) -> None:
        """Send what waits, then close."""

    def abort(self) -> None:
        """Close now."""


@dataclass(slots=True, eq=False)
class Viewer:
    """One open stream. `seen` counts the states of its feed."""

    wire: Wire
    seen: int = -1
    behind_since: float | None = None


@dataclass(slots=True)
class _Feed:
    """The newest state of one area, its encoded frames, and who watches."""

    area: str
    count: int = 0
    """How many states there were; -1 stands for one that is not known."""
    state: LiveArea | None = None
    version: str = ""
    now: dict[str, None] = field(default_factory=dict)
    """The versions that look like this state."""
    before: dict[str, None] = field(default_factory=dict)
    """Those that looked like the one before, from which `delta` leads here."""
    delta: bytes = b""
    snapshot: bytes = b""
    viewers: set[Viewer] = field(default_factory=set)
    late: set[Viewer] = field(default_factory=set)
    touched: asyncio.Event = field(default_factory=asyncio.Event)
    spoke: float = 0.0
    quiet_until: float = 0.0
    task: asyncio.Task[None] | None = None


class LiveHub:
    """Fans out seat maps to browsers. `open` on the loop, `touched` from any thread, `close` ends every stream."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._feeds: dict[str, _Feed] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def open(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()

    def touched(self, areas: frozenset[str]) -> None:
        """Note that a commit changed these areas (any thread, e.g. the writer's)."""
        if areas and self._loop is not None and not self._closed:
            with contextlib.suppress(RuntimeError):  # the loop closed between the two lines
                self._loop.call_soon_threadsafe(self._touch, areas)

    def close(self) -> None:
        """End every stream now (any thread, or a signal handler)."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_all)

    @property
    def watchers(self) -> int:
        """How many streams are open."""
        return sum(len(feed.viewers) for feed in self._feeds.values())

    @property
    def late(self) -> int:
        """How many of them have not taken in what was sent."""
        return sum(len(feed.late) for feed in self._feeds.values())

    def version(self, area: str) -> str:
        """Return the version that a page drawn from now on shows at least: what its stream sends beyond it is news."""
        feed = self._feeds.get(area)
        if feed is not None and feed.viewers:
            return feed.version
        found = self._reads.area_map(area, self._clock.now())
        return "" if found is None else f"{found.generation}-{found.n}"

    @contextmanager
    def watching(self, area: str, wire: Wire, seen: str | None) -> Iterator[None]:
        """Send an area's states over `wire` as long as the block lasts, first what is new beyond the version `seen`."""
        feed = self._feeds.setdefault(area, _Feed(area))
        viewer = Viewer(wire)
        if not feed.viewers:
            self._take(feed, self._reads.live_area(area, self._clock.now()))
        if feed.task is None and not self._closed:
            feed.spoke = time.monotonic()
            feed.task = asyncio.create_task(self._follow(feed))
        viewer.seen = feed.count if seen in feed.now else feed.count - 1 if seen in feed.before else -1
        feed.viewers.add(viewer)
        try:
            if self._closed:
                _end(viewer)
            else:
                self._send(feed, viewer)
            yield
        finally:
            feed.viewers.discard(viewer)
            feed.late.discard(viewer)
            if not feed.viewers and feed.task is not None:
                feed.task.cancel()  # the feed itself stays: it knows what its newest change leads from
                feed.task = None

    def _touch(self, areas: frozenset[str]) -> None:
        for area in areas:
            feed = self._feeds.get(area)
            if feed is not None:
                feed.touched.set()

    def _end_all(self) -> None:
        for feed in self._feeds.values():
            feed.touched.set()
            for viewer in feed.viewers:
                _end(viewer)

    async def _follow(self, feed: _Feed) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(feed.touched.wait(), self._patience(feed))
            if self._closed:
                return
            if feed.touched.is_set() or self._due(feed):
                await asyncio.sleep(max(0.0, feed.quiet_until - time.monotonic()))
                await self._gather(feed)
                await self._renew(feed)
            self._catch_up(feed)
            if time.monotonic() - feed.spoke >= KEEP_ALIVE.total_seconds():
                await self._broadcast(feed, _COMMENT)

    async def _gather(self, feed: _Feed) -> None:
        """Wait until no commit follows: what misses a frame by a moment would be half a second late."""
        until = time.monotonic() + GATHERED.total_seconds()
        while (left := min(GATHER.total_seconds(), until - time.monotonic())) > 0:
            feed.touched.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(feed.touched.wait(), left)
            if not feed.touched.is_set() or self._closed:
                return

    async def _renew(self, feed: _Feed) -> None:
        """Read the state of now; send it where it is another."""
        feed.touched.clear()
        feed.quiet_until = time.monotonic() + QUIET.total_seconds()
        try:
            state = await asyncio.to_thread(self._reads.live_area, feed.area, self._clock.now())
        except Exception:  # noqa: BLE001 - the database is away: the viewers keep what they have until it is back
            _log.warning("live map not read area=%s", feed.area, exc_info=True)
            feed.touched.set()
        else:
            if self._take(feed, state):
                await self._broadcast(feed)

    def _patience(self, feed: _Feed) -> float:
        """Return for how many seconds nothing is to be done in a feed that no commit touches."""
        until_due = KEEP_ALIVE if feed.state is None else feed.state.next_change - self._clock.now()
        silence = feed.spoke + KEEP_ALIVE.total_seconds() - time.monotonic()
        return max(0.0, min(self._clock.seconds(until_due), silence, QUIET.total_seconds() if feed.late else silence))

    def _due(self, feed: _Feed) -> bool:
        return feed.state is not None and feed.state.next_change <= self._clock.now()

    def _take(self, feed: _Feed, state: LiveArea | None) -> bool:
        """Make `state` the newest and encode it, once for all viewers; False when it looks like the one before."""
        if state is None:
            return False
        before, version = feed.state, f"{state.map.generation}-{state.map.n}"
        counted_anew = before is not None and before.map.generation != state.map.generation
        news = _news(before, state)
        if before is not None and not counted_anew and not news and _same_totals(before, state):
            feed.state, feed.version = state, version
            feed.now[version] = None
            if len(feed.now) > REMEMBERED:
                del feed.now[next(iter(feed.now))]
            return False
        feed.state, feed.version = state, version
        feed.before, feed.now = ({} if counted_anew else feed.now), {version: None}
        feed.count += 2 if counted_anew else 1
        feed.delta = _frame("change", version, state, news)
        feed.snapshot = b""
        return True

    async def _broadcast(self, feed: _Feed, comment: bytes | None = None) -> None:
        """Send the newest state, or a comment, to all."""
        feed.spoke = time.monotonic()
        for number, viewer in enumerate(list(feed.viewers)):
            if comment is None:
                self._send(feed, viewer)
            elif not viewer.wire.is_closing() and not viewer.wire.get_write_buffer_size():
                viewer.wire.write(comment)
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)

    def _send(self, feed: _Feed, viewer: Viewer) -> None:
        """Send what a viewer lacks, unless it still has something to take in."""
        if viewer.seen == feed.count or viewer.wire.is_closing():
            return
        if viewer.wire.get_write_buffer_size():
            if viewer.behind_since is None:
                viewer.behind_since = time.monotonic()
                feed.late.add(viewer)
            return
        if viewer.behind_since is not None:
            viewer.behind_since = None
            feed.late.discard(viewer)
        if viewer.seen == feed.count - 1:
            viewer.wire.write(feed.delta)
        else:
            viewer.wire.write(self._snapshot(feed))
        viewer.seen = feed.count

    def _catch_up(self, feed: _Feed) -> None:
        """Look after those who were behind: send the newest state, or give them up."""
        given_up = time.monotonic() - STUCK.total_seconds()
        for viewer in list(feed.late):
            self._send(feed, viewer)
            if viewer.behind_since is not None and viewer.behind_since < given_up:
                viewer.wire.abort()

    def _snapshot(self, feed: _Feed) -> bytes:
        if not feed.snapshot and feed.state is not None:
            feed.snapshot = _frame("snapshot", feed.version, feed.state, list(feed.state.held))
        return feed.snapshot


def _end(viewer: Viewer) -> None:
    if viewer.wire.is_closing():
        return
    if viewer.wire.get_write_buffer_size():
        viewer.wire.abort()  # it would wait for one who does not read
    else:
        viewer.wire.write(_END)
        viewer.wire.close()


def _news(before: LiveArea | None, after: LiveArea) -> list[str]:
    """Return the seats that look different, to whatever wish."""
    if before is None:
        return list(after.held)
    was = {seat.seat: seat for seat in before.map.seats}
    now = {seat.seat: seat for seat in after.map.seats}
    return [seat for seat, held in after.held.items() if before.held.get(seat) != held or was.get(seat) != now[seat]]


def _same_totals(before: LiveArea, after: LiveArea) -> bool:
    return (before.map.free, before.levels) == (after.map.free, after.levels)


def _frame(event: str, version: str, state: LiveArea, seats: list[str]) -> bytes:
    """Return one server-sent event as a chunk of an HTTP/1.1 body, ready for the wire of every viewer."""
    now = {seat.seat: seat for seat in state.map.seats}
    body: dict[str, object] = {
        "area": state.map.area,
        "version": version,
        "at": state.map.at,
        "total": state.map.total,
        "free": state.map.free,
        "seats": [
            {"seat": seat, "status": now[seat].status, "until": now[seat].until, "held": state.held[seat]}
            for seat in seats
        ],
    }
    if state.levels:
        body["levels"] = state.levels
    frame = b"id: %s\nevent: %s\ndata: %s\n\n" % (version.encode(), event.encode(), _JSON.encode(body))
    return b"%x\r\n%s\r\n" % (len(frame), frame)
