"""The card reader beside the screen: any family of the gates, on any line that they read. Its thread is started in `app`.

A card that rests on the reader, or a scan that comes in bursts, is one card. What is read goes to the flow and nowhere else: a
number is never logged or kept here.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from config import ConfigError
from config.schema import Portal, PortalDirection
from kiosk.inputs import CardSeen, Input
from messages.access import Credential, CredentialKind
from runtime.clock import Clock
from wire.families import family
from wire.found import BadFrame
from wire.line_driver import Driver, Instant
from wire.reads import Read, Said
from wire.repeats import Repeats

_log = logging.getLogger(__name__)
PORTAL = "card"
"""Under this name the one reader stands in sentences of its family."""
REST = timedelta(seconds=3)
"""A card that is read again within this has not been away."""


@attrs.frozen
class CardSettings:
    """`[card]`: the reader's family and line. Without `port` this kiosk has none."""

    port: str = ""
    protocol: str = "rdm6300"
    address: int | None = None
    options: dict[str, Any] = attrs.field(factory=dict)


def driver_of(settings: CardSettings, folder: Path) -> Driver | None:
    """Return the driver of the reader's line, which opens nothing yet; ConfigError for settings that do not fit."""
    if not settings.port:
        return None
    portal = Portal(
        PORTAL,
        PortalDirection.IN,
        settings.protocol,
        settings.port,
        address=settings.address,
        options=settings.options,
    )
    try:
        return family(settings.protocol, folder).line(settings.port, [portal], folder)
    except ConfigError as error:
        raise ConfigError("card", [f"{error.origin}: {problem}" for problem in error.problems]) from error


class CardReader:
    """One kiosk's reader at work; to its line it is the house (`wire.line_driver.House`)."""

    def __init__(self, driver: Driver, memory: Path, clock: Clock, put: Callable[[Input], None]) -> None:
        self._driver, self._clock, self._put = driver, clock, put
        self._repeats = Repeats(REST)
        self._trouble = ""
        self.bad: Counter[str] = Counter()
        """Bad frames by kind since the start."""
        self.memory = memory

    @property
    def trouble(self) -> str:
        """Return what is wrong with the reader, a sentence for staff; "" when it is well."""
        return self._driver.trouble(PORTAL)

    def run(self, stop: threading.Event) -> None:
        """Read until `close`."""
        if stop.is_set():
            return
        try:
            self._driver.run(self)
        except Exception:  # noqa: BLE001 - the kiosk goes on without a card reader; it is logged whole
            _log.exception("the card reader failed and is given up until the next start")

    def close(self) -> None:
        """End `run`."""
        self._driver.stop()

    def instant(self) -> Instant:
        """See `House.instant`."""
        return Instant(self._clock.now(), self._clock.monotonic_ns(), self._clock.boot_id)

    def take(self, portal: str, said: Said | BadFrame, at: Instant) -> bool:
        """See `House.take`. A face or a code from a door's reader is nobody before this screen."""
        if isinstance(said, BadFrame):
            self.bad[str(said.fault)] += 1
            _log.info("a bad frame of the card reader kind=%s", said.fault)
        elif isinstance(said, Read) and said.credential.kind is CredentialKind.CARD:
            self._seen(said.credential, portal, at)
        return True

    def _seen(self, card: Credential, portal: str, at: Instant) -> None:
        if not self._repeats.is_repeat(card, portal, at.monotonic_ns):
            self._put(CardSeen(card.value))

    def changed(self) -> None:
        """See `House.changed`."""
        trouble = self.trouble
        if trouble != self._trouble:
            self._trouble = trouble
            _log.warning("card reader: %s", trouble or "reads again")
