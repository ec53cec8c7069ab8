"""`python -m bench.faults.broken_server CONTROL booking …`: the real process, into which a test can put a fault while it runs.

The file CONTROL holds the disk's fault ("full", "write", "sync", "read", or nothing) and is read at every access to the
disk. SIGUSR1 makes a handler block the event loop for ever; the process lives on, its other threads too. With
FAULTS_PLAIN_CLOCK in the environment the process follows every step of the wall clock: a control.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import apsw

from bench.faults.vfs import Failing
from runtime.clock import Clock, SteadyClock

PLAIN_CLOCK = "FAULTS_PLAIN_CLOCK"


class Controlled(Failing):
    """A disk whose fault stands in a file."""

    def __init__(self, name: str, control: Path) -> None:
        self._control = control
        super().__init__(name)

    def meet(self, *faults: str) -> None:
        """Fail when the file says so."""
        try:
            self.fault = self._control.read_text()
        except FileNotFoundError:
            self.fault = ""
        super().meet(*faults)


def block(_number: int, _frame: FrameType | None) -> None:
    """Do what a handler does that waits for something that never comes, on the event loop's thread."""
    threading.Event().wait()


def main() -> None:
    """Break what is to break, then be `seatgate`."""
    layer = Controlled("controlled", Path(sys.argv.pop(1)))
    apsw.set_default_vfs(layer.name)
    signal.signal(signal.SIGUSR1, block)
    if PLAIN_CLOCK in os.environ:
        SteadyClock.now = Clock.now  # type: ignore[method-assign] - the control goes without it
    sys.argv[0] = "seatgate"
    from seatgate import main as seatgate

    seatgate()


if __name__ == "__main__":
    main()
