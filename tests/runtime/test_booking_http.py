"""Device HTTP against a real HTTP server that checks the signature, answers as told, or misbehaves."""

import json
import socket
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from messages import checkin
from runtime import booking_http
from runtime.booking_http import BookingRefused, BookingUnreachable, DeviceHttp
from runtime.clock import Clock
from runtime.signing import HttpProof, SigningKey, to_text, verify_http

DEVICE, SERVER = SigningKey.generate(), SigningKey.generate()
NOW = "2026-11-23T16:00:00+08:00"
KEY = checkin.day_key(b"m" * 32, 20780, 7)


def enrolment(**changes):
    return {
        "server_kid": SERVER.kid,
        "server_public_key": to_text(SERVER.public_bytes),
        "kiosk_number": 7,
        "day_keys": {"20780": to_text(KEY)},
        "server_time": NOW,
    } | changes


class Handler(BaseHTTPRequestHandler):
    """Keeps each request and sends the next prepared answer."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        self.server.proofs.append(
            verify_http(
                DEVICE.public_bytes,
                method=self.command,
                path=self.path,
                headers=self.headers,
                body=body,
                now=datetime.now(UTC),
            )
        )
        status, content = self.server.answers.pop(0)
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Location", "http://elsewhere.invalid/")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815 - http.server's names

    def log_message(self, *_arguments):
        """Stay silent."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.requests, http.proofs, http.answers = [], [], []
        thread = threading.Thread(target=http.serve_forever, args=[0.01])
        thread.start()
        yield http
        http.shutdown()
        thread.join(30)


@pytest.fixture
def booking(server):
    device = DeviceHttp(f"http://127.0.0.1:{server.server_port}/", "second-floor", DEVICE, Clock())
    yield device
    device.close()


def test_enrolment_sends_our_key_and_brings_the_servers(server, booking):
    server.answers.append((200, enrolment()))
    joined = booking.enrol("kiosk", "ABC-123")
    assert (joined.server_kid, joined.server_public_key) == (SERVER.kid, SERVER.public_bytes)
    assert (joined.kiosk_number, joined.day_keys) == (7, {20780: KEY})
    assert joined.server_time == datetime.fromisoformat(NOW)
    [(method, path, headers, body)] = server.requests
    assert (method, path, headers["Content-Type"]) == ("POST", "/api/v1/devices/enroll", "application/json")
    assert json.loads(body) == {
        "device": "second-floor",
        "kind": "kiosk",
        "code": "ABC-123",
        "kid": DEVICE.kid,
        "public_key": to_text(DEVICE.public_bytes),
    }


def test_a_gate_has_no_kiosk_number_and_no_keys(server, booking):
    server.answers.append((200, enrolment(kiosk_number=None, day_keys={})))
    joined = booking.enrol("gate", "x")
    assert (joined.kiosk_number, joined.day_keys) == (None, {})


def test_every_kind_of_call_is_signed_and_each_has_its_own_nonce(server, booking):
    server.answers += [
        (200, {"day_keys": {"20780": to_text(KEY)}, "server_time": NOW}),
        (201, {"token": "t"}),
        (204, b""),
    ]
    assert booking.keys() == {20780: KEY}
    assert booking.post("/api/v1/kiosks/second-floor/sessions?x=1", {"card": "1"}) == {"token": "t"}
    assert booking.post_bytes("/api/v1/kiosks/second-floor/screens/1", b"\x89PNG", "image/png") == {}
    assert [proof.device for proof in server.proofs if isinstance(proof, HttpProof)] == ["second-floor"] * 3
    assert len({proof.nonce for proof in server.proofs}) == 3
    assert server.requests[0][1] == "/api/v1/devices/second-floor/keys"
    assert server.requests[2][2]["Content-Type"] == "image/png"
    assert server.requests[2][3] == b"\x89PNG"


def test_a_call_for_a_reader_carries_their_session_and_no_signature(server, booking):
    server.answers += [(200, {"id": "r"}), (409, {"code": "window-not-open", "detail": "Not yet."})]
    wish = {"idempotency_key": "k", "language": "en"}
    assert booking.post_for("secret", "/api/v1/reservations/r/check-in", {}, **wish) == {"id": "r"}
    with pytest.raises(BookingRefused, match="Not yet"):
        booking.post_for("secret", "/api/v1/reservations/r/check-in", {}, **wish)
    for (_, path, headers, body), proof in zip(server.requests, server.proofs, strict=True):
        assert (path, body) == ("/api/v1/reservations/r/check-in", b"{}")
        assert headers["Authorization"] == "Bearer secret"
        assert (headers["Idempotency-Key"], headers["Accept-Language"]) == ("k", "en")
        assert not isinstance(proof, HttpProof)


def test_a_no_of_booking_keeps_its_code_and_sentence(server, booking):
    server.answers.append(
        (409, {"type": "about:blank", "title": "No", "code": "code-used", "detail": "用过了。", "x": 1})
    )
    with pytest.raises(BookingRefused, match="用过了") as refused:
        booking.enrol("gate", "x")
    assert (refused.value.code, refused.value.detail, refused.value.status) == ("code-used", "用过了。", 409)


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (500, b"oops", "see booking's log"),
        (503, {"code": "starting"}, "see booking's log"),
        (302, b"", "does not answer like booking"),
        (404, b"<html>", "does not answer like booking"),
        (403, b"[" * 100_000, "does not answer like booking"),
        (200, b"x" * (booking_http.MAX_ANSWER_BYTES + 1), "more than 1048576 bytes"),
        (200, b"\xff", "does not answer like booking"),
        (200, b"[]", "does not answer like booking"),
        (200, b"", "does not answer like booking"),
        (200, enrolment(server_kid="0" * 16), "a server key that is none"),
        (200, enrolment(server_public_key="AA"), "a server key that is none"),
        (200, enrolment(server_public_key="é"), "a server key that is none"),
        (200, enrolment(server_time="2026-11-23T16:00:00"), "does not answer like booking"),
        (200, enrolment(kiosk_number=99_999), "does not answer like booking"),
        (200, enrolment(day_keys={"20780": "AA"}), "day keys that are none"),
        (200, enrolment(day_keys={"-1": to_text(KEY)}), "day keys that are none"),
        (200, enrolment(day_keys={"²": to_text(KEY)}), "day keys that are none"),
    ],
)
def test_an_answer_that_is_none_is_a_sentence(server, booking, status, content, sentence):
    server.answers.append((status, content))
    with pytest.raises(BookingUnreachable, match=sentence):
        booking.enrol("kiosk", "x")


def test_nobody_there_is_a_sentence_without_the_librarys_names(free_port):
    device = DeviceHttp(f"http://127.0.0.1:{free_port()}", "south", DEVICE, Clock())
    with pytest.raises(BookingUnreachable, match=r"does not answer \(Connection refused\): check that booking runs"):
        device.keys()


@pytest.mark.parametrize("url", ["no-scheme", "http://", "http://no-such-host.invalid"])
def test_a_bad_address_is_a_sentence(url):
    with pytest.raises(BookingUnreachable, match="does not answer"):
        DeviceHttp(url, "south", DEVICE, Clock()).keys()


def test_silence_ends_in_a_sentence(monkeypatch):
    monkeypatch.setattr(booking_http, "READ_SECONDS", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        device = DeviceHttp(f"http://127.0.0.1:{silent.getsockname()[1]}", "south", DEVICE, Clock())
        with pytest.raises(BookingUnreachable, match="timed out"):
            device.keys()


def test_a_proxy_in_the_environment_is_not_used(server, booking, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answers.append((200, {"day_keys": {}}))
    assert booking.keys() == {}
