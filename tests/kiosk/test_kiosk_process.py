"""The real process: enrols, draws, is seen by staff, goes on without booking, stops at once.

Broker and process are real; booking's side of HTTP is a small server here that answers as the contract says.
"""

import io
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
import qrcode
import zxingcpp
from PIL import Image

import config
from config import read_toml, shipped
from kiosk import diagnose
from messages import checkin, command, presence, topics
from messages.presence import PresenceState
from messages.topics import Family, Leaf
from runtime.checks import Level
from runtime.mqtt import MqttLink
from runtime.signing import SigningKey, signed_properties, to_text

MASTER, NUMBER = bytes(range(32)), 1
CODE = checkin.reader_code(bytes(range(16)))
KIOSK = "second-floor"  # the account that the test broker knows
CEILING = 30


class Booking:
    """Answers what a kiosk asks, or 503 while `down`; keeps the pictures."""

    def __init__(self, port):
        self.key = SigningKey.generate()
        self.pictures, self.asked, self.proofs, self.down = queue.Queue(), [], [], False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self._answer(b"")

            def do_POST(self):
                self._answer(self.rfile.read(int(self.headers["Content-Length"])))

            def _answer(self, body):
                assert self.headers["Seatgate-Device"] == KIOSK
                status, answer = outer.answer(self.path, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, body):
        self.asked.append(path)
        if "/screens/" in path:
            self.pictures.put(body)
            return 202, {}
        if self.down:
            return 503, {"code": "unavailable"}
        now = datetime.now(UTC)
        first = checkin.epoch_of(checkin.step_at(now))
        keys = {str(day): to_text(checkin.day_key(MASTER, day, NUMBER)) for day in range(first, first + 8)}
        common = {"day_keys": keys, "server_time": now.isoformat()}
        if path.endswith("/enroll"):
            assert json.loads(body)["code"] == "one-time-code"
            server = {"server_kid": self.key.kid, "server_public_key": to_text(self.key.public_bytes)}
            return 201, common | server | {"kiosk_number": NUMBER}
        if path.endswith("/keys"):
            return 200, common
        self.proofs.append(json.loads(body))
        return 201, {"token": "t", "expires_at": now.isoformat(), "reader": {"name": "王小明"}, "current": None}


@pytest.fixture
def booking(free_port):
    server = Booking(free_port())
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def config_file(tmp_path, broker, booking, site_id):
    site = Path(str(shipped("sites", "bjut.toml"))).read_text(encoding="utf-8")
    site = site.replace('id = "bjut"', f'id = "{site_id}"', 1).replace('id = "k-2s"', f'id = "{KIOSK}"', 1)
    (tmp_path / "site.toml").write_text(site, encoding="utf-8")
    code = tmp_path / "code"
    code.write_text("one-time-code")
    code.chmod(0o600)
    account = f"kiosk-{KIOSK}"
    (tmp_path / "kiosk.toml").write_text(
        f"""
kiosk = "{KIOSK}"
site = "{tmp_path}/site.toml"
data = "{tmp_path}/data"
booking_url = "{booking.url}"
public_url = "https://seat.example.edu.cn"
enrolment_code_file = "{code}"
camera = "{tmp_path}/camera.png"
watch_when_idle = true
[broker]
host = "{broker.host}"
port = {broker.port}
username = "{account}"
password_file = "{broker.password_file(account)}"
[screen]
offscreen = true
"""
    )
    return tmp_path / "kiosk.toml"


class Running:
    """One kiosk process that is ready."""

    def __init__(self, file, log, watchdog):
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(str(file.parent / f"notify-{time.monotonic_ns()}"))
        notices.settimeout(CEILING)
        environment = (
            os.environ | {"NOTIFY_SOCKET": notices.getsockname()} | ({"WATCHDOG_USEC": "2000000"} if watchdog else {})
        )
        command_line = [sys.executable, "-m", "seatgate", "kiosk", "--config", str(file)]
        self.process = subprocess.Popen(command_line, env=environment, stderr=log, stdout=subprocess.PIPE)
        self.notices = notices
        self.expect(b"READY=1")

    def expect(self, notice):
        while notice not in self.notices.recv(4096):
            pass

    def stop(self):
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=CEILING)
        self.notices.close()
        assert output == b"", "nothing is printed but the log"
        return time.monotonic() - begun


@pytest.fixture
def start(config_file):
    started = []

    def begin(*, watchdog=False):
        with (config_file.parent / "kiosk.log").open("ab") as log:
            started.append(Running(config_file, log, watchdog))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()
        running.notices.close()


@pytest.fixture
def staff(broker, site_id, booking):
    """A function that asks for the kiosk's picture as booking does, and what the kiosk says of itself."""
    up, said = threading.Event(), queue.Queue()
    link = MqttLink(
        broker.settings("observer"), client_id=f"{site_id}-staff", session_expiry=timedelta(0),
        on_message=said.put, on_connect=lambda _: up.set(),
    )  # fmt: skip
    link.subscribe(topics.build(site_id, Family.KIOSKS, KIOSK, Leaf.PRESENCE))
    link.start()
    assert up.wait(CEILING)
    asked = iter(range(10**6))

    def picture():
        now = datetime.now(UTC)
        order = command.Screenshot(f"command-{site_id:0>8}-{next(asked):08}", now + timedelta(seconds=5))
        topic = topics.build(site_id, Family.KIOSKS, KIOSK, Leaf.COMMAND)
        payload = command.encode(site_id, "booking", order, at=now)
        link.publish(topic, payload, properties=signed_properties(booking.key, topic, payload))
        return Image.open(io.BytesIO(booking.pictures.get(timeout=CEILING)))

    picture.said = said
    yield picture
    link.stop()


