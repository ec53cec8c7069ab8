"""A gate as it runs: its own process, a real broker, a real outbox, real pseudo-terminals; and the booking it talks to.

Booking is played here by its outside lines alone: the enrolment over HTTP, and signed acknowledgements over MQTT.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from messages import access, acknowledgement, presence, topics
from messages.topics import Family, Leaf
from runtime.mqtt import MqttLink
from runtime.signing import SigningKey, signed_properties, to_text, verify
from simulator.pty_port import PtyPort

ROOT = Path(__file__).resolve().parents[2]
CODE = "one-time-code"
LIST_KEY = bytes(range(32))
PORTALS = {"south-1": ("in", "rdm6300"), "south-2": ("out", "rdm6300"), "south-3": ("frame", "line")}

SITE = """
id = "{site}"
name = {{ zh = "图书馆", en = "Library" }}
timezone = "Asia/Shanghai"

[[venues]]
id = "library"
name = {{ zh = "图书馆", en = "Library" }}
opens = "08:00"
closes = "22:00"

[[areas]]
id = "2f-centre"
name = {{ zh = "二层中厅", en = "2F Centre" }}
venue = "library"
floor = 2
plan = "2f-centre.json"

[[gates]]
id = "south"
venue = "library"
name = {{ zh = "南闸机", en = "South gate" }}
"""


class Booking:
    """Answers enrolments and, while `acknowledges`, every event that is signed by an enrolled gate."""

    def __init__(self, broker, site: str, folder: Path, port: int) -> None:
        self.site = site
        self.key = SigningKey.load_or_create(folder / "server-key")
        self.events: list[access.AccessEvent] = []
        self.births: list[presence.Presence] = []
        self.acknowledges = True
        self.enrolments: list[dict] = []
        self.gate_key = b""
        self._count = 0
        self.link = MqttLink(
            broker.settings("booking"),
            client_id=f"booking-{site}",
            session_expiry=timedelta(0),
            on_message=self._on_message,
        )
        self.link.subscribe(topics.every(site, Family.GATES, Leaf.ACCESS))
        self.link.subscribe(topics.every(site, Family.GATES, Leaf.PRESENCE))
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Listen for enrolments and on the broker."""
        self.link.start()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.link.stop()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _handler(booking):  # noqa: N805 - the handler's own self is another
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, booking.keys())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(*booking.enrol(body))

            def _answer(self, status: int, answer: dict) -> None:
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def keys(self) -> dict:
        """What a gate is given at /api/v1/devices/{id}/keys: the secret of its access list."""
        return {"day_keys": {}, "access_list_key": to_text(LIST_KEY)}

    def say(self, leaf: Leaf, payload: bytes, *, key: SigningKey | None = None, retain: bool = False) -> None:
        """Send a signed message to the gate."""
        topic = topics.build(self.site, Family.GATES, "south", leaf)
        properties = signed_properties(key or self.key, topic, payload)
        self.link.publish(topic, payload, properties=properties, retain=retain).wait(30)

    def enrol(self, body: dict) -> tuple[int, dict]:
        self.enrolments.append(body)
        if body["code"] != CODE:
            return 403, {"code": "enrolment-code", "detail": "this code is unknown or used"}
        from runtime.signing import from_text

        self.gate_key = from_text(body["public_key"])
        server = {"server_kid": self.key.kid, "server_public_key": to_text(self.key.public_bytes)}
        return 200, {**server, "kiosk_number": None, "day_keys": {}, "server_time": datetime.now(UTC).isoformat()}

    def _on_message(self, message) -> None:
        assert verify(self.gate_key, message.topic, message.payload, message.properties["sig"]), message.topic
        if topics.parse(message.topic).leaf is Leaf.PRESENCE:
            self.births.append(presence.decode(message.payload))
            return
        event = access.decode(self.site, "south", message.payload)
        if not self.acknowledges:
            return
        if (event.epoch, event.sequence) not in {(known.epoch, known.sequence) for known in self.events}:
            self.events.append(event)
        self._count += 1
        answer = acknowledgement.Acknowledgement(event.epoch, [(event.sequence, event.sequence)], [], datetime.now(UTC))
        topic = topics.build(self.site, Family.GATES, "south", Leaf.ACK)
        payload = acknowledgement.encode(self.site, "booking", answer, event_id=f"ack-{self._count}")
        self.link.publish(topic, payload, properties=signed_properties(self.key, topic, payload))

    def seen(self) -> list[tuple[str, str, str]]:
        """(portal, direction, credential value) of each event, in the order of arrival."""
        return [(event.portal, event.direction.value, event.credential.value) for event in self.events]


class GateProcess:
    """`python -m seatgate gate` with three portals whose far ends `turnstiles` are."""

    def __init__(self, folder: Path, broker, booking: Booking, wait_for, portals=PORTALS) -> None:
        self._portals = portals
        self.folder, self.data = folder, folder / "data"
        self.config = folder / "gate.toml"
        self.log_file = folder / "log"
        self._wait_for = wait_for
        self._running: subprocess.Popen[bytes] | None = None
        self.turnstiles = {name: PtyPort(folder / "ports" / name) for name in portals}
        site = SITE.format(site=booking.site)
        for name, (direction, protocol, *more) in portals.items():
            site += f'\n[[gates.portals]]\nid = "{name}"\ndirection = "{direction}"\nprotocol = "{protocol}"\n'
            site += "".join(f"{line}\n" for line in more)
        (folder / "site.toml").write_text(site)
        (folder / "code").write_text(CODE)
        (folder / "code").chmod(0o600)
        ports = "".join(f'"{name}" = "{port.link}"\n' for name, port in self.turnstiles.items())
        self.config.write_text(
            f'gate = "south"\nsite = "{folder / "site.toml"}"\ndata = "{self.data}"\n'
            f'booking_url = "{booking.url}"\nenrolment_code_file = "{folder / "code"}"\n'
            f'[broker]\nhost = "{broker.host}"\nport = {broker.port}\nusername = "gate-south"\n'
            f'password_file = "{broker.password_file("gate-south")}"\n[ports]\n{ports}'
        )

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def start(self) -> "GateProcess":
        """Start it and return once every port is open."""
        opened = self.log.count(" open\n")
        with self.log_file.open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "seatgate", "gate", "--config", str(self.config)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
        self._wait_for(
            lambda: self.log.count(" open\n") >= opened + len(self._portals) or self._ended(),
            f"the gate runs:\n{self.log}",
        )
        assert not self._ended(), self.log
        return self

    def _ended(self) -> bool:
        return self._running.poll() is not None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and how many seconds it took."""
        began = time.monotonic()
        self._running.send_signal(number)
        code = self._running.wait(30)
        self._running = None
        return code, time.monotonic() - began

    def abandon(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()
        for port in self.turnstiles.values():
            port.unplug()

    def rows(self) -> list[str]:
        """The state of each row of the outbox, read beside the running gate."""
        with closing(sqlite3.connect(f"file:{self.data}/outbox.db?mode=ro", uri=True)) as database:
            return [state for (state,) in database.execute("SELECT state FROM rows ORDER BY sequence")]


@pytest.fixture
def booking(private_broker, site_id, tmp_path, free_port):
    playing = Booking(private_broker, site_id, tmp_path, free_port())
    yield playing
    playing.close()


@pytest.fixture
def portals():
    """Portal → (direction, protocol); a module that wants others replaces this fixture."""
    return PORTALS


@pytest.fixture
def gate_process(private_broker, booking, tmp_path, wait_for, portals):
    process = GateProcess(tmp_path, private_broker, booking, wait_for, portals)
    yield process
    process.abandon()
