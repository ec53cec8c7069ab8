"""Several booking processes on one PostgreSQL: all serve the same library, one of them leads; and the parent over several."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from booking import workers
from booking.errors import BookingError
from booking.workers import Workers
from config.values import Secret
from messages import access, acknowledgement, command
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction
from messages.topics import Family, Leaf, build
from runtime import signing
from runtime.clock import SHIFT_VARIABLE, Clock
from runtime.mqtt import LinkDown, MqttLink
from runtime.service import Service
from runtime.signing import SigningKey, signed_properties

NOW = datetime.fromisoformat("2023-07-17T16:38:00+08:00")
READERS = [f"S{number:03}" for number in range(12)]
CODES = {"south": ("gate", "gate-code-0123456789"), "k-2s": ("kiosk", "kiosk-code-0123456789")}
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
SEAT = "2f-centre-065"


def private(path, content):
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    return str(path)


class Library:
    """One database, one broker, one data folder with keys; as many booking processes as a test starts."""

    def __init__(self, folder, database, broker, free_port):
        self.folder, self.broker, self.free_port = folder, broker, free_port
        accounts = [
            {"reader": reader, "name": reader, "password": "correct horse", "card": f"{number:010}", "role": "reader"}
            for number, reader in enumerate(READERS)
        ] + [{"reader": "STAFF", "name": "馆员", "password": "correct horse", "card": "0006547887", "role": "staff"}]
        codes = {device: {"kind": kind, "code": code} for device, (kind, code) in CODES.items()}
        self.settings = {
            "site": "config/sites/bjut.toml",
            "data": str(folder / "data"),
            "database": database.named("booking").value,
            "demo": True,
            "demo_accounts_file": private(folder / "accounts.json", json.dumps(accounts)),
            "enrolment_codes_file": private(folder / "codes.json", json.dumps(codes)),
        }
        self.clock = Clock.starting_at(NOW)
        self.running = []

    def process(self, **http):
        """Start a booking process and return it once it says that it serves."""
        started = Process(self, http)
        self.running.append(started)
        return started

    def close(self):
        for process in self.running:
            process.end()


class Process:
    """A running `seatgate booking` of a library."""

    def __init__(self, library, http):
        self.port = library.free_port()
        lines = [f"{key} = {json.dumps(value)}" for key, value in library.settings.items()]
        lines += ["[http]", f"port = {self.port}", *(f"{key} = {value}" for key, value in http.items())]
        lines += ["[broker]", f"port = {library.broker.port}"]
        lines += [f"password_file = {json.dumps(str(library.broker.password_file('booking')))}"]
        file = library.folder / f"booking-{self.port}.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        self.log = library.folder / f"log-{self.port}"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(60)
        address = f"\0workers-test-{os.getpid()}-{self.port}"
        self.notify.bind(address)
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": "@" + address[1:],
            SHIFT_VARIABLE: str(library.clock.shift.total_seconds()),
        }
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "seatgate", "booking", "--config", str(file)],
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            while b"READY=1" not in self.notify.recv(4096):
                pass
        except TimeoutError:
            pytest.fail(f"not ready: {self.log.read_text()[-3000:]}")
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)

    def signal(self, number):
        self.popen.send_signal(number)

    def ready(self):
        return self.http.get("/readyz").json()

    @property
    def leads(self):
        with suppress(httpx.HTTPError):
            return self.ready()["leading"]
        return False

    def sign_in(self, reader, password="correct horse"):
        return self.http.post("/api/v1/session", json={"reader": reader, "password": password})

    def book(self, token, seat=SEAT, key="k1", end="2023-07-17T18:00:00+08:00"):
        return self.http.post(
            "/api/v1/reservations",
            json={"seat": seat, "end": end},
            headers={"authorization": f"Bearer {token}", "idempotency-key": key},
        )

    def end(self):
        self.http.close()
        with suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGCONT)
            self.popen.kill()
        self.popen.wait(30)
        self.notify.close()


class Stream:
    """A live map's events, read as they come."""

    def __init__(self, process, last_id=None):
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{process.port}", timeout=30, trust_env=False)
        headers = {"last-event-id": last_id} if last_id else {}
        request = self.client.build_request("GET", "/api/v1/areas/2f-centre/events", headers=headers)
        self.lines = self.client.send(request, stream=True).iter_lines()

    def next(self):
        event = {}
        for line in self.lines:
            if not line and event:
                return event | {"data": json.loads(event["data"])}
            name, _, value = line.partition(": ")
            if name:
                event[name] = value
        raise EOFError

    def close(self):
        self.client.close()


