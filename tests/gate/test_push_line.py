"""A face terminal's line over real HTTP: 200 only once the event is on the disk, and hostile callers change nothing."""

import json
import logging
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import requests
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from config import ConfigError
from config.schema import Portal, PortalDirection
from gate.push import line as lines
from gate.push import server as serving
from gate.push.family import FAMILY
from wire.families import family
from wire.found import BadFrame, Fault
from wire.line_driver import Action, Instant, Wanted
from wire.reads import Read

SECRET = "correct-horse-battery"
PICTURE = b"\xff\xd8\xff\xe0PICTURE-OF-A-FACE" + bytes(range(256)) * 200 + b"\xff\xd9"
NOW = datetime.fromisoformat("2023-07-17T16:38:00+08:00")


class House:
    """Takes what is said; `disk` closed: the event waits, as on a disk that is full; `stopping`: it never gets there."""

    def __init__(self, memory):
        self.memory, self.taken, self.stopping = memory, [], False
        self.disk, self.asked = threading.Event(), threading.Event()
        self.disk.set()
        self.now, self.now_ns = NOW, 5_000

    def instant(self):
        return Instant(self.now, self.now_ns, "boot")

    def take(self, portal, said, at):
        self.asked.set()
        assert self.disk.wait(30)
        if not self.stopping:
            self.taken.append((portal, said, at))
        return not self.stopping

    def changed(self):
        pass

    def reads(self):
        return [(portal, said.credential.value) for portal, said, _ in self.taken if isinstance(said, Read)]

    def bad(self):
        return [said for _, said, _ in self.taken if isinstance(said, BadFrame)]


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    return "secret"


@pytest.fixture
def open_line(house, secret, tmp_path, free_port):
    """`open_line(auth="basic", …)`: a line with a portal (or those given), and the address to call."""
    started = []

    def open_(*portals, port=None, **options):
        address = f"127.0.0.1:{port or free_port()}"
        portals = portals or [portal(secret_file=secret, **options)]
        line = FAMILY.line(address, portals, tmp_path)
        thread = threading.Thread(target=line.run, args=(house,))
        thread.start()
        started.append((line, thread))
        assert line.tried.wait(30)
        line.url = f"http://{address}/push"
        return line

    yield open_
    house.disk.set()
    for line, thread in started:
        line.stop()
        thread.join(30)
        assert not thread.is_alive()


def portal(name="north-1", **options):
    return Portal(name, PortalDirection.IN, "face-push", options={"allow": ["127.0.0.1"], "auth": "basic"} | options)


def event(serial=7, person="S202304125", code=(5, 75), at="2023-07-17T16:38:00+08:00", **more):
    inner = {"majorEventType": code[0], "subEventType": code[1], "serialNo": serial, "employeeNoString": person,
             "name": "林", "currentEvent": True} | more  # fmt: skip
    return {"eventType": "AccessControllerEvent", "dateTime": at, "AccessControllerEvent": inner}


def post(line, content=None, *, auth="basic", picture=PICTURE, session=requests, **more):
    signs = {"basic": HTTPBasicAuth("north-1", SECRET), "digest": HTTPDigestAuth("north-1", SECRET)}
    auth = signs[auth] if isinstance(auth, str) else auth
    files = {"event_log": (None, json.dumps(event() if content is None else content), "application/json")}
    if picture:
        files["Picture"] = ("Picture.jpg", picture, "image/jpeg")
    return session.post(line.url, files=files, auth=auth, timeout=30, **more)


# ---- taken -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_face_is_a_read_of_its_person_number(open_line, house, auth):
    line = open_line(auth=auth)
    assert post(line, auth=auth).status_code == 200
    ((name, said, at),) = house.taken
    assert (name, said.credential.kind, said.credential.value, said.kept) == ("north-1", "face", "S202304125", False)
    assert at.wall == NOW, "the gate's own time: the terminal's is not believed"


def test_a_token_and_an_event_without_a_picture(open_line, house):
    line = open_line(auth="token")
    answer = requests.post(line.url, json=event(), headers={"Authorization": f"Bearer {SECRET}"}, timeout=30)
    assert (answer.status_code, house.reads()) == (200, [("north-1", "S202304125")])


def test_it_is_answered_only_once_the_event_is_on_the_disk(open_line, house):
    line, answers = open_line(), []
    house.disk.clear()
    calling = threading.Thread(target=lambda: answers.append(post(line).status_code))
    calling.start()
    assert house.asked.wait(30)
    assert answers == []
    house.disk.set()
    calling.join(30)
    assert (answers, house.reads()) == ([200], [("north-1", "S202304125")])


