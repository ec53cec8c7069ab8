"""The gate process: which part runs on which thread, in what order they start and stop. All logic is elsewhere.

Threads: one for each line (port → driver → capture → outbox), one for delivery, one for lists and commands, one for the duties
of the minute;
the main thread waits for the stop signal and feeds the watchdog.
"""

import importlib
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from config.schema import Portal, Site
from gate import status
from gate.capture import Capture
from gate.control import Control
from gate.delivery import Delivery
from gate.doors import Doors
from gate.duty_times import DutyTimes
from gate.enrolment import load_joined
from gate.figures import Figures
from gate.history import past
from gate.settings import GateSettings, drivers, load_lanes
from runtime.booking_http import DeviceHttp
from runtime.clock import Clock, SteadyClock
from runtime.outbox import Outbox, OutboxError
from runtime.service import Service
from runtime.signing import SigningKey
from wire.found import BadFrame
from wire.line_driver import Driver, Instant
from wire.reads import Said

_log = logging.getLogger(__name__)
SHORTEST_SECONDS = 0.2
"""Between two rounds of duties of a gate whose clock goes faster than time (`seatgate run --speed`)."""
JOIN_SECONDS = 1.5
"""All threads together may take this long to end; a stop takes less than two seconds."""
TRY_SECONDS = 2.0
"""How long a device that hangs in opening may hold up the start."""


def run(settings: GateSettings) -> int:
    """Run until stopped and return the exit code. ConfigError, OutboxError or SigningKeyError when it cannot start."""
    clock = Clock.from_environment()
    site, lanes = load_lanes(settings)
    lines = drivers(settings, lanes)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = SigningKey.load_or_create(settings.signing_key)
    keep = timedelta(days=settings.keep_acknowledged_days)
    with (
        Service() as service,
        Outbox(settings.outbox, clock, keep_acknowledged=keep) as outbox,
        closing(DeviceHttp(settings.booking_url, settings.gate, key, clock)) as booking,
    ):
        portals = [portal for _, portals in lines for portal in portals]
        driver_of = {portal.id: driver for driver, sharing in lines for portal in sharing}
        doors = Doors(driver_of, portals, clock)
        control = Control(settings, site, portals, SteadyClock.from_environment(), doors)
        delivery = Delivery(settings, site, outbox=outbox, key=key, booking=booking, clock=clock, control=control)
        gate = _Gate(
            settings, site, lines, outbox=outbox, delivery=delivery, clock=clock, service=service, control=control
        )
        joined = load_joined(settings.enrolment)
        seen = list(past(site.id, settings.gate, outbox)) if control.deciding else []
        control.begin(joined.key if joined else None, outbox.epoch, seen, gate.capture)
        gate.capture.resume(portals, seen)
        return gate.run(booking.access_list_key)


class _House:
    """The gate, as its lines see it; see `wire.line_driver.House`."""

    def __init__(self, capture: Capture, portals: dict[str, Portal], changed: threading.Event, memory: Path) -> None:
        self._capture, self._portals, self._changed = capture, portals, changed
        self.memory = memory
        self.instant = capture.instant

    def take(self, portal: str, said: Said | BadFrame, at: Instant) -> bool:
        return self._capture.take(self._portals[portal], said, at)

    def changed(self) -> None:
        self._changed.set()


