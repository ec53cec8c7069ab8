"""Wiring of one kiosk: the only module that knows all of its parts, and the loop that draws.

The main thread draws and waits: for a tap, for an input from another thread, or for the next second. Four threads
feed it: the MQTT link, the scanner's reader, the effects' worker, the membership; a fifth ends the wait on a stop.
"""

import logging
import queue
import threading
from datetime import timedelta
from functools import partial

from display import qr
from display.layout import target_at
from display.painter import Painter
from display.scene import Scene
from display.theme import THEMES
from display.window import Window
from kiosk import flow
from kiosk import settings as kiosk_settings
from kiosk.booking_client import BookingClient
from kiosk.card_reader import CardReader, driver_of
from kiosk.code_clock import CodeClock
from kiosk.effects import Effects
from kiosk.enrolled import Enrolled
from kiosk.feed import Feed
from kiosk.inputs import Effect, Failed, Input, Tapped, Tick
from kiosk.membership import Membership
from kiosk.rights import rights_of
from kiosk.scan_link import ScanLink
from kiosk.screens import curtain, every
from kiosk.screens.sheet import View
from kiosk.settings import KioskSettings
from kiosk.state import Language, State
from kiosk.words import words_in
from messages.topics import Family
from runtime.booking_http import DeviceHttp
from runtime.clock import Clock
from runtime.mqtt import MqttLink
from runtime.presence import Announcer
from runtime.rights import Rights
from runtime.service import Service
from runtime.signing import SigningKey
from runtime.version import version

_log = logging.getLogger(__name__)
MAX_INPUTS = 1024
FAILURES_IN_A_ROW = 3
"""After so many pictures that could not be drawn the process gives up, and systemd starts a new one."""
STOP_SECONDS = 0.5
SHORTEST_SECONDS = 0.2
"""Between two pictures of a kiosk whose clock goes faster than time (`seatgate run --speed`)."""


