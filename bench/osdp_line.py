"""A wire between two pseudo-terminals, as bad as wanted: noise, the pace of a real line, a plug that is pulled.

The gate's end is a `PtyPort`; the far end is a device path for any number of devices. Bytes pass through a thread here.
"""

import os
import random
import select
import termios
import threading
import time
import tty
from contextlib import suppress
from pathlib import Path
from typing import Self

from simulator.pty_port import PtyPort

BITS_PER_BYTE = 10


class Wire:
    """One line. `noise`: how likely a byte is spoiled; `baud`: bytes come at its pace, None: at once."""

    def __init__(
        self, link: Path, *, noise: float = 0.0, baud: int | None = None, seed: int = 1, ends: int = 1
    ) -> None:
        self.port = PtyPort(link)
        self.noise, self.baud = noise, baud
        self.is_plugged = threading.Event()
        self.is_plugged.set()
        self.spoiled = 0
        self.passed = 0
        self._dice = random.Random(seed)
        pairs = [os.openpty() for _ in range(ends)]
        self._masters = [master for master, _ in pairs]
        for master, slave in pairs:
            tty.setraw(slave, termios.TCSANOW)
            os.set_blocking(master, False)
        self._slaves = [slave for _, slave in pairs]  # kept open: a device may come and go
        self.far = [os.ttyname(slave) for slave in self._slaves]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self.port.unplug()
        for descriptor in (*self._masters, *self._slaves):
            os.close(descriptor)

    def _run(self) -> None:
        near = self.port._master  # noqa: SLF001 - the wire is the other half of the port
        while not self._stop.is_set():
            ready, _, _ = select.select([near, *self._masters], [], [], 0.05)
            for end in ready:
                try:
                    content = os.read(end, 1024)
                except OSError:
                    self._stop.wait(0.01)  # nobody has the near end open
                    continue
                if not self.is_plugged.is_set():
                    continue
                content = self._spoil(content)
                self._pace(len(content))
                for other in self._masters if end == near else [near]:
                    _put(other, content)

    def _spoil(self, content: bytes) -> bytes:
        self.passed += len(content)
        if not self.noise:
            return content
        spoiled = bytearray(content)
        for at in range(len(spoiled)):
            if self._dice.random() < self.noise:
                spoiled[at] ^= self._dice.randrange(1, 256)
                self.spoiled += 1
        return bytes(spoiled)

    def _pace(self, count: int) -> None:
        if self.baud is not None:
            time.sleep(count * BITS_PER_BYTE / self.baud)


def _put(end: int, content: bytes) -> None:
    with suppress(OSError):  # nobody reads: as on a real line
        os.write(end, content)
