"""The booking service as a real process under a small systemd of our own: started, killed, stopped, watched.

`Supervisor` is the contract of systemd's `Type=notify` and `WatchdogSec=`: it hears READY and WATCHDOG on a datagram
socket and kills who has been silent for too long. `Server` runs `seatgate booking` over a folder under one.
"""

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

from bench.measure import ROOT
from booking.domain.places import Places
from config.plans import load_plan
from config.site_check import load_site
from runtime.clock import SHIFT_VARIABLE, Clock

CEILING = 60.0
NOW = datetime.fromisoformat("2023-07-17T10:05:00+08:00")
"""When a server believes it starts: the library is open."""
_NAMES = itertools.count()


class Supervisor:
    """Hears what a process tells systemd. `watchdog`: seconds after which a silent process is killed; None asks for none."""

    def __init__(self, watchdog: float | None = None) -> None:
        self.watchdog = watchdog
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = f"\0seatgate-faults-{os.getpid()}-{next(_NAMES)}"
        self._socket.bind(self._address)

    @property
    def environment(self) -> dict[str, str]:
        """Return what systemd puts into the environment of a service."""
        asked = {} if self.watchdog is None else {"WATCHDOG_USEC": str(int(self.watchdog * 1_000_000))}
        return {"NOTIFY_SOCKET": "@" + self._address[1:], **asked}

    def hear(self, word: str, seconds: float = CEILING) -> bool:
        """Wait for a notice that holds `word`; False when none comes in `seconds`."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                heard = self._socket.recv(4096).decode(errors="replace")
            except TimeoutError:
                break
            if word in heard:
                return True
        return False

    def silent(self) -> bool:
        """Wait until the process has said nothing for as long as systemd would wait; False when it goes on feeding."""
        if self.watchdog is None:
            raise ValueError("nobody watches this process")
        return not all(self.hear("WATCHDOG=1", self.watchdog) for _ in range(2))

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@dataclass
class Server:
    """`seatgate booking` over `folder`. `broker`: port and password file of a broker; None: there is none to be had."""

    folder: Path
    port: int
    site: Path
    now: datetime = NOW
    broker: tuple[int, Path] | None = None
    settings: dict[str, object] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    program: Sequence[str] = ("-m", "seatgate")
    """What Python runs; a wrapper that puts a fault into the process stands here."""
    watchdog: float | None = None
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database = Path(str(self.settings.get("database") or self.folder / "booking.sqlite"))
        self.log = self.folder / "booking.log"
        self.supervisor = Supervisor(self.watchdog)
        self._file = self.folder / "booking.toml"
        self._file.write_text(self._text(), encoding="utf-8")

    def _text(self) -> str:
        nobody, secret = 1, self.folder / "mqtt-password"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text("nobody listens")
        port, password = self.broker or (nobody, secret)
        top = {
            "site": str(self.site),
            "data": str(self.folder / "data"),
            "database": str(self.database),
        } | self.settings
        lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
        lines += ["[http]", f"port = {self.port}", "[broker]", f"port = {port}"]
        return "\n".join([*lines, f"password_file = {json.dumps(str(password))}", ""])

    @property
    def url(self) -> str:
        """Return where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return the running process."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> float:
        """Start it and return after how many seconds it said that it is ready."""
        shift = Clock.starting_at(self.now).shift.total_seconds()
        environment = {**os.environ, SHIFT_VARIABLE: str(shift), **self.supervisor.environment, **self.environment}
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "booking", "--config", str(self._file)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        if not self.supervisor.hear("READY=1"):
            raise RuntimeError(f"not ready: {self.log_text()[-3000:]}")
        return time.monotonic() - began

    def send(self, number: Signals) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut of the process would, and wait until it is gone."""
        self._end(SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as systemd does."""
        self._end(SIGTERM)

    def _end(self, number: Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(CEILING)
            self.process = None

    def close(self) -> None:
        """End it whatever state it is in, and hear no more."""
        self._end(SIGKILL)
        self.supervisor.close()

    def log_text(self) -> str:
        """Return what it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def places_of(site_file: Path) -> Places:
    """Return the areas and seats of a site file."""
    site = load_site(site_file)
    return Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})