def key_of(epoch, kiosk):
    return checkin.day_key(MASTER, epoch, kiosk) if kiosk == NUMBER else None


def accepted(picture):
    (found,) = zxingcpp.read_barcodes(picture)
    code = checkin.verify(checkin.code_in_url(found.text), datetime.now(UTC), key_of)
    assert isinstance(code, checkin.CheckInCode), code
    return code


def test_from_enrolment_to_a_week_alone(start, staff, booking, config_file):
    first = start(watchdog=True)
    birth = presence.decode(staff.said.get(timeout=CEILING).payload)
    assert birth.state is PresenceState.BIRTH
    assert accepted(staff()).kiosk == NUMBER
    first.expect(b"WATCHDOG=1")
    assert {check.name: check.level for check in diagnose.checks(diagnose.load_settings(config_file))} == {
        "check-in code": Level.OK,
        "keys": Level.OK,
        "clock": Level.OK,
        "broker": Level.OK,
        "camera": Level.WARN,
    }
    assert first.stop() < 10, "SIGTERM stops a kiosk in under 2 s"
    assert presence.decode(staff.said.get(timeout=CEILING).payload).state is PresenceState.DEATH
    assert first.process.returncode == 0

    booking.down = True
    begun = len(booking.asked)
    second = start()
    staff.said.get(timeout=CEILING)
    assert accepted(staff()).kiosk == NUMBER
    assert not any(path.endswith("/enroll") for path in booking.asked[begun:]), "enrolled once"
    second.stop()
    kept = config_file.parent / "data" / "enrolment.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    log = (config_file.parent / "kiosk.log").read_text()
    assert "one-time-code" not in log
    assert "Traceback" not in log


def test_a_phone_before_the_camera_and_staff_see_a_curtain(start, staff, booking, config_file, wait_for):
    running = start()
    idle = staff()
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=4)
    code.add_data(CODE)
    modules = np.where(np.array(code.get_matrix()), 0, 255).astype(np.uint8)
    draft = config_file.parent / "draft.png"
    cv2.imwrite(str(draft), np.kron(modules, np.ones((8, 8), np.uint8)))
    draft.replace(config_file.parent / "camera.png")
    wait_for(lambda: any(path.endswith("/sessions") for path in booking.asked), "the kiosk asks who this is")
    wait_for(lambda: zxingcpp.read_barcodes(staff()) == [], "staff see the curtain while a reader is here")
    assert zxingcpp.read_barcodes(idle) != []
    running.stop()
    log = (config_file.parent / "kiosk.log").read_text()
    assert CODE not in log
    assert "王" not in log


def test_a_wrong_setting_is_one_sentence(config_file):
    table = config_file.read_text().replace("[screen]", '[screen]\ntheme = "neon"\nwidth = 3')
    config_file.write_text(table)
    done = subprocess.run(
        [sys.executable, "-m", "seatgate", "kiosk", "--config", str(config_file)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    error = done.stderr.decode()
    assert "Traceback" not in error
    assert "screen.width" in error
    assert "screen.theme" in error


def test_every_default_is_explained_and_the_file_is_whole(config_file):
    settings = diagnose.load_settings(config_file)
    assert settings.waits().idle == 30
    assert read_toml(config.shipped("kiosk.toml"))["screen"]["width"] == 1080


def test_a_card_at_the_kiosks_own_reader_is_asked_about_once_and_never_logged(config_file, booking, start, wait_for):
    """Cards through the same frame decoders as the gate; a scan that arrives in bursts is one scan."""
    ours, theirs = os.openpty()
    with config_file.open("a") as file:
        file.write(f'[card]\nport = "{os.ttyname(theirs)}"\n')
    start()
    frame = b"\x02010063E9AE25\x03"
    os.write(ours, b"\xffnoise" + frame[:5])
    os.write(ours, frame[5:] + frame + frame)
    wait_for(lambda: {"card": "0006547886"} in booking.proofs, "the kiosk asks whose card it is")
    os.write(ours, b"\x02010063E9AE26\x03")  # a checksum that does not fit
    os.write(ours, frame)
    log = config_file.parent / "kiosk.log"
    wait_for(lambda: "bad frame of the card reader kind=checksum" in log.read_text(), "the bad frame is counted")
    assert [proof for proof in booking.proofs if "card" in proof] == [{"card": "0006547886"}]
    assert "6547886" not in log.read_text()
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('port = "/dev/x"\nprotocol = "rdm"', "card: protocol: 'rdm' is none"),
        ('port = "/dev/x"\naddress = 3', "has no addresses"),
        ('port = "/dev/x"\noptions = { opn = "a" }', "opn"),
    ],
)
def test_settings_of_a_card_reader_that_cannot_be_meant(config_file, lines, sentence):
    with config_file.open("a") as file:
        file.write(f"[card]\n{lines}\n")
    done = subprocess.run(
        [sys.executable, "-m", "seatgate", "kiosk", "--config", str(config_file)],
        capture_output=True, text=True, timeout=CEILING, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
