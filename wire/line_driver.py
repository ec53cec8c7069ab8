"""The seam for families: what the gate asks of whoever speaks on a line. Types only; each family has a module of its own.

A line is one device (a serial port, a network port, an input device) with one or several portals on it. The gate gives
each line a thread that is in `run` until `stop`; everything else may be called from any thread.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

import attrs

from config.schema import Portal
from messages.access import Direction
from wire.description import SerialLine
from wire.found import BadFrame
from wire.reads import Said


@attrs.frozen
class Instant:
    """When something was read, in three ways, so that a wrong wall clock can be corrected later."""

    wall: datetime
    """With the site's zone."""
    monotonic_ns: int
    boot_id: str


class Action(StrEnum):
    """What the gate can have done at a portal."""

    OPEN = "open"
    """Let one person through."""
    GRANTED = "granted"
    """Tell who stands there that they may go: a green light, a short sound."""
    DENIED = "denied"
    """Tell who stands there that they may not."""


def _nobody(_sentence: str) -> None:
    """Tell nobody."""


@attrs.frozen
class Wanted:
    """One action at one portal. It is done before `until_ns` (monotonic) or not at all: no door opens late."""

    portal: str
    action: Action
    until_ns: int
    direction: Direction | None = None
    """Which way to let somebody through, where the portal leads both ways."""
    done: Callable[[str], None] = _nobody
    """Called once, from any thread, and must return at once: "" when the device took it, else a sentence on why it did not."""


class House(Protocol):
    """The gate, as a line sees it."""

    @property
    def memory(self) -> Path:
        """Return the folder where a line may keep what it must know after a restart, in files of its own name."""

    def instant(self) -> Instant:
        """Return now."""

    def take(self, portal: str, said: Said | BadFrame, at: Instant) -> bool:
        """Store what a device said at a portal, or count a bad frame. Returns once it is on the disk.

        False: it is not, because the gate stops. Such a one is never acknowledged to the device.
        """

    def changed(self) -> None:
        """Say that a trouble came or went."""


class Driver(Protocol):
    """One line at work."""

    @property
    def device(self) -> str:
        """What the site file names as `port`."""

    @property
    def tried(self) -> threading.Event:
        """Set once the line has been opened, or found not to open, for the first time: what is sent later is read."""

    def run(self, house: House) -> None:
        """Read and answer until `stop`. What a device does is never an exception; one that is raised ends the gate."""

    def stop(self) -> None:
        """End `run`, wherever it waits, within a second."""

    def act(self, wanted: Wanted) -> None:
        """Have something done, or tell `wanted.done` why not; returns at once. Also called from inside `House.take`."""

    def trouble(self, portal: str) -> str:
        """Return what is wrong with a portal's device now, a sentence for staff; "" when it is well."""


class FrameView(Protocol):
    """Shows frames to a technician (`seatgate frames`). It sends nothing."""

    def feed(self, received: bytes) -> Sequence[tuple[str, bool]]:
        """Return for each frame found the lines about it, and whether it is good."""

    def finish(self) -> Sequence[tuple[str, bool]]:
        """Return the same of what is left at the end."""


class Family(Protocol):
    """What a protocol's entry point names."""

    def line(self, device: str, portals: Sequence[Portal], folder: Path) -> Driver:
        """Return the driver of a line, which opens nothing yet. `folder`: where the site file is.

        ConfigError with a sentence for each setting that does not fit, each naming the portal and the key.
        """


@runtime_checkable
class Shows(Protocol):
    """A family whose frames can be looked at (`seatgate frames`), besides."""

    @property
    def serial(self) -> SerialLine:
        """How its serial line is usually set."""

    def view(self) -> FrameView:
        """Return what shows its frames."""