class Kiosk:
    """One kiosk from start to stop. Made on the main thread, which also runs it."""

    def __init__(self, settings: KioskSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._place, _ = kiosk_settings.place(settings)
        self._inputs: queue.Queue[Input] = queue.Queue(MAX_INPUTS)
        key = SigningKey.load_or_create(settings.key_file)
        self._http = DeviceHttp(settings.booking_url, settings.kiosk, key, clock)
        client = BookingClient(self._http, settings.kiosk, settings.enrolment_file, settings.enrolment_code_file)
        self._rights: Rights | None = None
        self._announcer = Announcer(
            self._place.site, Family.KIOSKS, settings.kiosk, version(), clock, key, warnings=self._warnings
        )
        screen = settings.screen
        self._window = Window(screen.width, screen.height, windowed=screen.windowed, offscreen=screen.offscreen)
        self._painter = Painter(self._window.surface)
        self._scene: Scene | None = None
        self._scan = ScanLink(settings.camera, self.put)
        cards = driver_of(settings.card, settings.site.parent)
        self._cards = CardReader(cards, settings.data, clock, self.put) if cards else None
        self._effects = Effects(client, self._scan, self._picture, self.put)
        self._membership = Membership(client, lambda: self._http.clock_offset, self.put, self._on_enrolled)
        self._link: MqttLink | None = None
        self._state = State(
            now=clock.now(),
            code=CodeClock(self._place.public_url),
            patience=settings.waits(),
            monotonic=self._seconds(),
            touched_at=self._seconds(),
            always_watching=settings.watch_when_idle,
            reads_cards=self._cards is not None,
        )
        self._words = {language: words_in(language, self._place.zone) for language in Language}
        self._wanted: list[Effect] = []
        self._failures = 0

    def put(self, event: Input) -> None:
        """Take an input from any thread; when the drawing thread is far behind, the newest is dropped."""
        try:
            self._inputs.put_nowait(event)
        except queue.Full:
            _log.error("input dropped: %d wait already", MAX_INPUTS)
        self._window.wake()

    def run(self, service: Service) -> None:
        """Draw until `service.stop`."""
        stop = service.stop
        self._membership.start()
        if self._settings.watch_when_idle:
            self._scan.watch()
        threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (
                ("scanner", partial(self._scan.run, stop)),
                ("effects", partial(self._effects.work, stop)),
                ("membership", partial(self._membership.run, stop)),
                ("stop", partial(self._wake_on, stop)),
                *([("cards", partial(self._cards.run, stop))] if self._cards else []),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            self._turn([])
            service.ready(f"kiosk {self._place.kiosk} draws {self._window.canvas.w} x {self._window.canvas.h} units")
            told = False
            while not stop.is_set() and not self._window.closed:
                taps = self._window.wait(self._until_next_second())
                self._turn(taps)
                if self._state.maps.live != told:
                    told = self._state.maps.live
                    service.connected(up=told)
                if service.watchdog_interval is not None:
                    service.watchdog()
        finally:
            stop.set()
            self._close(threads)

    def _close(self, threads: list[threading.Thread]) -> None:
        self._scan.close()
        if self._cards is not None:
            self._cards.close()
        self._effects.close()
        if self._link is not None:
            self._link.stop()
        for thread in threads:
            thread.join(STOP_SECONDS)
        self._http.close()
        self._window.close()

    def _turn(self, taps: list[tuple[int, int]]) -> None:
        """Take in what has happened and bring the picture up to it. Whatever fails here leads to the failsafe screen."""
        try:
            self._step(Tick(self._clock.now(), self._seconds()))
            for tap in taps:
                self._step(Tapped(target_at(self._scene.targets if self._scene else (), tap)))
            while not self._inputs.empty():
                self._step(self._inputs.get_nowait())
            self._draw()
            self._run_effects()
            self._failures = 0
        except Exception:
            self._failures += 1
            _log.exception("a screen failed times=%d", self._failures)
            if self._failures >= FAILURES_IN_A_ROW:
                raise
            self.put(Failed())

    def _step(self, event: Input) -> None:
        self._state, effects = flow.step(self._state, event)
        self._wanted += effects

    def _run_effects(self) -> None:
        """Run what the flow asked for, after drawing: a picture for staff shows what is on the screen now."""
        while self._wanted:
            self._effects.run(self._wanted.pop(0))

    def _draw(self) -> None:
        self._scene = every.draw(self._view())
        self._window.present(self._painter.paint(self._scene))
        following = self._state.code.following(self._state.now)
        if following is not None:
            qr.modules(following)  # made ready now, so that the next step only has to be painted

    def _view(self) -> View:
        state, theme = self._state, THEMES[self._settings.screen.theme]
        return View(state, self._place, self._window.canvas, theme, self._words[state.language])

    def _picture(self, curtained: bool) -> bytes:  # noqa: FBT001 - the form that Effects asks for
        return self._window.picture(curtain.draw(self._view()) if curtained else None)

    def _until_next_second(self) -> float:
        if not self._inputs.empty():
            return 0.0
        server_now = self._clock.now() + (self._state.code.offset or timedelta())
        left = timedelta(seconds=1) - timedelta(microseconds=server_now.microsecond)
        return max(self._clock.seconds(left), SHORTEST_SECONDS if self._clock.rate > 1 else 0) + 0.002

    def _seconds(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    def _warnings(self) -> list[str]:
        return ["rights"] if self._rights is not None and self._rights.warning else []

    def _wake_on(self, stop: threading.Event) -> None:
        stop.wait()
        self._window.wake()

    def _on_enrolled(self, known: Enrolled) -> None:
        """Connect to the broker: from now on booking's signatures can be checked."""
        feed = Feed(self._place.site, self._settings.kiosk, known.server_public_key, self._clock, self.put)
        announcer = self._announcer

        def birth() -> None:
            announcer.announce(link, link.session, partial(rights.heard, announcer.topic))

        def on_connect(_session: int) -> None:
            birth()
            rights.test(link)
            feed.on_link(up=True)

        link = MqttLink(
            self._settings.broker,
            client_id=f"kiosk-{self._place.site}-{self._settings.kiosk}",
            session_expiry=timedelta(0),
            on_message=feed.on_message,
            will=announcer.will,
            on_connect=on_connect,
            on_disconnect=lambda: feed.on_link(up=False),
        )
        for topic_filter in feed.filters:
            link.subscribe(topic_filter)
        rights = rights_of(self._settings, self._place.site, self._clock, on_change=birth)
        self._link, self._rights = link, rights
        link.start()


def run(settings: KioskSettings) -> None:
    """Run a kiosk in the foreground until SIGTERM or SIGINT."""
    with Service() as service:
        Kiosk(settings, Clock.from_environment()).run(service)