def test_a_disk_that_takes_nothing_is_503_and_what_is_sent_again_counts_once(open_line, house, monkeypatch, wait_for):
    monkeypatch.setattr(serving, "ANSWER_SECONDS", 0.2)
    line = open_line()
    house.disk.clear()
    assert [post(line).status_code for _ in range(3)] == [503, 503, 503]
    house.disk.set()
    wait_for(house.reads, "the event is stored after all")
    monkeypatch.setattr(serving, "ANSWER_SECONDS", 30)
    assert post(line).status_code == 200
    assert len(house.reads()) == 1


def test_what_waited_for_the_disk_has_the_time_when_it_came_and_opens_nothing(open_line, house, monkeypatch, wait_for):
    monkeypatch.setattr(serving, "ANSWER_SECONDS", 0.2)
    line = open_line()
    house.disk.clear()
    assert [post(line, event(serial)).status_code for serial in (1, 2)] == [503, 503]
    house.now, house.now_ns = NOW + timedelta(minutes=10), 600 * 10**9
    house.disk.set()
    wait_for(lambda: len(house.taken) == 2, "both are stored")
    (_, first, _), (_, second, at) = house.taken
    assert (first.kept, second.kept) == (False, True), (
        "the first was under way; the second came to a door nobody stands at now"
    )
    assert (at.wall, at.boot_id) == (NOW, "boot"), "by the gate's own clock, which is better than the terminal's"


def test_a_gate_that_stops_says_503(open_line, house):
    line = open_line()
    house.stopping = True
    assert post(line).status_code == 503
    house.stopping = False
    assert post(line).status_code == 200
    assert len(house.reads()) == 1


def test_what_is_sent_again_is_dropped_also_after_a_restart(open_line, house):
    line = open_line()
    assert [post(line, event(serial)).status_code for serial in (7, 7, 8)] == [200, 200, 200]
    assert len(house.reads()) == 2
    assert post(open_line(), event(8)).status_code == 200
    assert len(house.reads()) == 2


def test_a_missing_event_is_told_and_counted(open_line, caplog):
    caplog.set_level(logging.INFO)
    line = open_line()
    post(line, event(7, frontSerialNo=6))
    post(line, event(12, frontSerialNo=11))
    assert "events of a terminal are missing portal=north-1 count=4 in_all=4" in caplog.text


def test_what_the_terminal_kept_has_its_own_time_and_opens_nothing(open_line, house, caplog):
    """ "Do not act on backlog": evidence, at the time when it was"""
    line = open_line()
    ahead = NOW + timedelta(minutes=20)
    post(line, event(1, at=ahead.isoformat()))
    assert "a terminal's clock is wrong portal=north-1 seconds=+1200" in caplog.text
    post(line, event(2, at=(ahead - timedelta(hours=3)).isoformat(), currentEvent=False))
    post(line, event(3, at="2000-01-01T00:00:00+08:00", currentEvent=False))
    house.now = NOW + timedelta(minutes=10)
    post(line, event(4, at=(ahead + timedelta(minutes=1)).isoformat()))  # said to be of now, and nine minutes old
    live, *kept = house.taken
    assert (live[1].kept, [said.kept for _, said, _ in kept]) == (False, [True] * 3)
    assert [at.wall for _, _, at in kept] == [
        NOW - timedelta(hours=3),
        datetime.fromisoformat("2000-01-01T00:00:00+08:00"),  # booking finds that it cannot be, and shows it to staff
        NOW + timedelta(minutes=1),
    ]
    assert {(at.boot_id, at.monotonic_ns) for _, _, at in kept} == {("terminal", 0)}


def test_two_doors_of_one_terminal_are_two_portals(open_line, house, secret, caplog):
    doors = [portal(f"north-{door}", secret_file=secret, user="north-1", door=door) for door in (1, 2)]
    line = open_line(*doors)
    for serial, door in ((1, 2), (2, 1), (3, 9)):
        assert post(line, event(serial, doorNo=door)).status_code == 200
    assert [name for name, _ in house.reads()] == ["north-2", "north-1"]
    assert "push from a door that no portal is terminal=north-1 door=9" in caplog.text


def test_a_heartbeat_is_answered_and_is_nothing(open_line, house):
    assert post(open_line(), {"eventType": "heartBeat", "dateTime": ""}, picture=None).status_code == 200
    assert house.taken == []


def test_one_connection_carries_many_events(open_line, house):
    line = open_line()
    with requests.Session() as session:
        for serial in range(20):
            assert post(line, event(serial), session=session).status_code == 200
    assert len(house.reads()) == 20