@pytest.fixture
def library(tmp_path, database, private_broker, free_port):
    made = Library(tmp_path, database, private_broker, free_port)
    yield made
    for process in made.running:  # shown when the test has failed
        print(f"--- {process.log.name}\n{process.log.read_text()[-3000:]}")
    made.close()


@pytest.fixture
def two(library, wait_for):
    """Two processes, the first one leading."""
    first = library.process()
    wait_for(lambda: first.leads, "the only process leads")
    return first, library.process()


class Gate:
    """A gate with a list of events that it sends until each is acknowledged, as a real one does."""

    def __init__(self, library, process):
        self.key = SigningKey.generate()
        joined = process.http.post(
            "/api/v1/devices/enroll",
            json={
                "device": "south",
                "kind": "gate",
                "code": CODES["south"][1],
                "kid": self.key.kid,
                "public_key": signing.to_text(self.key.public_bytes),
            },
        )
        assert joined.status_code == 201, joined.text
        self.topic = build("bjut", Family.GATES, "south", Leaf.ACCESS)
        self.events, self.acknowledged, self.clock, self.sent_again = {}, set(), library.clock, 0.0
        self.link = MqttLink(
            library.broker.settings("gate-south"),
            client_id="south",
            session_expiry=timedelta(hours=1),
            on_message=self._on_message,
        )
        self.link.subscribe(build("bjut", Family.GATES, "south", Leaf.ACK))
        self.link.start()

    def _on_message(self, message):
        for first, last in acknowledgement.decode(message.payload).ranges:
            self.acknowledged |= set(range(first, last + 1))

    def swipe(self, card, direction):
        number = len(self.events) + 1
        event = AccessEvent(
            portal="south-1" if direction == "in" else "south-2",
            direction=Direction(direction),
            credential=Credential(CredentialKind.CARD, card),
            outcome=AccessOutcome.REPORTED,
            occurred_at=self.clock.now(),
            monotonic_ns=number,
            boot_id="boot",
            epoch=7,
            sequence=number,
        )
        self.events[number] = access.encode("bjut", "south", event)
        self._send(number)

    def _send(self, number):
        payload = self.events[number]
        with suppress(LinkDown):
            self.link.publish(self.topic, payload, properties=signed_properties(self.key, self.topic, payload))

    def all_acknowledged(self):
        """Tell whether nothing is left; what is left is sent again now and then, as `runtime.uplink` does."""
        left = sorted(self.events.keys() - self.acknowledged)
        if time.monotonic() > self.sent_again + 2:
            self.sent_again = time.monotonic()
            for number in left:
                self._send(number)
        return not left

    def close(self):
        self.link.stop()


@pytest.fixture
def gate(library, two):
    joined = Gate(library, two[0])
    yield joined
    joined.close()


def stored_events(database):
    with database.direct("booking") as db:
        rows = db.execute("SELECT sequence FROM inbox WHERE gate = ? ORDER BY sequence", ("south",)).fetchall()
        return Counter(row[0] for row in rows)


