"""A face terminal calls a real gate process: the person number gets to booking, and the picture nowhere at all.

The terminal is played by `requests` alone, booking by its outside lines (conftest).
"""

import json
import re
import socket
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPDigestAuth

from runtime.mqtt import MqttLink

SECRET = "correct-horse-battery"
MARK = b"THIS-IS-THE-FACE-OF-A-READER"
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + MARK + bytes(range(256)) * 1500 + MARK + b"\xff\xd9"
NAME = "林徽因"


@pytest.fixture
def portals():
    return {"south-1": ("in", "face-push")}


@pytest.fixture
def terminal(gate_process, free_port):
    """A gate that listens, and `push(person, …)`: what the terminal sends; returns the status."""
    folder, address = gate_process.folder, f"127.0.0.1:{free_port()}"
    (folder / "terminal-secret").write_text(SECRET)
    (folder / "terminal-secret").chmod(0o600)
    options = '\n[gates.portals.options]\nsecret_file = "terminal-secret"\nallow = ["127.0.0.1"]\n'
    with (folder / "site.toml").open("a") as site:
        site.write(options)
    config = re.sub(r'"south-1" = ".*"', f'"south-1" = "{address}"', gate_process.config.read_text())
    gate_process.config.write_text(config)
    gate_process.start()

    def push(person, serial, *, secret=SECRET, **more):
        inner = {"majorEventType": 5, "subEventType": 75, "employeeNoString": person, "serialNo": serial,
                 "frontSerialNo": serial - 1, "currentEvent": True, "name": NAME, "doorNo": 1, "picturesNumber": 1} | more  # fmt: skip
        event = {"ipAddress": "10.3.4.17", "dateTime": "2023-07-17T16:38:00+08:00",
                 "eventType": "AccessControllerEvent", "AccessControllerEvent": inner}  # fmt: skip
        files = {
            "event_log": (None, json.dumps(event), "application/json"),
            "Picture": ("Picture.jpg", PICTURE, "image/jpeg"),
        }
        auth = HTTPDigestAuth("south-1", secret)
        return requests.post(f"http://{address}/push", files=files, auth=auth, timeout=30).status_code

    return push


def files_with(folder: Path, *needles: bytes) -> list[str]:
    """Which files under `folder` hold any of `needles`."""
    found = [file for file in folder.rglob("*") if file.is_file()]
    return [str(file.relative_to(folder)) for file in found if any(needle in file.read_bytes() for needle in needles)]


def test_a_picture_is_in_no_file_no_log_and_no_message(
    gate_process, terminal, booking, private_broker, site_id, wait_for
):
    """Face values are person numbers; pictures and templates are dropped when decoded and reach no disk, log or topic"""
    carried = []
    observer = MqttLink(
        private_broker.settings("observer"), client_id="observer", session_expiry=timedelta(0),
        on_message=lambda message: carried.append(message.topic.encode() + message.payload),
    )  # fmt: skip
    observer.subscribe("#")
    observer.start()
    booking.open()
    try:
        wait_for(lambda: observer.connected, "the observer hears all")
        assert terminal("S202304125", 7) == 200
        assert terminal("S202304125", 8, secret="wrong-secret-here") == 401
        assert terminal("a b", 9) == 200, "a person number that is none is told and done with"
        assert terminal("S202304126", 10, currentEvent=False) == 200
        wait_for(lambda: len(booking.events) == 2, "booking has both")
    finally:
        observer.stop()
    assert [event.credential.value for event in booking.events] == ["S202304125", "S202304126"]
    assert booking.events[0].credential.kind == "face"
    needles = (MARK, b"\xff\xd8\xff\xe0", b"JFIF", bytes(range(200, 256)) + bytes(range(20)))
    assert files_with(gate_process.folder, *needles) == []
    assert [payload for payload in carried if any(needle in payload for needle in needles)] == []
    assert files_with(gate_process.folder, NAME.encode(), SECRET.encode()) == ["terminal-secret"]
    assert b"S202304125" not in gate_process.log_file.read_bytes(), "a log line masks a person number"

    # That the search would find it: planted in each of the three places, and where a picture may be cut in pieces.
    assert any(b"S202304125" in payload for payload in carried)
    assert files_with(gate_process.folder, b"S202304125"), "the outbox is read too"
    (gate_process.data / "leak.jpg").write_bytes(PICTURE)
    with gate_process.log_file.open("ab") as log:
        log.write(MARK)
    assert len(files_with(gate_process.folder, *needles)) == 2


def test_what_the_gate_has_taken_is_not_taken_again_after_a_kill(gate_process, terminal, booking, wait_for):
    booking.open()
    assert terminal("S202304125", 7) == 200
    gate_process.stop(9)
    gate_process.start()
    assert terminal("S202304125", 7) == 200, "the terminal has not heard the first answer"
    assert terminal("S202304125", 8) == 200
    wait_for(lambda: len(booking.events) == 2, "booking has both")
    assert len(gate_process.rows()) == 2


def test_a_stop_does_not_wait_for_a_terminal_that_stays_connected(gate_process, terminal, booking):
    booking.open()
    assert terminal("S202304125", 7) == 200

    host, _, port = re.search(r'"south-1" = "(.*)"', gate_process.config.read_text())[1].partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: 5\r\n")
        code, seconds = gate_process.stop()
    assert (code, seconds < 3) == (0, True)
