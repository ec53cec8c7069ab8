"""`seatgate frames`: what a technician sees, and the exit code."""

import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from config import shipped
from gate.cli import frames, gate
from gate.frame_view import bytes_of
from simulator.pty_port import PtyPort

VECTOR = '02 "010063E9AE" "25" 03'


def run(*arguments):
    return CliRunner().invoke(frames, arguments)


def test_the_manuals_vector_fits():
    result = run("--protocol", "rdm6300", "--hex", VECTOR)
    assert result.exit_code == 0
    assert "02 30 31 30 30 36 33 45 39 41 45 32 35 03" in result.output
    assert "found 25, expected 25: fits" in result.output
    assert "card 0006547886" in result.output


@pytest.mark.parametrize(
    ("protocol", "content", "expected"),
    [
        ("rdm6300", VECTOR.replace("25", "24"), "found 24, expected 25: DOES NOT FIT"),
        # A dump from a forum that fails its own XOR.
        ("rdm6300", '02 "100026F44426" 03', "DOES NOT FIT"),
        ("rdm6300", '02 "0100"', "length: a frame without its end"),
        ("rdm6300", '"no frame at all"', "garbage: 15 bytes outside any frame"),
        ("rdm6300", "", "No frame was found"),
        ("line", '"FACE,2023,SIDEWAYS" 0D0A', "not-matching"),
        ("line", '"CARD,S2023,IN" 0D0A', "not-matching: the card number is not decimal"),
    ],
)
def test_a_bad_frame_is_exit_code_1(protocol, content, expected):
    result = run("--protocol", protocol, "--hex", content)
    assert expected in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("protocol", "content", "expected"),
    [
        ("eb-tripod", "EB 01 40 00 AA", "an open command: sent only where a portal names it"),
        ("eb-tripod", "EB 01 4A 00 A0", "a command: sent only where a portal"),
        ("digicon-tx1500", "02 02 00 48 48", "found 48, expected 48: fits"),
        ("digicon-tx1500", "02 02 00 1A 1A", "somebody passed, in"),
        ("digicon-tx1500", "02 02 00 06 06", "known, nothing follows"),
    ],
)
def test_a_boards_word_is_shown(protocol, content, expected):
    result = run("--protocol", protocol, "--hex", content)
    assert expected in result.output
    assert result.exit_code == 0


def test_what_the_tripods_manual_prints_for_42_and_43_fits_no_rule():
    result = run("--protocol", "eb-tripod", "--hex", "EB 01 42 00 AB EB 01 43 00 AB")
    assert "found AB, expected A8: DOES NOT FIT" in result.output
    assert "found AB, expected A9: DOES NOT FIT" in result.output
    assert "No known checksum rule fits these 2 different frames" in result.output
    assert result.exit_code == 1


def test_rules_that_would_fit_are_named(tmp_path):
    # The board sums instead of XORing, whatever its manual says.
    shipped_text = shipped("protocols", "rdm6300.toml").read_text()
    (tmp_path / "mine.toml").write_text(shipped_text)
    frames = ['02 "010063E9AE" "FB" 03', '02 "010063E9AF" "FC" 03', '02 "0212345678" "16" 03']
    result = run("--protocol", str(tmp_path / "mine.toml"), "--hex", " ".join(frames))
    assert 'kind = "sum"  covers = [1, -2]  at = -2' in result.output
    assert "fit by chance" not in result.output
    (tmp_path / "mine.toml").write_text(shipped_text.replace('"xor"', '"sum"'))
    assert run("--protocol", str(tmp_path / "mine.toml"), "--hex", " ".join(frames)).exit_code == 0


def test_one_frame_is_little_to_go_by():
    result = run("--protocol", "rdm6300", "--hex", '02 "010063E9AE" "FB" 03')
    assert 'kind = "sum"' in result.output
    assert "So few frames fit by chance" in result.output


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("0230", b"\x020"),
        ("02 30", b"\x020"),
        ("0x02,0x30", b"\x020"),
        ('02"30"', b"\x0230"),
        ('"a b"', b"a b"),
        ("", b""),
    ],
)
def test_bytes_are_read_as_manuals_print_them(text, content):
    assert bytes_of(text) == content


@pytest.mark.parametrize("text", ["0", "zz", '"open', "02 3", "0x2"])
def test_what_is_no_bytes_is_a_sentence(text):
    result = run("--protocol", "rdm6300", "--hex", text)
    assert "neither pairs of hexadecimal digits nor text" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--protocol", "rdm6300"), "give either --port"),
        (("--protocol", "rdm6300", "--port", "x", "--hex", "02"), "give either --port"),
        (("--protocol", "rdm630", "--hex", "02"), "did you mean 'rdm6300'?"),
        (("--protocol", "/nowhere/mine.toml", "--hex", "02"), "there is no such file"),
    ],
)
def test_wrong_options_are_sentences(arguments, expected):
    result = run(*arguments)
    assert expected in result.output
    assert result.exit_code != 0


def test_a_device_is_watched_until_it_is_stopped(tmp_path, wait_for):
    with PtyPort(tmp_path / "port") as turnstile, (tmp_path / "seen").open("wb") as seen:
        command = [sys.executable, "-m", "seatgate", "frames", "--protocol", "rdm6300", "--port", str(turnstile.link)]
        watching = subprocess.Popen(command, stdout=seen, stderr=seen, env={"PYTHONUNBUFFERED": "1"})
        try:
            wait_for(lambda: " open" in (tmp_path / "seen").read_text(), "the port is open")
            turnstile.send(b"\x02010063E9AE25\x03")
            wait_for(lambda: "card 0006547886" in (tmp_path / "seen").read_text(), "the card is shown")
            watching.send_signal(signal.SIGINT)
            assert watching.wait(30) == 0
        finally:
            watching.kill()
    assert (tmp_path / "seen").read_text().endswith("1 frame, 0 bad.\n")


@pytest.mark.parametrize("content", ["", "gate = 7", "not toml ["])
def test_a_gate_with_bad_settings_says_what_is_wrong(tmp_path, content):
    (tmp_path / "gate.toml").write_text(content)
    result = CliRunner().invoke(gate, ["--config", str(tmp_path / "gate.toml")])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output
