"""The log's form, and that no secret or card number gets through it."""

import io
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from config.values import Secret
from messages.access import Credential, CredentialKind
from runtime import logs
from runtime.clock import Clock


@pytest.fixture
def lines():
    """Log through `setup` into a text; give the root logger back afterwards."""
    root, hook = logging.getLogger(), threading.excepthook
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.setup("info", clock=Clock(timedelta(days=365)), stream=stream)
    yield stream
    root.handlers[:], root.level = before
    threading.excepthook = hook
    logging.captureWarnings(capture=False)


def test_a_line_has_the_shifted_time_the_level_the_logger_and_the_fact(lines):
    logging.getLogger("gate.app").info("port opened portal=%s", "south-1")
    logging.getLogger("gate.app").debug("not shown")
    moment, level, name, rest = lines.getvalue().split(" ", 3)
    assert (level, name, rest) == ("INFO", "gate.app", "port opened portal=south-1\n")
    written = datetime.fromisoformat(moment)
    assert abs(written - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=5)
    assert moment.endswith("Z")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("read card 0006547886 at south-1", "0006547886"),
        ("card=0006547886", "00065478"),
        ("frame 010063E9AE25", "010063E9AE"),
        ('{"kind":"card","value":"0006547886"}', "0006547886"),
        ("reader 21080101 signed in", "21080101"),
        ("identity 11010519491231002X", "1101051949"),
        ("password=hunter2 user=gate", "hunter2"),
        ('{"password": "hun\\"ter2"}', "ter2"),
        ("broker_password: 'hunter2'", "hunter2"),
        ("Authorization: Bearer abcdef.ghi", "abcdef.ghi"),
        ("Cookie: __Host-s=abc", "abc"),
        ("token=abcdef", "abcdef"),
        ("pin=1234", "1234"),
        ("postgresql://seatgate:s3cret@db/seatgate", "s3cret"),
        ("scanned R1" + "0123456789ABCDEFGHJKMNPQRS", "0123456789ABCDEFGH"),
        ("GET /c/1A00123ABCDEFGHJKMNPQR", "1A00123ABCDEFGHJKMNPQR"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----", "MC4CAQ"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw", "MC4CAQ"),
    ],
)
def test_secrets_and_numbers_of_cards_and_people_are_masked(lines, text, secret):
    logging.getLogger("x").warning("%s", text)
    assert secret not in lines.getvalue()
    assert "…" in lines.getvalue()
    assert logs.redact(logs.redact(text)) == logs.redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "sent epoch=4503599627370496 sequence=12345678 monotonic_ns=123456789012",
        "kid=0123456789abcdef boot_id=6f1b4b0e-7a3f-4a53-9d6c-0f2a9c3e1d2b",
        "occurred_at=2026-11-23T08:00:00.123456+08:00",
        "port=1883 depth=1000000 seat=2f-centre-065",
        "http://127.0.0.1:8080/healthz",
        "refused code=digest-conflict tokens=3",
    ],
)
def test_facts_of_ours_stay_readable(text):
    assert logs.redact(text) == text


def test_a_traceback_is_redacted_too(lines):
    try:
        raise ValueError("bad card 0006547886")  # noqa: TRY301 - the traceback is what is tested
    except ValueError:
        logging.getLogger("x").exception("decode failed")
    assert "Traceback" in lines.getvalue()
    assert "0006547886" not in lines.getvalue()


def test_text_from_outside_cannot_start_a_line_of_its_own(lines):
    logging.getLogger("x").warning("topic %s", "a\n2026-11-23T08:00:00Z INFO gate.app all is well\x1b[2J\u2028")
    assert lines.getvalue().count("\n") == 1
    assert "\x1b" not in lines.getvalue()
    assert "\\x0a2026" in lines.getvalue()


def test_secrets_and_credentials_hide_in_their_repr(lines):
    logging.getLogger("x").info("%r %r", Secret("hunter2"), Credential(CredentialKind.CARD, "0006547886"))
    assert lines.getvalue().endswith("Secret(…) Credential(card, …86)\n")


def test_a_thread_that_dies_is_logged(lines):
    def die():
        raise LookupError("no such port")

    thread = threading.Thread(target=die, name="port-south-1")
    thread.start()
    thread.join(30)
    assert "CRITICAL runtime.logs thread died name=port-south-1" in lines.getvalue()
    assert "no such port" in lines.getvalue()