@pytest.mark.databases("postgres")
def test_whichever_process_is_asked_it_is_the_same_library(two):
    """Sessions, idempotency keys, budgets, live maps and their versions, and what only the leader does."""
    one, other = two
    assert (one.leads, other.leads) == (True, False)
    assert (one.ready()["ready"], other.ready()["ready"]) == (True, True)
    token = one.sign_in(READERS[0]).json()["token"]
    here, there = Stream(one), Stream(other)
    seen = here.next()["id"]
    assert there.next()["id"] == seen
    booked = one.book(token)
    assert booked.status_code == 201
    news = there.next()
    assert (news["event"], [seat["seat"] for seat in news["data"]["seats"]]) == ("change", [SEAT])
    assert here.next()["id"] == news["id"]
    resumed = Stream(other, seen)
    assert resumed.next() == news
    again = other.book(token)
    assert again.json()["id"] == booked.json()["id"]
    mine = other.http.get("/api/v1/reservations", headers={"authorization": f"Bearer {token}"}).json()["items"]
    assert [stay["id"] for stay in mine] == [booked.json()["id"]]
    statuses = [two[number % 2].sign_in(READERS[1], "wrong").status_code for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    for stream in (here, there, resumed):
        stream.close()


@pytest.mark.databases("postgres")
def test_the_same_seats_asked_for_at_both_processes_are_given_once(two):
    tokens = [two[0].sign_in(reader).json()["token"] for reader in READERS]
    seats = [f"2f-centre-{number:03}" for number in (1, 2, 3, 4)]

    def ask(number):
        return two[number % 2].book(tokens[number], seats[number % 4], key=f"k{number}").status_code

    with ThreadPoolExecutor(len(tokens)) as pool:
        answers = Counter(pool.map(ask, range(len(tokens))))
    assert answers == {201: 4, 409: 8}
    free = two[1].http.get("/api/v1/areas/2f-centre/seats").json()["items"]
    assert {seat["label"] for seat in free if seat["status"] != "free"} == {seat[-3:] for seat in seats}


@pytest.mark.databases("postgres")
@pytest.mark.xdist_group("chromium")
def test_two_browsers_at_two_processes_see_one_map(two, desktop, phone, asked_by):
    """Signed in at one process, booking at the other: whoever the proxy sends a reader to, it is the same session."""
    for page, reader, process in ((desktop, READERS[0], two[0]), (phone, READERS[1], two[1])):
        page.goto(f"http://127.0.0.1:{process.port}/sign-in")
        page.locator("#reader").fill(reader)
        page.locator("#password").fill("correct horse")
        page.locator("form[action='/sign-in'] button").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
    with phone.expect_response("**/events?seen=*"):
        phone.goto(f"http://127.0.0.1:{two[1].port}/areas/2f-centre")
    asked = asked_by(phone)
    desktop.goto(f"http://127.0.0.1:{two[0].port}/areas/2f-centre?seat={SEAT}")
    desktop.locator("#book form[action='/reservations'] button").click()
    desktop.wait_for_url("**/done/booked")
    phone.locator("#seat-065.reserved").wait_for()
    assert asked == []
    desktop.goto(
        f"http://127.0.0.1:{two[1].port}/"
    )  # cookies know no port: the other process is asked for the same session
    assert "065" in desktop.locator(".lead").inner_text()


@pytest.mark.databases("postgres")
def test_a_kiosks_picture_is_asked_for_and_answered_at_whichever_process(library, two):
    leader, other = two
    key, asked = SigningKey.generate(), threading.Event()
    orders = []

    def on_message(message):
        orders.append(command.decode(message.payload))
        asked.set()

    joined = leader.http.post(
        "/api/v1/devices/enroll",
        json={
            "device": "k-2s",
            "kind": "kiosk",
            "code": CODES["k-2s"][1],
            "kid": key.kid,
            "public_key": signing.to_text(key.public_bytes),
        },
    )
    assert joined.status_code == 201, joined.text
    link = MqttLink(
        library.broker.settings("observer"), client_id="k", session_expiry=timedelta(), on_message=on_message
    )
    link.subscribe(build("bjut", Family.KIOSKS, "k-2s", Leaf.COMMAND))
    link.start()
    token = leader.sign_in("STAFF").json()["token"]
    with closing(link_stopped(link)), ThreadPoolExecutor(1) as pool:
        assert wait_until(lambda: link.connected)
        # staff ask a process that does not lead; the kiosk answers at the one that nobody has asked
        picture = pool.submit(
            other.http.get, "/staff/kiosks/k-2s/screen.png", headers={"authorization": f"Bearer {token}"}
        )
        assert asked.wait(30)
        path = f"/api/v1/kiosks/k-2s/screens/{orders[0].id}"
        proof = key.sign_http("POST", path, PNG, device="k-2s", now=library.clock.now())
        assert leader.http.post(path, content=PNG, headers=proof).status_code == 202
        answer = picture.result(30)
    assert (answer.status_code, answer.content) == (200, PNG)
    assert len(orders) == 1


def link_stopped(link):
    """Return something that can be closed: it stops the link."""

    class _Link:
        def close(self):
            link.stop()

    return _Link()


def wait_until(condition, seconds=30):
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.02)
    return True


