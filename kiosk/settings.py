"""The settings of one kiosk (`config/kiosk.toml` holds the defaults and explains each key)."""

from datetime import timedelta
from pathlib import Path

import attrs

import config
from config.schema import Kiosk, Site
from display.theme import THEMES
from kiosk.card_reader import CardSettings, driver_of
from kiosk.place import Place, place_of
from kiosk.state import Patience
from runtime.mqtt import BrokerSettings

MIN_SIDE, MAX_SIDE = 480, 7680
MIN_WARNING = timedelta(seconds=20)
"""WCAG 2.2, success criterion 2.2.1: at least 20 seconds to answer a warning."""


@attrs.frozen
class ScreenSettings:
    """The screen in pixels; portrait or landscape."""

    width: int
    height: int
    windowed: bool
    offscreen: bool
    theme: str


@attrs.frozen
class PatienceSettings:
    """How long a screen waits for its reader."""

    idle: timedelta
    warning: timedelta
    result: timedelta


@attrs.frozen
class KioskSettings:
    """Everything a kiosk is told."""

    kiosk: str
    site: Path
    data: Path
    booking_url: str
    public_url: str
    enrolment_code_file: Path
    broker: BrokerSettings
    screen: ScreenSettings
    patience: PatienceSettings
    camera: str
    watch_when_idle: bool
    card: CardSettings

    @property
    def key_file(self) -> Path:
        """Where this kiosk's private key lies."""
        return self.data / "signing-key.pem"

    @property
    def enrolment_file(self) -> Path:
        """Where what booking gave this kiosk lies."""
        return self.data / "enrolment.json"

    def waits(self) -> Patience:
        """Return the patience in seconds, as the flow wants it."""
        seconds = (self.patience.idle, self.patience.warning, self.patience.result)
        return Patience(*(span.total_seconds() for span in seconds))


def load(file: Path) -> KioskSettings:
    """Read a kiosk's settings over the shipped defaults; ConfigError lists everything that is wrong."""
    settings = config.load(KioskSettings, config.shipped("kiosk.toml"), file)
    problems = []
    for name, side in (("width", settings.screen.width), ("height", settings.screen.height)):
        if not MIN_SIDE <= side <= MAX_SIDE:
            problems.append(f"screen.{name}: {side} is not between {MIN_SIDE} and {MAX_SIDE} pixels")
    if settings.screen.theme not in THEMES:
        problems.append(f"screen.theme: there is no {settings.screen.theme!r}, only {' and '.join(THEMES)}")
    if settings.patience.warning < MIN_WARNING:
        problems.append("patience.warning: give readers at least 20 s to answer")
    for name, url in (("booking_url", settings.booking_url), ("public_url", settings.public_url)):
        if url and not url.startswith(("http://", "https://")):
            problems.append(f"{name}: {url!r} does not begin with http:// or https://")
    try:
        driver_of(settings.card, settings.site.parent)
    except config.ConfigError as error:
        problems += [f"card: {problem}" for problem in error.problems]
    if problems:
        raise config.ConfigError(str(file), problems)
    return settings


def place(settings: KioskSettings) -> tuple[Place, Kiosk]:
    """Read the site and this kiosk's place in it; ConfigError when it has none."""
    site = config.load(Site, settings.site)
    own = next((kiosk for kiosk in site.kiosks if kiosk.id == settings.kiosk), None)
    if own is None:
        known = ", ".join(kiosk.id for kiosk in site.kiosks) or "none"
        raise config.ConfigError(
            str(settings.site), [f"kiosks: there is no {settings.kiosk!r} (known: {known}); set `kiosk` to one of them"]
        )
    return place_of(site, own, settings.public_url or site.public_url or settings.booking_url), own
