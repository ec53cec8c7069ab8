"""The keys of one input device, held by this process alone: the only user of evdev.

What the keys mean is not known here. The device is grabbed, so that what a reader types goes to no console and no login.
"""

import errno
import fcntl
import struct
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Protocol

from wire.wedge import ENTERS, Key

EV_KEY = 1
EVIOCSCLOCKID, CLOCK_MONOTONIC = 0x400445A0, 1
_NS = 1_000_000_000


class KeysLost(Exception):  # noqa: N818 - named after what happened
    """The device cannot be opened, grabbed or read now; the text says what to do."""


class Keys(Protocol):
    """An open device."""

    def fileno(self) -> int:
        """Return what `select` waits on."""

    def read(self) -> Iterator[Key]:
        """Yield the keys that have come; KeysLost when the device is gone."""

    def close(self) -> None:
        """Let it go."""


def is_installed() -> bool:
    """Whether python-evdev is there: it is an extra, because it is compiled where it is installed."""
    return find_spec("evdev") is not None


def open_keys(device: str) -> Keys:
    """Open and grab a device; KeysLost with a sentence when it cannot be had."""
    return _Evdev(device)


class _Evdev:
    """A device of the kernel's."""

    def __init__(self, device: str) -> None:
        import evdev  # noqa: PLC0415 - an extra

        try:
            self._input = evdev.InputDevice(device)
        except OSError as error:
            raise _lost(device, error) from error
        try:
            # Its own times, on a clock that is never set: a busy process must not tear a scan apart.
            fcntl.ioctl(self._input.fd, EVIOCSCLOCKID, struct.pack("i", CLOCK_MONOTONIC))
            is_keyboard = bool(ENTERS & set(self._input.capabilities().get(EV_KEY, [])))
            if is_keyboard:
                self._input.grab()
        except OSError as error:
            self._input.close()
            raise _lost(device, error) from error
        if not is_keyboard:
            self._input.close()
            raise KeysLost(
                f"{device} is no keyboard: is it the reader? `ls -l /dev/input/by-id` shows names ending in -kbd"
            )
        self._device = device

    def fileno(self) -> int:
        """See `Keys.fileno`."""
        return int(self._input.fd)

    def read(self) -> Iterator[Key]:
        """See `Keys.read`."""
        try:
            for event in self._input.read():
                if event.type == EV_KEY:
                    yield Key(event.code, event.value, event.sec * _NS + event.usec * 1000)
        except BlockingIOError:
            return
        except OSError as error:
            raise _lost(self._device, error) from error

    def close(self) -> None:
        """See `Keys.close`."""
        with suppress(OSError):
            self._input.ungrab()
        with suppress(OSError):
            self._input.close()


def _lost(device: str, error: OSError) -> KeysLost:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return KeysLost(
                f"there is no device {device}: is the reader plugged in? `ls -l /dev/input/by-id` shows what is"
            )
        case errno.EACCES | errno.EPERM:
            return KeysLost(
                f"this account may not open {device}: add the user to group input (`sudo usermod -aG input USER`), then start again"
            )
        case errno.EBUSY:
            return KeysLost(f"another program has grabbed {device}: `sudo fuser -v {device}` names it; stop it")
        case _:
            return KeysLost(f"{device} does not work as an input device: {error.strerror or error}")
