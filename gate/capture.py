"""From frames to committed events, for all portals of a gate: repeats dropped, bad frames counted, nothing lost.

Lines are read on threads of their own; one lock here puts their events in order. While the outbox cannot take an
event (a full disk), the event stays in hand, the lock stays held and so every line stops being read: what the
turnstiles send meanwhile waits in the kernel's buffers. Threads are started in `app`, never here.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from config.schema import Portal
from gate.access_rules import Decision
from gate.bad_frames import BadFrames
from gate.events import access_event, alarm_event, direction_of, lane_of, outgoing, passage_event
from gate.histogram import Histogram
from gate.passages import Passages
from messages.access import AccessOutcome, AlarmEvent, AlarmKind, Credential, Direction, GateEvent, mask
from runtime.clock import Clock
from runtime.outbox import Make, OutboxError, Row
from wire.found import BadFrame
from wire.line_driver import Instant
from wire.meanings import Says
from wire.reads import Alarm, Read, Remark, Said, Walk
from wire.repeats import Repeats

_log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
"""Between tries to store the event in hand."""
ALARM_EVERY = 60
"""Tries between two alarms about the same event."""


class Appends(Protocol):
    """An outbox, as far as capturing needs it."""

    def append(self, make: Make) -> Row:
        """Commit one event; OutboxError when it is not stored."""


class Controls(Protocol):
    """What decides at the portals in control mode (`gate.control.Control`). Called under the capture's lock; returns at once."""

    def decide(self, portal: str, credential: Credential, way: Direction) -> Decision | None:
        """Decide about a read; None where the turnstile decides."""

    def stored(self, event: GateEvent) -> None:
        """Do what follows from an event that is on the disk now."""

    def not_stored(self, event: GateEvent) -> None:
        """Do what must be done although the disk does not take the event."""


class ReportsOnly:
    """No portal of the gate is in control mode."""

    def decide(self, portal: str, credential: Credential, way: Direction) -> None:
        """Decide nothing."""

    def stored(self, event: GateEvent) -> None:
        """Nothing follows."""

    def not_stored(self, event: GateEvent) -> None:
        """Nothing must be done."""


REPORTS_ONLY = ReportsOnly()


class _OtherEpoch(Exception):  # noqa: N818 - private: what happened
    """A new epoch began between a read and the word on it."""


