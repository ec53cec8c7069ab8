"""The gate process: which part runs on which thread, in what order they start and stop. All logic is elsewhere.

Threads: one for each portal (port → decoder → capture → outbox), one for delivery, one for the duties of the minute;
the main thread waits for the stop signal and feeds the watchdog.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from functools import partial

from config.schema import Site
from gate import status
from gate.capture import Capture
from gate.delivery import Delivery
from gate.settings import GateSettings, Lane, load_lanes
from runtime.booking_http import DeviceHttp
from runtime.clock import Clock
from runtime.outbox import Outbox, OutboxError
from runtime.service import Service
from runtime.signing import SigningKey
from wire.frames import BadFrame, Frame, FrameDecoder
from wire.serial_port import Lost, Opened, PortError, SerialPort
from wire.talk import Talk

_log = logging.getLogger(__name__)
JOIN_SECONDS = 1.5
"""All threads together may take this long to end; a stop takes less than two seconds."""
TRY_SECONDS = 2.0
"""How long a device that hangs in opening may hold up the start."""
PRUNE_EVERY, REPORT_EVERY = timedelta(days=1), timedelta(minutes=1)


def run(settings: GateSettings) -> int:
    """Run until stopped and return the exit code. ConfigError, OutboxError or SigningKeyError when it cannot start."""
    clock = Clock.from_environment()
    site, lanes = load_lanes(settings)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = SigningKey.load_or_create(settings.signing_key)
    keep = timedelta(days=settings.keep_acknowledged_days)
    with (
        Service() as service,
        Outbox(settings.outbox, clock, keep_acknowledged=keep) as outbox,
        closing(DeviceHttp(settings.booking_url, settings.gate, key, clock)) as booking,
    ):
        delivery = Delivery(settings, site, outbox=outbox, key=key, booking=booking, clock=clock)
        return _Gate(settings, site, lanes, outbox=outbox, delivery=delivery, clock=clock, service=service).run()


class _Gate:
    """The threads of one gate."""

    def __init__(
        self,
        settings: GateSettings,
        site: Site,
        lanes: list[Lane],
        *,
        outbox: Outbox,
        delivery: Delivery,
        clock: Clock,
        service: Service,
    ) -> None:
        self._settings, self._clock, self._service = settings, clock, service
        self._lanes = lanes
        self._outbox, self._delivery = outbox, delivery
        self._failed = threading.Event()
        self._changed = threading.Event()
        self._ports = {lane.portal.id: SerialPort(lane.device, lane.description.serial) for lane in lanes}
        self._capture = Capture(
            site.id,
            settings.gate,
            site.timezone,
            outbox,
            clock,
            repeat_quiet=settings.repeat_quiet,
            stop=service.stop,
            on_stored=self._when_stored,
        )
        self._threads = [
            *(self._thread(f"portal-{lane.portal.id}", partial(self._read, lane)) for lane in lanes),
            self._thread("delivery", partial(delivery.run, service.stop, self._changed.set)),
            self._thread("minute", self._duties),
        ]

    def run(self) -> int:
        for thread in self._threads:
            thread.start()
        # Opening a port throws away what came before: whoever waits for "ready" may send from then on.
        for port in self._ports.values():
            port.tried.wait(TRY_SECONDS)
        self._service.ready(f"gate {self._settings.gate}, {len(self._lanes)} portals")
        self._service.wait(lambda: all(thread.is_alive() for thread in self._threads))
        self._stop()
        return 1 if self._failed.is_set() else 0

    def _stop(self) -> None:
        for port in self._ports.values():
            port.stop()
        self._changed.set()
        self._delivery.wake()
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

    def _read(self, lane: Lane) -> None:
        decoder, talk = FrameDecoder(lane.description), Talk(lane.description)
        port = self._ports[lane.portal.id]
        for event in port.listen(talk.tick):
            at = self._capture.instant()
            found: list[Frame | BadFrame] = []
            match event:
                case Opened():
                    self._changed.set()
                case Lost():
                    found = decoder.finish()
                    self._changed.set()
                case bytes():
                    talk.heard(at.monotonic_ns)
                    found = decoder.feed(event)
            answers = [talk.answer(said) for each in found if (said := self._capture.take(lane, each, at)) is not None]
            # One voice at a time: of several frames that came together, the last one is answered.
            content = next((answer for answer in reversed(answers) if answer), b"")
            self._say(port, talk, content or talk.due(self._clock.monotonic_ns()))

    def _say(self, port: SerialPort, talk: Talk, content: bytes) -> None:
        """Send something once the line has been quiet long enough; a device that does not take it is asked again."""
        if not content or self._service.stop.wait(talk.hold(self._clock.monotonic_ns())):
            return
        with suppress(PortError):  # `listen` meets the same fault, tells it and opens the port again
            port.write(content)
        talk.sent(content, self._clock.monotonic_ns())

    def _duties(self) -> None:
        """Write the status when something changed, count and report every minute, and prune once a day."""
        stop = self._service.stop
        prune_at = report_at = self._clock.now()
        while not stop.is_set():
            now = self._clock.now()
            if now >= report_at:
                report_at = now + REPORT_EVERY
                self._capture.report_bad_frames()
                self._delivery.report()
            if now >= prune_at:
                prune_at = now + PRUNE_EVERY
                self._prune(now)
            self._write_status()
            self._changed.wait(status.LONGEST_SECONDS)
            # What belongs together (an event, its acknowledgement) becomes one write.
            stop.wait(status.SETTLE_SECONDS)
            self._changed.clear()
        self._capture.report_bad_frames()
        self._write_status()

    def _prune(self, now: datetime) -> None:
        try:
            _log.info("outbox pruned rows=%d", self._outbox.prune(now))
        except OutboxError as error:
            _log.error("outbox not pruned: %s", error)

    def _write_status(self) -> None:
        last, fault = self._capture.last_frames(), self._capture.fault
        lanes = {
            portal: status.LaneStatus(port.is_open, last.get(portal), self._capture.bad_frames(portal))
            for portal, port in self._ports.items()
        }
        try:
            self._service.status(fault or f"{sum(lane.is_open for lane in lanes.values())}/{len(lanes)} ports open")
            self._service.connected(up=self._delivery.connected)
            report = status.GateStatus(
                written_at=self._clock.now(),
                lanes=lanes,
                outbox=self._outbox.state(),
                set_aside=sum(self._outbox.aside().values()),
                broker_connected=self._delivery.connected,
                joined=self._delivery.joined,
                fault=fault,
            )
            status.write(self._settings.status, report)
        except (OSError, OutboxError) as error:
            _log.warning("status not written file=%s: %s", self._settings.status, error)
