"""`seatgate simulate turnstile`: a process that holds the ports, and commands that make it send."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from config import shipped
from simulator.cli import simulate

SITE = str(shipped("sites", "bjut.toml"))


def run(*arguments):
    return CliRunner().invoke(simulate, ["turnstile", *arguments])


@pytest.fixture
def data(tmp_path):
    """A folder whose path is longer than a Unix socket's address may be."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    return folder


@pytest.fixture
def serving(data):
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ready.settimeout(30)
    ready.bind(f"\0simulator-test-{os.getpid()}")
    command = [sys.executable, "-m", "seatgate", "simulate", "turnstile", "serve", "--site", SITE, "--data", str(data)]
    with ready:
        process = subprocess.Popen(command, env={**os.environ, "NOTIFY_SOCKET": f"@simulator-test-{os.getpid()}"})
        assert b"READY=1" in ready.recv(4096)
        yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (("swipe", "--portal", "south-1", "--card", "0006547886"), b"\x02010063E9AE25\x03"),
        (("face", "--portal", "north-1", "--person", "S2023"), b"FACE,S2023,IN\r\n"),
    ],
)
def test_a_command_makes_the_running_turnstile_send(serving, data, arguments, sent):
    import serial

    ports = json.loads((data / "simulator" / "ports.json").read_text())
    with serial.Serial(ports[arguments[2]], timeout=30) as gate:
        result = run(*arguments, "--data", str(data))
        assert (result.exit_code, result.output) == (0, f"{len(sent)} bytes at {arguments[2]}\n")
        assert gate.read(len(sent)) == sent


def test_a_reader_that_reports_no_passage_says_so(serving, data):
    result = run("pass", "--portal", "south-1", "--turned-back", "--data", str(data))
    assert result.exit_code == 1
    assert "has no message that says that somebody did not pass" in result.output


def test_a_sentence_comes_back(serving, data):
    result = run("swipe", "--portal", "west-1", "--card", "1", "--data", str(data))
    assert result.exit_code == 1
    assert "Error: no portal 'west-1' is simulated" in result.output


def test_only_its_owner_may_swipe(serving, data):
    mode = (data / "simulator" / "control").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize("line", [b"", b"\n", b"[]\n", b'{"portal": 7}\n', b"x" * 5000 + b"\n"])
def test_nonsense_is_answered_and_the_next_caller_served(serving, data, line):
    folder = os.open(data / "simulator", os.O_PATH)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(30)
        caller.connect(f"/proc/self/fd/{folder}/control")
        caller.sendall(line)
        caller.shutdown(socket.SHUT_WR)
        assert json.loads(caller.recv(4096))["error"]
    os.close(folder)
    assert run("swipe", "--portal", "south-1", "--card", "1", "--data", str(data)).exit_code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_takes_its_ports_along(serving, data, number):
    serving.send_signal(number)
    assert serving.wait(30) == 0
    assert list(Path(data / "ports").iterdir()) == []
    result = run("swipe", "--portal", "south-1", "--card", "1", "--data", str(data))
    assert "start `seatgate run`" in result.output


def test_a_site_that_is_not_there_is_a_sentence(data):
    result = run("serve", "--site", "/nowhere.toml", "--data", str(data))
    assert result.exit_code == 1
    assert "/nowhere.toml: there is no such file" in result.output
