"""Joining booking: once, kept, tried again, and again with a new code."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate import enrolment
from gate.enrolment import load_joined, server_key
from gate.settings import GateSettings
from runtime.booking_http import BookingRefused, BookingUnreachable, Enrolment
from runtime.mqtt import BrokerSettings
from runtime.signing import SigningKey, kid_of


class Booking:
    """Answers as told, one answer a call; the last one stays."""

    def __init__(self, *answers) -> None:
        self.answers, self.codes = list(answers), []

    def enrol(self, kind, code):
        assert kind == "gate"
        self.codes.append(code)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Enrolment(kid_of(answer), answer, None, {}, datetime.now(UTC))


@pytest.fixture(scope="module")
def keys():
    return [SigningKey.generate().public_bytes for _ in range(2)]


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "code").write_text("first\n")
    (tmp_path / "code").chmod(0o600)
    broker = BrokerSettings("127.0.0.1", 1, "gate-south", tmp_path / "password")
    return GateSettings("south", tmp_path, tmp_path, "http://booking", broker, str(tmp_path / "code"))


def test_a_gate_joins_once(settings, keys):
    booking = Booking(keys[0])
    assert server_key(settings, booking, threading.Event()) == keys[0]
    assert server_key(settings, booking, threading.Event()) == keys[0]
    assert booking.codes == ["first"]


def test_the_code_may_be_deleted_afterwards(settings, keys):
    server_key(settings, Booking(keys[0]), threading.Event())
    Path(settings.enrolment_code_file).unlink()
    assert server_key(settings, Booking(BookingUnreachable("away")), threading.Event()) == keys[0]
    assert "first" not in settings.enrolment.read_text()


def test_a_new_code_joins_again(settings, keys):
    server_key(settings, Booking(keys[0]), threading.Event())
    Path(settings.enrolment_code_file).write_text("second")
    assert server_key(settings, Booking(keys[1]), threading.Event()) == keys[1]


def test_a_new_code_that_does_not_work_leaves_the_old_enrolment(settings, keys, caplog):
    server_key(settings, Booking(keys[0]), threading.Event())
    Path(settings.enrolment_code_file).write_text("typo")
    refused = BookingRefused("enrolment-code", "this code is unknown", 403)
    assert server_key(settings, Booking(refused), threading.Event()) == keys[0]
    assert "this code is unknown" in caplog.text


def test_booking_that_is_away_is_waited_for_and_told_once(settings, keys, monkeypatch, caplog):
    monkeypatch.setattr(enrolment, "FIRST_WAIT", 0.001)
    away = BookingUnreachable("http://booking does not answer")
    booking = Booking(away, away, away, keys[0])
    assert server_key(settings, booking, threading.Event()) == keys[0]
    assert caplog.text.count("does not answer") == 1


def test_a_file_that_is_damaged_is_no_enrolment(settings, keys):
    settings.enrolment.write_text('{"server_public_key": "AAAA", "code_digest": ""}')
    assert load_joined(settings.enrolment) is None
    settings.enrolment.write_bytes(b"\0")
    assert server_key(settings, Booking(keys[0]), threading.Event()) == keys[0]


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda file: file.unlink(), "cannot be read"),
        (lambda file: file.chmod(0o644), "chmod 600"),
        (lambda file: file.write_text(""), "one-time code that staff gave"),
    ],
)
def test_a_code_file_that_cannot_be_used_is_a_sentence(settings, keys, monkeypatch, caplog, prepare, sentence):
    prepare(Path(settings.enrolment_code_file))
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", lambda _seconds: stop.set())
    assert server_key(settings, Booking(keys[0]), stop) is None
    assert sentence in caplog.text
