"""A long-running process under systemd (or a terminal): stop signals, readiness, watchdog.

Speaks sd_notify itself (one datagram; systemd's sd_notify(3)). Without NOTIFY_SOCKET all notices are no-ops.
"""

import _thread
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn, Self

_log = logging.getLogger(__name__)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SEND_TIMEOUT_SECONDS = 0.2
"""A supervisor that does not read its socket must not hang the service."""
_SWITCH_SECONDS = 0.0005
"""A thread that was woken waits at most this long for one that computes; Python's own 5 ms is a whole swipe."""


def leave(code: int = 0) -> NoReturn:
    """End the process, for a long-running command that has closed all that it had open.

    The interpreter's own end takes every object apart, one by one: half a second of a process with a web framework in it,
    several on a busy machine, while a stop may take two.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Service:
    """Owns the stop signals from its making (on the main thread) until `close`, or the end of a `with`.

    `stop` is set by SIGTERM or SIGINT, or by whoever finds that the process cannot go on.
    """

    def __init__(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        self.stop = threading.Event()
        self._previous = {number: signal.signal(number, self._on_signal) for number in _STOP_SIGNALS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # The handler interrupts the main thread, which may be inside `stop.wait` and hold the event's lock:
        # setting it from here could wait for ourselves for ever.
        _thread.start_new_thread(self.stop.set, ())

    def close(self) -> None:
        """Say STOPPING and give the signals back."""
        self.stop.set()
        notify("STOPPING=1")
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def ready(self, status: str = "") -> None:
        """Tell the supervisor that the process now does its work. What start-up has made stays: the garbage collector need
        not look through it ever again.
        """
        gc.collect()
        gc.freeze()
        notify("READY=1", *_status(status))
        _log.info("ready %s", status)

    def status(self, status: str) -> None:
        """Tell the supervisor what the process is doing, for `systemctl status`."""
        notify(*_status(status))

    def connected(self, *, up: bool) -> None:
        """Tell `seatgate run` whether the process reaches booking (systemd ignores names that begin with X_)."""
        notify(f"X_CONNECTED={int(up)}")

    def watchdog(self) -> None:
        """Tell the supervisor that the process is well."""
        notify("WATCHDOG=1")

    @property
    def watchdog_interval(self) -> float | None:
        """How often to call `watchdog`, in seconds: half of what systemd allows; None when it asks for none."""
        return watchdog_interval(os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID"))

    def wait(self, healthy: Callable[[], bool] = lambda: True) -> None:
        """Wait on the calling thread until `stop`, feeding the watchdog while `healthy()`; systemd restarts the rest."""
        while not self.stop.wait(self.watchdog_interval):
            if healthy():
                self.watchdog()
            else:
                _log.error("a part of the process is not well: the watchdog is not fed")


def watchdog_interval(microseconds: str | None, pid: str | None) -> float | None:
    """Return half of WATCHDOG_USEC in seconds, None when unset, zero, unreadable, or meant for another process."""
    if not microseconds or not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000


def _status(text: str) -> list[str]:
    # One line, or a status text could carry an assignment of its own.
    return [f"STATUS={' '.join(text.split())}"] if text else []


def notify(*assignments: str) -> bool:
    """Send assignments to the supervisor; False when nobody listens. A failure is logged, never raised."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not assignments or not address.startswith(("/", "@")):
        return False
    # A leading @ stands for the zero byte of Linux's abstract names.
    target = "\0" + address[1:] if address[0] == "@" else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(_SEND_TIMEOUT_SECONDS)
            channel.sendto("\n".join(assignments).encode("utf-8", "replace"), target)
    except OSError as error:
        _log.warning("supervisor not told socket=%s error=%s", address, error)
        return False
    return True