@pytest.mark.databases("postgres")
def test_a_leader_killed_in_the_middle_of_swipes_loses_none_and_applies_each_once(
    library, two, gate, database, wait_for
):
    leader, other = two
    for number in range(300):
        gate.swipe(f"{number % len(READERS):010}", "in" if number // len(READERS) % 2 == 0 else "out")
        if number == 150:
            wait_for(lambda: gate.all_acknowledged() or gate.acknowledged, "the leader is at it")
            leader.signal(signal.SIGKILL)
    wait_for(lambda: other.leads, "the other process leads")
    wait_for(gate.all_acknowledged, "every event is acknowledged")
    assert stored_events(database) == Counter(range(1, 301))
    third = library.process()
    assert not third.leads
    token = third.sign_in(READERS[0]).json()["token"]
    passages = third.http.get("/api/v1/gate-records", headers={"authorization": f"Bearer {token}"}).json()["items"]
    assert len(passages) == 25


@pytest.mark.databases("postgres")
def test_a_leader_that_stands_still_is_replaced_and_steps_back_when_it_goes_on(library, two, gate, database, wait_for):
    """SIGSTOP: its connections stay open, so only the server's patience ends its lead (booking.store.postgres.leading)."""
    leader, other = two
    gate.swipe("0000000000", "in")
    wait_for(gate.all_acknowledged, "the leader is at it")
    leader.signal(signal.SIGSTOP)
    for number in range(20):
        gate.swipe(f"{number % len(READERS):010}", "in")
    wait_for(lambda: other.leads, "the other process leads")
    wait_for(gate.all_acknowledged, "every event is acknowledged")
    leader.signal(signal.SIGCONT)
    wait_for(lambda: not leader.leads and leader.ready()["ready"], "the first one serves on and leads no longer")
    assert other.leads
    gate.swipe("0000000001", "out")
    wait_for(gate.all_acknowledged, "and the other still does its work")
    assert stored_events(database) == Counter(range(1, 23))


@pytest.mark.databases("postgres")
def test_a_leader_that_is_told_to_stop_hands_over(two, gate, wait_for):
    leader, other = two
    leader.signal(signal.SIGTERM)
    assert leader.popen.wait(30) == 0
    wait_for(lambda: other.leads, "the other process leads")
    gate.swipe("0000000001", "in")
    wait_for(gate.all_acknowledged, "events are taken")


def test_a_database_that_restarts_in_the_middle_of_swipes_loses_none(
    tmp_path, private_postgres, private_broker, free_port, wait_for
):
    """The lead goes with the connection and comes back with it; meanwhile the pages say what is wrong."""

    class Named:
        def named(self, _name):
            return Secret(private_postgres.url(database))

    database = private_postgres.create()
    library = Library(tmp_path, Named(), private_broker, free_port)
    only = library.process()
    wait_for(lambda: only.leads, "it leads")
    gate = Gate(library, only)
    for number in range(60):
        gate.swipe(f"{number % len(READERS):010}", "in" if number // len(READERS) % 2 == 0 else "out")
        if number == 30:
            # what went before the leader listens at the broker is sent again, as a gate does
            wait_for(lambda: gate.all_acknowledged() or gate.acknowledged, "it is at it")
            private_postgres.stop(signal.SIGQUIT)
    wait_for(lambda: not only.leads, "nobody leads without a database")
    assert only.http.get("/readyz").status_code == 503
    private_postgres.start()
    wait_for(lambda: only.leads, "it leads again")
    wait_for(gate.all_acknowledged, "every event is acknowledged")
    wait_for(lambda: only.ready()["ready"], "it is ready")
    with psycopg.connect(private_postgres.url(database)) as db:
        stored = Counter(row[0] for row in db.execute("SELECT sequence FROM inbox").fetchall())
    assert stored == Counter(range(1, 61))
    gate.close()
    library.close()


def workers_of(process):
    """Return the process ids of a parent's workers."""
    found = subprocess.run(["pgrep", "-P", str(process.popen.pid)], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in found.split()]


def alive(pid):
    """Tell whether a process runs; one that ended and that nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.databases("postgres")
def test_a_parent_serves_with_several_workers_on_one_port(library, wait_for):
    monitor = library.free_port()
    while library.free_port() != monitor + 1:  # the second worker's
        monitor = library.free_port()
    parent = library.process(workers=2, monitor_port=monitor - 1)
    assert len(workers_of(parent)) == 2
    seen = set()

    def both():
        with httpx.Client(base_url=f"http://127.0.0.1:{parent.port}", timeout=30, trust_env=False) as client:
            seen.add(client.get("/readyz").json()["worker"])
        return len(seen) == 2

    wait_for(both, "both workers answer on the one port")
    assert {name.rpartition(" ")[2] for name in seen} == {"1", "2"}
    own = httpx.get(f"http://127.0.0.1:{monitor}/metrics", timeout=30, trust_env=False).text
    assert re.search(r'seatgate_worker_info\{worker=".* worker 1"\} 1\.0', own)
    assert "seatgate_leading" in own

    before = workers_of(parent)
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: len(set(workers_of(parent)) | set(before)) == 3 and len(workers_of(parent)) == 2, "a new worker")
    assert parent.http.get("/healthz").status_code == 200
    live = Stream(parent)
    assert live.next()["event"] == "snapshot"
    last = workers_of(parent)
    parent.signal(signal.SIGTERM)
    assert parent.popen.wait(30) == 0
    assert not any(alive(pid) for pid in last)
    live.close()


@pytest.mark.databases("postgres")
def test_workers_end_with_their_parent_however_it_ends(library, wait_for):
    parent = library.process(workers=2)
    running = workers_of(parent)
    parent.popen.kill()
    parent.popen.wait(30)
    wait_for(lambda: not any(alive(pid) for pid in running), "the workers are gone")


@pytest.fixture
def small(monkeypatch):
    """`small(script, count)`: a parent over workers that run a few lines of Python; started on a thread, stopped at the end."""
    told, stack = [], []
    monkeypatch.setattr(workers, "FIRST_RESTART", 0.05)

    class Told(Service):
        def __init__(self):
            self.stop = threading.Event()

        def ready(self, status=""):
            told.append("ready")

        def watchdog(self):
            told.append("watchdog")

        @property
        def watchdog_interval(self):
            return 0.05

    def start(script, count=1):
        service, plug = Told(), socket.create_server(("127.0.0.1", 0))
        parent = Workers(service, [sys.executable, "-c", SAYS + script], plug, count)
        failed = []

        def run():
            try:
                parent.run()
            except BookingError as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        stack.append((service, plug, thread))
        return service, told, failed, thread

    yield start
    for service, plug, thread in stack:
        service.stop.set()
        thread.join(30)
        assert not thread.is_alive()
        plug.close()


SAYS = """
import os, socket, sys, threading
def say(word):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(word, chr(0) + os.environ["NOTIFY_SOCKET"][1:])
pause = threading.Event()
"""


def test_a_worker_that_hangs_is_killed_and_started_again(small, monkeypatch, tmp_path, wait_for):
    monkeypatch.setattr(workers, "SILENT", 0.3)
    starts = tmp_path / "starts"
    small(f"open({str(starts)!r}, 'a').write('x'); say(b'READY=1'); pause.wait()")
    wait_for(lambda: starts.exists() and len(starts.read_text()) > 2, "it was started again, and again")


def test_the_supervisors_watchdog_is_fed_while_all_workers_tick(small, monkeypatch, wait_for):
    monkeypatch.setattr(workers, "SILENT", 0.3)
    _, told, _, _ = small("say(b'READY=1')\nwhile not pause.wait(0.05): say(b'WATCHDOG=1')", 2)
    wait_for(lambda: told.count("watchdog") > 20, "it is fed")
    assert told.count("ready") == 1


def test_workers_that_cannot_start_are_one_sentence(small, wait_for):
    _, told, failed, thread = small("sys.exit(1)", 2)
    thread.join(30)
    assert "could not start" in str(failed[0])
    assert "ready" not in told


def test_a_worker_that_does_not_stop_is_killed(small, monkeypatch, wait_for):
    monkeypatch.setattr(workers, "STOPS_WITHIN", 0.2)
    service, told, _, thread = small(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); say(b'READY=1')\nwhile True: pause.wait()"
    )
    wait_for(lambda: "ready" in told, "it runs")
    service.stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_several_workers_on_sqlite_are_refused_with_a_sentence(tmp_path):
    file = tmp_path / "booking.toml"
    broker = '[broker]\npassword_file = "mqtt"'
    file.write_text(f'site = "config/sites/bjut.toml"\ndata = "{tmp_path}"\n{broker}\n[http]\nworkers = 2', "utf-8")
    command_line = [sys.executable, "-m", "seatgate", "booking", "--config", str(file)]
    done = subprocess.run(command_line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "http.workers: an SQLite file has one process, several need PostgreSQL" in done.stderr
