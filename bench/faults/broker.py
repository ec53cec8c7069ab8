"""A real mosquitto with Seatgate's own configuration and rights, which a campaign may stop, kill and start again."""

import os
import subprocess
from pathlib import Path

from bench.faults.server import Supervisor
from onsite import broker as brokers
from onsite.settings import LOOPBACK
from runtime.mqtt import BrokerSettings

OBSERVER = brokers.Account("bench", reads=("#",), writes=("#",))


class RunningBroker:
    """Accounts: booking, gate-south and bench, which may read and write everything."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.files = brokers.prepare(folder, LOOPBACK, port, (*brokers.accounts("+", ("south",), ()), OBSERVER))
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def settings(self, account: str) -> BrokerSettings:
        """Return how an account connects."""
        return self.through(account, self.port)

    def through(self, account: str, port: int) -> BrokerSettings:
        """Return how an account connects through a proxy on `port`."""
        return BrokerSettings(LOOPBACK, port, account, self.files.password_file(account))

    def start(self) -> None:
        """Start it and return once it listens."""
        supervisor = Supervisor()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.files.command, stdout=log, stderr=log, env={**os.environ, **supervisor.environment}
            )
        heard = supervisor.hear("READY=1")
        supervisor.close()
        if not heard:
            raise RuntimeError(f"mosquitto does not start: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