class _Gate:
    """The threads of one gate."""

    def __init__(
        self,
        settings: GateSettings,
        site: Site,
        lines: list[tuple[Driver, list[Portal]]],
        *,
        outbox: Outbox,
        delivery: Delivery,
        clock: Clock,
        service: Service,
        control: Control,
    ) -> None:
        self._settings, self._clock, self._service = settings, clock, service
        self._lines = [driver for driver, _ in lines]
        self._driver_of = {portal.id: driver for driver, portals in lines for portal in portals}
        self._outbox, self._delivery = outbox, delivery
        self._failed = threading.Event()
        self._changed = threading.Event()
        self._control = control
        control.on_change = self._changed.set
        self.capture = Capture(
            site.id,
            settings.gate,
            site.timezone,
            outbox,
            clock,
            repeat_quiet=settings.repeat_quiet,
            stop=service.stop,
            on_stored=self._when_stored,
            control=control,
        )
        self._figures = Figures(self._driver_of, self.capture, outbox, delivery, clock)
        delivery.figures = self._figures.said
        house = _House(
            self.capture,
            {portal.id: portal for _, portals in lines for portal in portals},
            self._changed,
            settings.data,
        )
        self._threads = [
            *(self._thread(f"line-{portals[0].id}", partial(driver.run, house)) for driver, portals in lines),
            self._thread("delivery", partial(delivery.run, service.stop, self._changed.set)),
            self._thread("control", partial(control.run, service.stop)),
            self._thread("minute", self._duties),
        ]

    def run(self, access_list_key: Callable[[], bytes | None]) -> int:
        if self._control.deciding:
            fetch = partial(self._control.lists.fetch_key, access_list_key, self._service.stop)
            self._threads.append(self._thread("access-list-key", fetch))
        for thread in self._threads:
            thread.start()
        if self._settings.metrics_port:
            importlib.import_module("gate.metrics").serve(
                self._settings.gate, self._figures, self._settings.metrics_port
            )
        # Opening a port throws away what came before: whoever waits for "ready" may send from then on.
        for line in self._lines:
            line.tried.wait(TRY_SECONDS)
        self._service.ready(f"gate {self._settings.gate}, {len(self._driver_of)} portals")
        self._service.wait(lambda: all(thread.is_alive() for thread in self._threads))
        self._stop()
        return 1 if self._failed.is_set() else 0

    def _stop(self) -> None:
        for line in self._lines:
            line.stop()
        self._changed.set()
        self._delivery.wake()
        self._control.wake()
        deadline = self._clock.monotonic_ns() + round(JOIN_SECONDS * 1_000_000_000)
        for thread in self._threads:
            thread.join(max(0.0, (deadline - self._clock.monotonic_ns()) / 1_000_000_000))
            if thread.is_alive():
                _log.warning("thread did not end in time name=%s", thread.name)

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Return a thread whose end by a fault ends the process: a gate that is half alive looks well and loses events."""

        def guarded() -> None:
            try:
                work()
            except Exception:  # noqa: BLE001 - whatever it is, the supervisor starts the gate afresh
                _log.critical("thread failed, the gate stops to be started afresh name=%s", name, exc_info=True)
                self._failed.set()
                self._service.stop.set()

        return threading.Thread(target=guarded, name=name, daemon=True)

    def _when_stored(self) -> None:
        self._delivery.send_stored()
        self._changed.set()

    def _duties(self) -> None:
        """Write the status when something changed, count and report every minute, and prune once a day."""
        stop = self._service.stop
        times = DutyTimes(self._clock.now(), self._elapsed())
        told: object = None
        while not stop.is_set():
            now = self._clock.now()
            self._figures.look()
            if times.report_due(self._elapsed(), news=self._has_news(told)):
                told = self._news()
                self.capture.report_bad_frames()
                self._delivery.report()
            if times.prune_due(now, self._elapsed()):
                self._prune(now)
            self._write_status()
            self._changed.wait(max(status.LONGEST_SECONDS / self._clock.rate, SHORTEST_SECONDS))
            # What belongs together (an event, its acknowledgement) becomes one write.
            stop.wait(max(status.SETTLE_SECONDS / self._clock.rate, SHORTEST_SECONDS))
            self._changed.clear()
        self.capture.report_bad_frames()
        self._write_status()

    def _elapsed(self) -> timedelta:
        """Return the time that has gone by, as fast as the wall clock is to go (`seatgate run --speed`)."""
        return timedelta(microseconds=self._clock.monotonic_ns() // 1000) * self._clock.rate

    def _news(self) -> object:
        try:
            return self._figures.news()
        except OutboxError:
            return None

    def _has_news(self, told: object) -> bool:
        return told is not None and self._news() != told

    def _prune(self, now: datetime) -> None:
        try:
            _log.info("outbox pruned rows=%d", self._outbox.prune(now))
        except OutboxError as error:
            _log.error("outbox not pruned: %s", error)

    def _write_status(self) -> None:
        try:
            self._service.connected(up=self._delivery.connected)
            report = self._figures.status()
            is_open = sum(lane.is_open for lane in report.lanes.values())
            self._service.status(report.fault or f"{is_open}/{len(report.lanes)} ports open")
            status.write(self._settings.status, report)
        except (OSError, OutboxError) as error:
            _log.warning("status not written file=%s: %s", self._settings.status, error)
