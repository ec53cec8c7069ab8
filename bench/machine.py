"""The real processes of one small site, started as `seatgate run` starts them: broker, booking, and a gate if asked for.

The gate's ports are pseudo-terminals whose other ends the bench holds. There is no kiosk: it would draw while we measure.
"""

import json
import os
import pty
import secrets
import socket
import sqlite3
import tty
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.floors import Way
from config import shipped
from onsite import broker as brokers
from onsite import people
from onsite.broker import Broker, TlsListener
from onsite.files import write_private
from onsite.processes import Children, Program
from onsite.programs import code_file, folder_of, programs
from onsite.settings import DATABASE, HTTP_PORT, LOOPBACK, MQTT_PORT, RunSettings, settings

NOW = "2023-07-17T10:05:00"
"""When every process believes it starts: the library is open, and no window closes while we measure."""
OBSERVER = brokers.Account("bench", reads=("#",), writes=("#",))
GATE = """
[[gates]]
id = "south"
venue = "library"
name = { zh = "南闸机", en = "South gate" }
"""
PORTAL = """
[[gates.portals]]
id = "%s"
direction = "%s"
protocol = "rdm6300"
port = "%s"
"""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with closing(socket.create_server((LOOPBACK, 0))) as probe:
        return int(probe.getsockname()[1])


def site_text(ports: dict[str, tuple[str, str]], replacing: dict[str, str] | None = None, portals: str = "") -> str:
    """Return the shipped site without its gates and kiosks; `ports`: portal → (direction, device) of a gate of ours, or
    its `portals` as the site file says them.
    """
    text = shipped("sites", "bjut.toml").read_text("utf-8")
    head, _, rest = text.partition("# --- Gates")
    rules = rest.partition("# --- Rules")[2].partition("\n")[2]
    portals += "".join(PORTAL % (portal, way, device) for portal, (way, device) in ports.items())
    gate = GATE + portals if portals else ""
    for old, new in (replacing or {}).items():
        if old not in rules:
            raise ValueError(f"the shipped site has no {old!r}")
        rules = rules.replace(old, new)
    return head + gate + rules


@dataclass
class Line:
    """A pseudo-terminal: the gate opens `device`, the bench writes to `end`."""

    end: int
    device: str
    kept: int = field(repr=False)

    @classmethod
    def open(cls) -> "Line":
        end, kept = pty.openpty()
        tty.setraw(kept)
        tty.setraw(end)
        return cls(end, os.ttyname(kept), kept)

    def close(self) -> None:
        os.close(self.end)
        os.close(self.kept)


@dataclass(frozen=True)
class Machine:
    """A running site."""

    wanted: RunSettings
    broker: Broker
    accounts: list[people.Account]

    def way(self, account: str) -> Way:
        """Return how a bare client reaches the broker: as the processes do."""
        reached = self.broker.client(account)
        ca = str(reached.get("tls_ca", ""))
        return Way(str(reached["host"]), int(reached["port"]), account, str(reached["password_file"]), ca)

    def post(self, path: str, body: dict, headers: dict[str, str]) -> dict:
        """Send one JSON request and return the answer; HTTPError for a refusal."""
        asked = urllib.request.Request(
            f"{self.wanted.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    def bearer(self, account: people.Account) -> dict[str, str]:
        """Sign in; return the header that says so."""
        token = self.post("/api/v1/session", {"reader": account.reader, "password": account.password}, {})["token"]
        return {"Authorization": f"Bearer {token}"}


def prepare(data: Path, site: str, database: str = "") -> RunSettings:
    """Write the site file and make the folders; nothing runs yet. `database` is a PostgreSQL's address, else SQLite."""
    data.mkdir(exist_ok=True)
    file = data / "site.toml"
    file.write_text(site, encoding="utf-8")
    environment = {HTTP_PORT: str(free_port()), MQTT_PORT: str(free_port()), DATABASE: database}
    wanted = settings(file, data / "var", NOW, LOOPBACK, environment)
    for name in ("booking", "broker", "config", "logs", *(folder_of("gate", gate.id) for gate in wanted.site.gates)):
        (wanted.data / name).mkdir(parents=True)
    return wanted


@contextmanager
def running(wanted: RunSettings, core_of_booking: int | None = None, *, tls: bool = False) -> Iterator[Machine]:
    """Start what `prepare` prepared, yield when all of it is ready, stop it afterwards. `tls`: all MQTT is encrypted."""
    accounts = people.load_or_create(wanted.data / "demo-accounts.json")
    codes = {}
    for gate in wanted.site.gates:
        code = secrets.token_urlsafe(16)
        write_private(code_file(wanted.data, "gate", gate.id), code)
        codes[gate.id] = {"kind": "gate", "code": code}
    write_private(wanted.data / "enrolment-codes.json", json.dumps(codes))
    rights = (*brokers.accounts_of(wanted.site), OBSERVER)
    listener = TlsListener(LOOPBACK, free_port(), (LOOPBACK,)) if tls else None
    broker = brokers.prepare(wanted.data / "broker", LOOPBACK, wanted.mqtt_port, rights, listener)
    children = Children(wanted.data / "logs", print)
    try:
        children.start(_pinned(program, core_of_booking) for program in programs(wanted, broker, []))
        if not children.wait_ready():
            raise KeyboardInterrupt
        yield Machine(wanted, broker, accounts)
    finally:
        children.stop()


@contextmanager
def alone(wanted: RunSettings, broker: Broker, name: str) -> Iterator[None]:
    """Start one program of a machine that ran before, by itself, over what it left on the disk."""
    children = Children(wanted.data / "logs", print)
    try:
        children.start(program for program in programs(wanted, broker, []) if program.name == name)
        children.wait_ready()
        yield
    finally:
        children.stop()


def _pinned(program: Program, core: int | None) -> Program:
    if core is None or program.name != "booking":
        return program
    return Program(program.name, ["taskset", "--cpu-list", str(core), *program.command], program.environment)


def count(database: Path, query: str) -> int:
    """Ask a database of a process one number, as a check that what was measured really happened."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute(query).fetchone()[0])