class Capture:
    """Takes what is said on the lines of a gate. `on_stored` is called after each commit and must return at once."""

    def __init__(
        self,
        site: str,
        gate: str,
        zone: ZoneInfo,
        outbox: Appends,
        clock: Clock,
        *,
        repeat_quiet: timedelta,
        stop: threading.Event,
        on_stored: Callable[[], None],
        control: Controls = REPORTS_ONLY,
    ) -> None:
        self._site, self._gate, self._zone = site, gate, zone
        self._outbox = outbox
        self._clock = clock
        self._stop = stop
        self._on_stored = on_stored
        self._control = control
        self._repeats = Repeats(repeat_quiet)
        self._passages = Passages()
        self._epoch: int | None = None
        self._strangers: Counter[str] = Counter()
        self._told_strangers: Counter[str] = Counter()
        self._alarms: dict[tuple[str, AlarmKind], bool] = {}
        self._bad = BadFrames()
        self._last: dict[str, datetime] = {}
        self._good: Counter[str] = Counter()
        self._latency = Histogram()
        self._begun_ns: int | None = None
        """When what is being taken was read; None for what no line said."""
        self._order = threading.Lock()
        self._figures = threading.Lock()
        self.fault = ""
        """Why the event in hand cannot be stored; empty when all is well."""

    def instant(self) -> Instant:
        """Return now, as an event dates itself."""
        clock = self._clock
        return Instant(clock.now().astimezone(self._zone), clock.monotonic_ns(), clock.boot_id)

    def take(self, portal: Portal, said: Said | BadFrame, at: Instant) -> bool:
        """Store what was said unless it is a repeat; count a bad frame. Returns once the event is on the disk.

        True: it may be acknowledged to the device. False: the event could not be stored before the stop.
        """
        if isinstance(said, BadFrame):
            self._drop(portal, said)
            return True
        with self._figures:
            self._good[portal.id] += 1
            if not (isinstance(said, Read) and said.kept):
                self._last[portal.id] = at.wall
        with self._order:
            self._begun_ns = at.monotonic_ns
            match said:
                case Read():
                    return self._take_read(portal, said, at)
                case Walk():
                    return self._take_walk(portal, said, at)
                case Alarm():
                    return self._take_alarm(portal, said, at)
                case Remark():
                    self._strangers[portal.id] += said.says is Says.STRANGER
        return True

    def _take_read(self, portal: Portal, read: Read, at: Instant) -> bool:
        if read.kept:
            return self._take_kept(portal, read, at)
        if self._repeats.is_repeat(read.credential, portal.id, at.monotonic_ns, portal.repeat_quiet):
            return True
        who = f"{read.credential.kind}={mask(read.credential.value)}"
        way = direction_of(portal, read)
        decision = self._control.decide(portal.id, read.credential, way)
        who += f" {decision.outcome} reason={decision.reason}" if decision else ""
        sequence = self._store(portal.id, partial(access_event, portal, read, at, decision), who)
        if sequence is None:
            return False
        if (decision.outcome if decision else read.outcome) is not AccessOutcome.DENIED:
            self._passages.await_word(portal.id, sequence, way, at.monotonic_ns)
        return True

    def _take_kept(self, portal: Portal, read: Read, at: Instant) -> bool:
        """Store what a device kept: no repeat of anything read now, no door to open, no passage that is still to come."""
        who = f"{read.credential.kind}={mask(read.credential.value)} kept"
        return self._store(portal.id, partial(access_event, portal, read, at), who) is not None

    def _take_walk(self, portal: Portal, walk: Walk, at: Instant) -> bool:
        what = "passed" if walk.passed else "not-passed"
        of = self._passages.claim(lane_of(portal), walk.direction, at.monotonic_ns)
        if of is None:
            _log.info("a word on a passage belongs to no read portal=%s %s", portal.id, what)
            return True

        def made(*, epoch: int, sequence: int) -> GateEvent:
            if epoch != self._epoch:
                raise _OtherEpoch
            return passage_event(portal, walk, of, at, epoch=epoch, sequence=sequence)

        try:
            return self._store(portal.id, made, f"{what} of={of}") is not None
        except _OtherEpoch:
            _log.warning("a word on a passage of a closed epoch is dropped portal=%s %s of=%d", portal.id, what, of)
            return True

    def _take_alarm(self, portal: Portal, alarm: Alarm, at: Instant) -> bool:
        """Store an alarm that changed: boards say again and again that it goes on, or that all is well."""
        key = (portal.id, alarm.what)
        if self._alarms.get(key, False) is alarm.active:
            return True
        made = partial(alarm_event, portal, alarm, at)
        if self._store(portal.id, made, f"alarm={alarm.what} active={alarm.active}") is None:
            return False
        self._alarms[key] = alarm.active
        _log.warning("alarm portal=%s what=%s %s", portal.id, alarm.what, "on" if alarm.active else "over")
        return True

    def resume(self, portals: Iterable[Portal], past: Iterable[GateEvent]) -> None:
        """Take up which alarms went on when an earlier process ended: their end is to be told, and not their beginning again."""
        lanes = [(portal.id, lane_of(portal)) for portal in portals]
        for event in past:
            if isinstance(event, AlarmEvent):
                self._alarms |= {(name, event.what): event.active for name, lane in lanes if lane == event.portal}

    def keep(self, portal: str, event_of: Callable[..., GateEvent], what: str) -> bool:
        """Commit an event that no line said: False when stopped before that."""
        with self._order:
            self._begun_ns = None
            return self._store(portal, event_of, what) is not None

    def _note_latency(self) -> None:
        if self._begun_ns is not None:
            with self._figures:
                self._latency.note((self._clock.monotonic_ns() - self._begun_ns) / 1_000_000_000)

    def latency(self) -> tuple[list[tuple[str, float]], float]:
        """Return how long events took from their frame to the disk; see `gate.histogram`."""
        with self._figures:
            return self._latency.cumulative()

    def last_frames(self) -> dict[str, datetime]:
        """Return when each portal last gave a good frame, repeats included."""
        with self._figures:
            return dict(self._last)

    def good_frames(self, portal: str) -> int:
        """Return how many good frames a portal has given since the start, repeats included."""
        with self._figures:
            return self._good[portal]

    def bad_frames(self, portal: str) -> dict[str, int]:
        """Return how many bad frames of each kind a portal has had since the start."""
        with self._figures:
            return self._bad.total(portal)

    def strangers(self, portal: str) -> int:
        """Return how many faces a portal's terminal did not know, or was not sure of, since the start."""
        return self._strangers[portal]

    def report_bad_frames(self) -> None:
        """Log the counts since the last call."""
        with self._figures:
            lines = self._bad.report()
        for line in lines:
            _log.warning("%s", line)
        seen = Counter(self._strangers)
        for portal, count in (seen - self._told_strangers).items():
            _log.info("faces that the terminal did not know portal=%s count=%d in_all=%d", portal, count, seen[portal])
        self._told_strangers = seen

    def _drop(self, portal: Portal, bad: BadFrame) -> None:
        with self._figures:
            line = self._bad.note(portal.id, bad)
        if line:
            _log.warning("%s", line)

    def _store(self, portal: str, event_of: Callable[..., GateEvent], what: str) -> int | None:
        """Commit an event and return its sequence; None when stopped before that. `what` is for the log, masked."""
        made: list[GateEvent] = []

        def make(epoch: int, sequence: int) -> tuple[str, bytes]:
            made[:] = [event_of(epoch=epoch, sequence=sequence)]
            return outgoing(self._site, self._gate, made[0])

        tries = 0
        while True:
            try:
                row = self._outbox.append(make)
            except OutboxError as error:
                self.fault = str(error)
                if tries == 0:
                    for event in made:
                        self._control.not_stored(event)
                if tries % ALARM_EVERY == 0:
                    _log.critical("AN EVENT CANNOT BE STORED, reading has stopped portal=%s: %s", portal, error)
                tries += 1
                if self._stop.wait(RETRY_SECONDS):
                    _log.critical("stopped with an event that could not be stored portal=%s %s", portal, what)
                    return None
            else:
                break
        if self.fault:
            _log.warning("events are stored again, reading goes on")
            self.fault = ""
        self._note_epoch(made[0].epoch)
        self._control.stored(made[0])  # a door that waits goes before everything
        self._note_latency()
        self._on_stored()  # before anything that can wait: the event is on its way while we log it
        _log.info("event stored sequence=%d portal=%s %s", row.sequence, portal, what)
        return row.sequence

    def _note_epoch(self, epoch: int) -> None:
        """Forget the reads of a closed epoch: a word on a passage names the number of its read, and no epoch."""
        if epoch != self._epoch:
            self._epoch, self._passages = epoch, Passages()
