"""How a gate is, put together from its parts: for presence, status file and metrics. Reads and counts; decides nothing.

From any thread.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from gate.status import GateStatus, LaneStatus
from messages import envelope
from messages.errors import MessageError
from messages.presence import GateFigures, OutboxState, PortalFigures
from runtime.clock import Clock
from runtime.outbox import Row
from runtime.uplink import UplinkCounters
from runtime.version import version

MOST_LETTERS = 300
"""Of a sentence that is told to booking."""


class Line(Protocol):
    """A line's driver, as far as it is looked at here."""

    def trouble(self, portal: str) -> str:
        """Return what is wrong with a portal's device now; "" when it is well."""


class Captured(Protocol):
    """What is counted where frames become events."""

    fault: str

    def last_frames(self) -> dict[str, datetime]:
        """Return when each portal last gave a good frame."""

    def good_frames(self, portal: str) -> int:
        """Return how many good frames a portal has given."""

    def bad_frames(self, portal: str) -> dict[str, int]:
        """Return how many bad ones, by kind."""

    def strangers(self, portal: str) -> int:
        """Return how many faces its terminal did not know."""

    def latency(self) -> tuple[list[tuple[str, float]], float]:
        """Return how long events took to the disk."""


class Queue(Protocol):
    """The outbox, as far as it is looked at here."""

    def state(self) -> OutboxState:
        """Return its figures."""

    def aside(self) -> dict[str, int]:
        """Return how many rows are set aside, by reason."""

    def pending(self, *, after: int = 0, limit: int = 20) -> list[Row]:
        """Return the first rows that wait."""


class Way(Protocol):
    """The way out: what of it is told."""

    connected_since: datetime | None
    clock_offset: timedelta | None

    @property
    def control_counts(self) -> Mapping[str, int]:
        """What portals in control mode decided, and what became of lists and commands."""

    @property
    def joined(self) -> bool:
        """Whether booking knows this gate."""

    @property
    def connected(self) -> bool:
        """Whether the broker is connected now."""

    @property
    def connections(self) -> int:
        """How many connections to the broker there have been."""

    @property
    def counters(self) -> UplinkCounters | None:
        """What was sent and answered."""

    def warnings(self) -> dict[str, str]:
        """Return what staff should look at, a sentence by its word."""


class Figures:
    """`portals`: portal → its line."""

    def __init__(self, portals: Mapping[str, Line], captured: Captured, outbox: Queue, way: Way, clock: Clock) -> None:
        self._portals, self._captured, self._outbox, self._clock = portals, captured, outbox, clock
        self.way = way
        self._started_at = clock.now()
        self._lock = threading.Lock()
        self._well: dict[str, bool] = {}
        self._opened: Counter[str] = Counter()
        self._oldest: tuple[int, datetime | None] = (-1, None)

    @property
    def fault(self) -> str:
        """Why events cannot be stored; empty when they can."""
        return self._captured.fault

    def latency(self) -> tuple[list[tuple[str, float]], float]:
        """Return how long events took from their frame to the disk; see `gate.histogram`."""
        return self._captured.latency()

    def look(self) -> None:
        """Notice devices that were opened; called whenever a line says that something changed."""
        with self._lock:
            for portal, line in self._portals.items():
                well = not line.trouble(portal)
                self._opened[portal] += well and not self._well.get(portal, False)
                self._well[portal] = well

    def news(self) -> object:
        """Return what booking is told of at once when it is another than before, not only with the minute."""
        troubles = {portal: line.trouble(portal) for portal, line in self._portals.items()}
        return troubles, self._captured.fault, sum(self._outbox.aside().values()), sorted(self.way.warnings())

    def lanes(self) -> dict[str, LaneStatus]:
        """Return each portal as it is now."""
        last, captured = self._captured.last_frames(), self._captured
        with self._lock:
            opened = dict(self._opened)
        return {
            portal: LaneStatus(
                not (trouble := line.trouble(portal)),
                last.get(portal),
                captured.bad_frames(portal),
                trouble,
                captured.good_frames(portal),
                opened.get(portal, 0),
                captured.strangers(portal),
            )
            for portal, line in self._portals.items()
        }

    def oldest_waiting(self) -> datetime | None:
        """Return when the first event was captured that booking has not acknowledged; None when none waits."""
        state = self._outbox.state()
        if not state.depth:
            return None
        with self._lock:
            if self._oldest[0] == state.watermark:
                return self._oldest[1]
        rows = self._outbox.pending(limit=1)
        found = _time_of(rows[0]) if rows else None
        with self._lock:
            self._oldest = (state.watermark, found)
        return found

    def status(self) -> GateStatus:
        """Return what goes into the status file; OutboxError when the outbox cannot be read."""
        return GateStatus(
            written_at=self._clock.now(),
            lanes=self.lanes(),
            outbox=self._outbox.state(),
            set_aside=sum(self._outbox.aside().values()),
            broker_connected=self.way.connected,
            joined=self.way.joined,
            fault=self._captured.fault,
            warnings=self.way.warnings(),
            version=version(),
            oldest_waiting=self.oldest_waiting(),
            clock_offset_ms=_milliseconds(self.way.clock_offset),
        )

    def said(self) -> GateFigures:
        """Return what goes into a birth; OutboxError when the outbox cannot be read."""
        return GateFigures(
            started_at=self._started_at,
            connected_since=self.way.connected_since or self._clock.now(),
            portals={
                portal: PortalFigures(_told(lane.trouble), lane.good, lane.bad_frames, lane.opened, lane.last_frame)
                for portal, lane in self.lanes().items()
            },
            set_aside=sum(self._outbox.aside().values()),
            oldest_waiting=self.oldest_waiting(),
            fault=_told(self._captured.fault),
        )


def _time_of(row: Row) -> datetime | None:
    try:
        return envelope.decode(row.payload).time
    except MessageError:
        return None


def _told(sentence: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in sentence)[:MOST_LETTERS]


def _milliseconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span / timedelta(milliseconds=1))
