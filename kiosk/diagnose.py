"""What staff can learn of a kiosk without opening it: screen, code, camera, keys, clock, broker. No frame is kept."""

import socket
from contextlib import closing
from pathlib import Path

from config.errors import ConfigError
from display.theme import THEMES
from display.window import Window
from kiosk import enrolled, scanner
from kiosk import settings as kiosk_settings
from kiosk.code_clock import MAX_OFFSET, CodeClock, Due
from kiosk.rights import file_of
from kiosk.screens import every
from kiosk.screens.sheet import View
from kiosk.settings import KioskSettings
from kiosk.state import Language, State
from kiosk.words import words_in
from runtime.booking_http import BookingRefused, BookingUnreachable, DeviceHttp
from runtime.checks import Check, Level
from runtime.clock import Clock
from runtime.signing import SigningKey

ANSWER_WITHIN = 3.0
FEW_DAYS = 3


def load_settings(file: Path) -> KioskSettings:
    """Read a kiosk's settings."""
    return kiosk_settings.load(file)


def checks(settings: KioskSettings, clock: Clock | None = None) -> list[Check]:
    """Check one kiosk. Nothing is changed, and the running kiosk is not disturbed."""
    clock = clock or Clock.from_environment()
    return [
        _code(settings, clock),
        _keys(settings, clock),
        _clock(settings, clock),
        _broker(settings),
        *_rights(settings),
        _camera(settings),
    ]


def _clock_of(settings: KioskSettings, url: str) -> CodeClock:
    known = enrolled.load(settings.enrolment_file)
    return CodeClock(url) if known is None else CodeClock(url, known.kiosk_number, known.day_keys)


def _code(settings: KioskSettings, clock: Clock) -> Check:
    """Draw the idle screen off screen and read its code back with the camera's decoder."""
    try:
        place, _ = kiosk_settings.place(settings)
    except ConfigError as error:
        return Check("screen", Level.FAIL, "; ".join(error.problems), "put the site file or the key `kiosk` right")
    now, code = clock.now(), _clock_of(settings, place.public_url)
    state = State(now=now, code=code)
    with closing(Window(settings.screen.width, settings.screen.height, offscreen=True)) as window:
        view = View(state, place, window.canvas, THEMES[settings.screen.theme], words_in(Language.CHINESE, place.zone))
        seen = scanner.decode_png(window.picture(every.draw(view)))
    due = code.due(now)
    if not isinstance(due, Due):
        return Check("check-in code", Level.FAIL, f"hidden ({due})", "see the checks of keys and clock")
    if seen != [due.url]:
        todo = "make the screen larger or public_url shorter, then check again"
        return Check("check-in code", Level.FAIL, "drawn, but the decoder does not read it", todo)
    return Check("check-in code", Level.OK, f"drawn and read back: {place.host}, step {due.step}")


def _keys(settings: KioskSettings, clock: Clock) -> Check:
    known = enrolled.load(settings.enrolment_file)
    if known is None:
        todo = "put the one-time code from staff into enrolment_code_file and start the kiosk"
        return Check("keys", Level.FAIL, "this kiosk is not enrolled", todo)
    days = CodeClock("", known.kiosk_number, known.day_keys).days_left(clock.now())
    seen = f"kiosk {known.kiosk_number}, keys for {days} days, today included"
    if days < FEW_DAYS:
        todo = "connect the kiosk to the booking service: it fetches a week of keys by itself"
        return Check("keys", Level.WARN if days else Level.FAIL, seen, todo)
    return Check("keys", Level.OK, seen)


def _clock(settings: KioskSettings, clock: Clock) -> Check:
    if not settings.key_file.exists():
        return Check("clock", Level.WARN, "not compared: this kiosk is not enrolled", "start the kiosk once")
    http = DeviceHttp(settings.booking_url, settings.kiosk, SigningKey.load_or_create(settings.key_file), clock)
    with closing(http):
        try:
            http.keys()
        except BookingUnreachable as error:
            return Check("clock", Level.WARN, f"not compared: {error}", "check the network and the booking service")
        except BookingRefused as error:
            todo = "see `clock` of the machine, or enrol the kiosk again with a new code"
            return Check("clock", Level.FAIL, f"booking refuses this kiosk ({error.code})", todo)
    offset = http.clock_offset
    if offset is None:
        return Check("clock", Level.WARN, "booking does not tell its time", "update the booking service")
    seen = f"{offset.total_seconds():+.2f} s from the booking service's"
    if abs(offset) > MAX_OFFSET:
        return Check(
            "clock", Level.FAIL, seen, "set the clock (timedatectl set-ntp true): the code is hidden until then"
        )
    return Check("clock", Level.OK, seen)


def _broker(settings: KioskSettings) -> Check:
    host, port = settings.broker.host, settings.broker.port
    try:
        with socket.create_connection((host, port), timeout=ANSWER_WITHIN):
            return Check("broker", Level.OK, f"listens on {host}:{port}")
    except OSError as error:
        todo = "start mosquitto or check the network; until then the seat maps stay as they were"
        return Check("broker", Level.FAIL, f"{host}:{port} does not answer ({error.strerror or error})", todo)


def _rights(settings: KioskSettings) -> list[Check]:
    """Pass on what the running kiosk found at the broker."""
    try:
        warning = file_of(settings).read_text(encoding="utf-8")
    except OSError:
        return []
    return [Check("rights", Level.WARN, *warning.rsplit(": ", 1))]


def _camera(settings: KioskSettings) -> Check:
    """Take one frame, say how bright it is, and let it go."""
    if not settings.camera:
        return Check("camera", Level.OK, "this kiosk has none")
    with closing(scanner.source_of(settings.camera)) as source:
        frame = source.read()
    if frame is None:
        level = Level.FAIL if settings.camera.startswith("/dev/") else Level.WARN
        return Check("camera", level, f"{settings.camera} gives no picture", "check the plug and the key `camera`")
    return Check("camera", Level.OK, f"{frame.shape[1]} x {frame.shape[0]}, mean brightness {frame.mean():.0f} of 255")
