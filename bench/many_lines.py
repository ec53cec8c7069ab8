"""Claim: with 32 lines in one gate process, one whose device takes nothing holds up none of the 31 others."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.lanes import frame
from bench.measure import Result, compare, in_turns
from config.schema import Portal, PortalDirection
from gate.capture import Capture
from runtime.clock import Clock
from runtime.outbox import Outbox
from simulator.pty_port import PtyPort
from wire.families import family
from wire.found import BadFrame
from wire.line_driver import Action, Driver, Instant, Wanted
from wire.reads import Said

LINES, ROUNDS = 32, 60
PATIENCE = 30.0
_FAR_NS = 10**18


class _Lines:
    """One gate's lines over pseudo-terminals, as `gate.app` puts them together; the first one is a board that is told to open."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        names = [f"p-{number:02}" for number in range(LINES)]
        self._portals = {name: Portal(name, PortalDirection.IN, "rdm6300") for name in names}
        self._portals[names[0]] = Portal(names[0], PortalDirection.FRAME, "eb-tripod", options={"open": "open_left"})
        self._ports = {name: PtyPort(folder / name) for name in names}
        self._outbox = Outbox(folder / "outbox.db", Clock())
        self._stored: list[float] = []
        self._capture = Capture(
            "bench",
            "south",
            ZoneInfo("Asia/Shanghai"),
            self._outbox,
            Clock(),
            repeat_quiet=timedelta(milliseconds=1),
            stop=threading.Event(),
            on_stored=lambda: self._stored.append(time.perf_counter()),
        )
        self.instant = self._capture.instant
        self._drivers: dict[str, Driver] = {
            name: family(portal.protocol).line(str(folder / name), [portal], folder)
            for name, portal in self._portals.items()
        }
        self._threads = [threading.Thread(target=driver.run, args=(self,)) for driver in self._drivers.values()]
        self._card = 0
        self._stopped = threading.Event()

    @property
    def memory(self) -> Path:
        """See `wire.line_driver.House`."""
        return self._folder

    def take(self, portal: str, said: Said | BadFrame, at: Instant) -> bool:
        """See `wire.line_driver.House`."""
        return self._capture.take(self._portals[portal], said, at)

    def changed(self) -> None:
        """See `wire.line_driver.House`."""

    def start(self) -> None:
        """Begin to read."""
        for thread in self._threads:
            thread.start()
        for driver in self._drivers.values():
            driver.tried.wait(PATIENCE)

    def jam(self) -> None:
        """Let the first line's device take nothing from now on: each write to it waits for its time limit."""
        name = next(iter(self._ports))
        way = os.open(self._ports[name].link, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        with suppress(BlockingIOError):
            while True:
                os.write(way, bytes(512))
        os.close(way)
        self._again(name, "")

    def _again(self, name: str, _why: str) -> None:
        if not self._stopped.is_set():
            self._drivers[name].act(Wanted(name, Action.OPEN, _FAR_NS, done=lambda why: self._again(name, why)))

    def swipe_everywhere(self) -> Iterator[float]:
        """Swipe a card at each of the other lines at once; yield the seconds until each was on the disk."""
        self._stored.clear()
        began = time.perf_counter()
        for port in list(self._ports.values())[1:]:
            self._card += 1
            port.send(frame(f"{self._card:010}"))
        pause = threading.Event()
        while len(self._stored) < LINES - 1:
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"only {len(self._stored)} of {LINES - 1} swipes were stored")
            pause.wait(0.0005)
        yield from (at - began for at in self._stored)

    def close(self) -> None:
        """Stop everything."""
        self._stopped.set()
        for driver in self._drivers.values():
            driver.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(PATIENCE)
        for port in self._ports.values():
            port.unplug()
        self._outbox.close()


def run(data: Path) -> Result:
    """Swipe at 31 lines at once, beside a 32nd that is jammed and beside one that is well, in turns."""
    with ExitStack() as stack:
        jammed, well = _Lines(data / "jammed"), _Lines(data / "well")
        for lines in (jammed, well):
            stack.callback(lines.close)
            lines.start()
        jammed.jam()
        samples = in_turns(ROUNDS, {"jammed": jammed.swipe_everywhere, "well": well.swipe_everywhere}, warm_up=5)
    return Result(
        "One slow line of 32",
        f"{ROUNDS} times a card at each of {LINES - 1} serial lines of one process at the same moment (pseudo-terminals), until each is on "
        "the disk (WAL, synchronous=FULL, one commit each): beside a 32nd line whose device takes no byte while the gate writes to "
        "it without a pause, against the same 32 lines all well, in turns.",
        [
            compare("swipe to disk beside a jammed line, p50", samples["jammed"], samples["well"], aim=1.2),
            compare("swipe to disk beside a jammed line, p99", samples["jammed"], samples["well"], aim=1.2, percent=99),
        ],
    )
