"""The family `wedge` and its driver: a reader that is a keyboard, one portal to a device. See `wire.line_driver`.

The device is opened and grabbed again for ever, with a growing wait: a reader that was unplugged is back by itself.
"""

import logging
import os
import random
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from config import structure
from config.errors import ConfigError
from config.schema import Portal
from wire.found import BadFrame
from wire.input_device import Keys, KeysLost, is_installed, open_keys
from wire.line_driver import House, Wanted
from wire.wedge import Key, Scan, WedgeDecoder, WedgeSettings, read_of

_log = logging.getLogger(__name__)
_dice = random.SystemRandom()
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
STABLE = ("/dev/input/by-id/", "/dev/input/by-path/")
BLOCK_KEYS = 512


class Wedge:
    """See `wire.line_driver.Family`."""

    def line(self, device: str, portals: Sequence[Portal], folder: Path) -> "WedgeLine":  # noqa: ARG002 - the form of every family
        """See `Family.line`."""
        portal, *others = portals
        where = f"portal {portal.id!r}"
        if others:
            raise ConfigError(
                "port", [f"portal {others[0].id!r}: a keyboard reader has one portal, not {portal.id!r} too"]
            )
        if portal.address is not None:
            raise ConfigError("address", [f"{where}: a keyboard reader has no address: leave it out"])
        if not device.startswith(STABLE):
            raise ConfigError(
                "port",
                [
                    f"{where}: {device[:80]!r} changes with the order of plugging in: use the reader's name in /dev/input/by-id (it ends in -kbd)"
                ],
            )
        settings = structure(portal.options, WedgeSettings, f"{where}, options")
        if not is_installed():
            raise ConfigError(
                "protocol", [f"{where}: a keyboard reader needs python-evdev: pip install 'seatgate[wedge]'"]
            )
        return WedgeLine(device, portal.id, settings)


class WedgeLine:
    """One reader. See `wire.line_driver.Driver`."""

    def __init__(
        self,
        device: str,
        portal: str,
        settings: WedgeSettings,
        *,
        opener: Callable[[str], Keys] = open_keys,
        jitter: Callable[[], float] = _dice.random,
    ) -> None:
        self.device = device
        self.tried = threading.Event()
        self._portal, self._settings = portal, settings
        self._opener, self._jitter = opener, jitter
        self._decoder = WedgeDecoder(settings)
        self._stopped = threading.Event()
        self._woken, self._wake = os.pipe()
        self._trouble = "not open yet"

    def trouble(self, portal: str) -> str:  # noqa: ARG002 - the form of every driver
        """See `Driver.trouble`."""
        return self._trouble

    def act(self, wanted: Wanted) -> None:
        """See `Driver.act`."""
        wanted.done("a keyboard reader opens nothing and shows nothing: nothing is sent to it")

    def stop(self) -> None:
        """See `Driver.stop`."""
        self._stopped.set()
        os.write(self._wake, b"x")

    def run(self, house: House) -> None:
        """See `Driver.run`."""
        waits = self._waits()
        while not self._stopped.is_set():
            try:
                keys = self._opener(self.device)
            except KeysLost as fault:
                self._tell(str(fault), house)
                self._stopped.wait(next(waits))
                continue
            self._tell("", house)
            waits = self._waits()
            try:
                self._read(keys, house)
            except KeysLost as fault:
                self._decoder.forget()
                self._tell(str(fault), house)
                self._stopped.wait(next(waits))
            finally:
                keys.close()

    def _read(self, keys: Keys, house: House) -> None:
        """Read until `stop`; KeysLost when the device is gone."""
        while not self._stopped.is_set():
            pause = self._settings.gap.total_seconds() if self._decoder.held else None
            ready, _, _ = select.select([keys.fileno(), self._woken], [], [], pause)
            at = house.instant()
            if keys.fileno() in ready:
                for block in _blocks(keys):
                    self._take(self._decoder.feed(block), house)
            elif not ready:
                self._take(self._decoder.due(at.monotonic_ns), house)

    def _take(self, found: Sequence[Scan | BadFrame], house: House) -> None:
        at = house.instant()
        for each in found:
            house.take(self._portal, read_of(self._settings, each) if isinstance(each, Scan) else each, at)

    def _waits(self) -> Iterator[float]:
        wait = FIRST_WAIT
        while True:
            yield wait * (1 - self._jitter() / 2)
            wait = min(2 * wait, LONGEST_WAIT)

    def _tell(self, trouble: str, house: House) -> None:
        """Log a state once, however often it is met again."""
        changed, self._trouble = trouble != self._trouble, trouble
        self.tried.set()
        if changed:
            _log.log(logging.WARNING if trouble else logging.INFO, "keys device=%s %s", self.device, trouble or "open")
            house.changed()


def _blocks(keys: Keys) -> Iterator[list[Key]]:
    """What has come, in pieces of bounded size."""
    block: list[Key] = []
    for key in keys.read():
        block.append(key)
        if len(block) == BLOCK_KEYS:
            yield block
            block = []
    if block:
        yield block


FAMILY = Wedge()
