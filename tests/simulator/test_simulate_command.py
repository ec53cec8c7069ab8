"""`seatgate simulate turnstile`: a process that holds the ports, and commands that make it send."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
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


@pytest.mark.parametrize("secure", [False, True])
def test_one_osdp_reader_without_a_site_is_read_by_a_line(tmp_path, wait_for, secure):
    from bench.osdp_rig import House
    from wire.osdp.driver import OsdpLine
    from wire.osdp.options import Device, Options

    key = bytes(range(16)) if secure else None
    (tmp_path / "keys").write_text(f"board = {bytes(range(16)).hex()}\n")
    (tmp_path / "keys").chmod(0o600)
    keys = ["--keys-file", str(tmp_path / "keys")] if secure else []
    command = [sys.executable, "-m", "seatgate", "simulate", "turnstile", "--protocol", "osdp", "--address", "3", *keys]
    process = subprocess.Popen(
        [*command, "--link", str(tmp_path / "reader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    house = House()
    options = Options(secure=secure, keys_file="keys" if secure else "")
    line = OsdpLine(str(tmp_path / "reader"), [Device("south-1", 3, options, key)])
    reading = threading.Thread(target=line.run, args=(house,))
    try:
        assert "osdp at" in process.stdout.readline()
        reading.start()
        process.stdin.write("6547886\nnot a card\n\n6547887\n")
        process.stdin.flush()
        assert "not decimal" in process.stdout.readline()
        wait_for(lambda: [number for number, _ in house.cards] == [6547886, 6547887], "both cards came")
        process.stdin.close()
        assert process.wait(30) == 0
    finally:
        line.stop()
        reading.join(30)
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--protocol", "osdp"), "write the reader's own, from 0 to 126"),
        (("--protocol", "nonsense"), "is none"),
        (("--protocol", "osdp", "--address", "1", "--keys-file", "/nowhere"), "cannot be read"),
    ],
)
def test_one_board_that_cannot_be_is_a_sentence(arguments, sentence, tmp_path):
    result = run(*arguments, "--link", str(tmp_path / "board"))
    assert result.exit_code == 1
    assert sentence in result.output
    assert not (tmp_path / "board").exists()


def test_without_a_word_it_says_what_there_is():
    result = run()
    assert (result.exit_code, "serve" in result.output) == (0, True)