# ---- not taken -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", [None, HTTPBasicAuth("north-1", "wrong"), HTTPBasicAuth("nobody", SECRET)])
def test_without_the_secret_nothing_is_taken(open_line, house, auth):
    answer = post(open_line(), auth=auth)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="seatgate"')
    assert house.reads() == []
    assert [bad.fault for bad in house.bad()] == ([Fault.FORGED] if auth else []), "counted, unless it only asks how"


def test_from_another_address_nobody_is_even_answered(open_line, house, caplog):
    line = open_line(allow=["10.3.4.0/24"])
    with pytest.raises(requests.ConnectionError):
        post(line)
    assert [bad.fault for bad in house.bad()] == [Fault.FORGED]
    assert "push refused why=address address=127.0.0.1 in_all=1" in caplog.text


def raw(line, *pieces: bytes) -> bytes:
    """Send bytes and return all that comes back until the other side closes."""
    host, _, port = line.device.partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                answer += more
        except OSError:
            pass  # it was closed before all was sent
        return answer


SIGNED = b"Authorization: " + requests.auth._basic_auth_str("north-1", SECRET).encode() + b"\r\n"
START = b"POST /push HTTP/1.1\r\nHost: gate\r\n"
JSON = b"Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("nothing", b"", None),
        ("noise", b"\x00\x01\x02\x16\x03\x01" * 50, 400),
        ("no http", b"GET\r\n\r\n", 400),
        ("get", b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n", 405),
        ("delete", b"DELETE / HTTP/1.1\r\nHost: gate\r\nContent-Length: 0\r\n\r\n", 405),
        ("no host", b"POST / HTTP/1.1\r\n\r\n", 400),
        ("header without end", START + b"X: " + b"y" * 100_000, 431),
        ("many headers", START + b"".join(b"X-%d: y\r\n" % n for n in range(5000)), 431),
        ("length that is none", START + SIGNED + JSON + b"Content-Length: ten\r\n\r\n", 400),
        ("negative length", START + SIGNED + JSON + b"Content-Length: -1\r\n\r\n", 400),
        ("two lengths", START + SIGNED + JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        ("said too long", START + SIGNED + JSON + b"Content-Length: 99999999999\r\n\r\n", 413),
        ("length beyond python", START + SIGNED + JSON + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        ("chunk that is none", START + SIGNED + JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("chunks too long", START + SIGNED + JSON + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 130, 413),
        ("cut off", START + SIGNED + JSON + b"Content-Length: 50\r\n\r\n{", 400),
        ("no json", START + SIGNED + JSON + b"Content-Length: 4\r\n\r\nnull", 400),
        ("deep json", START + SIGNED + JSON + b"Content-Length: 50000\r\n\r\n" + b"[" * 50_000, 400),
        ("no type", START + SIGNED + b"Content-Length: 2\r\n\r\n{}", 415),
        ("type with noise", START + SIGNED + b"Content-Type: multipart/form-data; boundary=\xff\xfe\r\nContent-Length: 2\r\n\r\n{}", 400),
        ("credentials with noise", START + b"Authorization: Basic \xff\xfe\r\n" + JSON + b"Content-Length: 2\r\n\r\n{}", 401),
    ],
)  # fmt: skip
def test_hostile_callers_are_refused_and_the_next_terminal_is_served(open_line, house, caplog, name, content, status):
    line = open_line()
    answer = raw(line, content)
    first = answer.partition(b"\r\n")[0]
    assert (first.split(b" ")[1:2] == [str(status).encode()]) if status else answer == b"", (name, answer[:200])
    assert house.reads() == []
    assert all(bad.raw == b"" for bad in house.bad())
    assert post(line).status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_whoever_trickles_is_cut_off_and_holds_up_nobody(open_line, house, monkeypatch, caplog):
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 1.0)
    line = open_line()
    host, _, port = line.device.partition(":")
    slow = [socket.create_connection((host, int(port)), timeout=30) for _ in range(4)]
    for number, connection in enumerate(slow):
        connection.sendall(START[: 10 + number])
    assert post(line).status_code == 200, "while the others trickle"
    pause = threading.Event()
    for _ in range(100):  # a byte now and then is no excuse
        try:
            slow[0].sendall(b"x")
        except OSError:
            break
        if pause.wait(0.02):
            break
    for connection in slow:
        with suppress(ConnectionResetError):
            assert connection.recv(100) == b""
        connection.close()
    assert "push refused why=slow" in caplog.text


def test_one_address_has_no_more_than_its_share_of_connections(open_line, house, wait_for):
    line = open_line()
    host, _, port = line.device.partition(":")
    held = [socket.create_connection((host, int(port)), timeout=30) for _ in range(serving.MOST_OF_ONE)]
    for connection in held:
        connection.sendall(START + b"\r\n")  # answered, and kept open
        assert connection.recv(20)
    assert raw(line, START) == b""
    for connection in held:
        connection.close()

    def served():
        try:
            return post(line).status_code == 200
        except requests.ConnectionError:
            return False

    wait_for(served, "there is room again")


def test_guessing_is_cut_short(open_line, house):
    line = open_line()
    answers = [post(line, auth=HTTPBasicAuth("north-1", f"guess-{n}"), picture=None).status_code for n in range(22)]
    assert (set(answers[:20]), set(answers[20:]), house.reads()) == ({401}, {429}, [])
    assert {bad.fault for bad in house.bad()} == {Fault.FORGED}


# ---- the line itself -------------------------------------------------------------------------------------------------------


def test_an_address_that_another_program_has_is_a_trouble_and_had_when_it_is_free(
    open_line, house, free_port, wait_for, monkeypatch
):
    monkeypatch.setattr(lines, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(lines, "LONGEST_WAIT", 0.05)
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        line = open_line(port=port)
        assert "cannot be listened on" in line.trouble("north-1")
    wait_for(lambda: line.trouble("north-1") == "", "it listens")
    assert post(line).status_code == 200


def test_it_is_sent_nothing_to_do(open_line):
    told = []
    open_line().act(Wanted("north-1", Action.OPEN, 1, done=told.append))
    assert told == ["a face terminal that calls over HTTP opens its door itself: nothing is sent to it"]


def test_over_tls(open_line, house, tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gate")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    line = open_line(tls_certificate="cert.pem", tls_key="key.pem")
    line.url = line.url.replace("http://127.0.0.1", "https://localhost")
    assert post(line, verify=str(tmp_path / "cert.pem")).status_code == 200
    assert house.reads() == [("north-1", "S202304125")]


@pytest.mark.parametrize(
    ("port", "options", "sentence"),
    [
        ("/dev/ttyUSB0", {}, 'is no address to listen on: write "0.0.0.0:8090"'),
        ("0.0.0.0:99999", {}, "is no address to listen on"),
        ("0.0.0.0:8090", {"secret_file": "missing"}, "secret_file: .* cannot be read"),
        ("0.0.0.0:8090", {"secret_file": "short"}, "secret_file: the secret has 3 characters: at least 12"),
        ("0.0.0.0:8090", {"secret_file": "open"}, "other accounts may open it"),
        ("0.0.0.0:8090", {"allow": []}, "allow: name the terminal's address"),
        ("0.0.0.0:8090", {"allow": ["everybody"]}, "allow: 'everybody' is neither an address"),
        ("0.0.0.0:8090", {"auth": "none"}, "auth: 'none' is not one of digest, basic, token"),
        ("0.0.0.0:8090", {"faces": ["75"]}, "faces: '75' is no code: write major/minor"),
        ("0.0.0.0:8090", {"fresh_for": "1h"}, "fresh_for: more than nothing and at most 5min"),
        ("0.0.0.0:8090", {"door": 300}, "door"),
        ("0.0.0.0:8090", {"pictures": True}, "unknown key 'pictures'"),
        ("0.0.0.0:8090", {"tls_key": "x"}, "tls_certificate and tls_key need each other"),
        ("0.0.0.0:8090", {"tls_key": "x", "tls_certificate": "y"}, "cannot be used"),
    ],
)
def test_settings_that_do_not_fit_are_a_sentence(tmp_path, secret, port, options, sentence):
    for name, content, mode in (("short", "abc", 0o600), ("open", SECRET, 0o644)):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigError, match=sentence):
        FAMILY.line(port, [portal(**{"secret_file": secret} | options)], tmp_path)


def test_portals_of_one_terminal_must_agree(tmp_path, secret):
    one = portal("north-1", secret_file=secret, user="t")
    with pytest.raises(ConfigError, match="door: 0 of terminal 't' is portal 'north-1' already"):
        FAMILY.line("0.0.0.0:8090", [one, portal("north-2", secret_file=secret, user="t")], tmp_path)
    with pytest.raises(ConfigError, match="user 't' is one terminal: give each of its doors the same"):
        FAMILY.line(
            "0.0.0.0:8090", [one, portal("north-2", secret_file=secret, user="t", door=2, auth="token")], tmp_path
        )
    assert family("face-push") is FAMILY
    assert ssl.HAS_TLSv1_2
