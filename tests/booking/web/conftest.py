"""The whole web layer over a real store and a real server: a clock that tests move, readers, devices, and clients."""

import json
import re
import threading
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import httpx
import pytest

import config
from booking.accounts import HASHER
from booking.domain.places import Places
from booking.identity import Identity
from booking.ingest import Ingest
from booking.service.commands import Card, LoadPeople, OfferEnrolment, Person
from booking.sso.vouching import SignIns
from booking.store.opening import open_store
from booking.web.app import create_app
from booking.web.context import Context
from booking.web.live import LiveHub
from booking.web.screens import Screens
from booking.web.server import WebServer, bind
from booking.web.sessions import hash_of
from config.plans import load_plan
from config.schema import Site
from messages import access, acknowledgement, checkin, presence
from messages.access import (
    AccessEvent,
    AccessOutcome,
    AlarmEvent,
    Credential,
    CredentialKind,
    Direction,
    PassageEvent,
)
from messages.presence import OutboxState, Presence, PresenceState
from messages.topics import Family, Leaf, build
from runtime import signing
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.signing import SigningKey

ZONE = ZoneInfo("Asia/Shanghai")
MASTER = b"m" * 32
PASSWORD = "correct horse"
ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
SECOND = 1_000_000_000
"""In nanoseconds of a gate's monotonic clock."""
ENROLMENT = {"south": "gate-code-0123456789", "north": "north-code-0123456789", "k-2s": "kiosk-code-0123456789"}


def clock_time(text, day=17):
    hours, minutes = (int(part) for part in text.split(":"))
    return datetime(2023, 7, day, hours, minutes, tzinfo=ZONE).astimezone(UTC)


@cache
def shipped_site(name="bjut.toml"):
    """A shipped site, its plans, and one password's hash: made once, they are the slow part of a start."""
    site = config.load(Site, config.shipped("sites", name))
    return site, {area.id: load_plan(site, area) for area in site.areas}, HASHER.hash(PASSWORD)


class HandClock(Clock):
    """A clock that stands where a test puts it."""

    def __init__(self, moment):
        super().__init__()
        object.__setattr__(self, "moment", moment)

    def now(self):
        return self.moment

    def put(self, moment):
        object.__setattr__(self, "moment", moment)


class Kiosks:
    """Stands where the leader and the broker would: notes what kiosks are asked for, and may answer one."""

    def __init__(self, reads, clock):
        self.reads, self.clock = reads, clock
        self.asked, self.asked_one = [], threading.Event()

    def committed(self, _touched):
        for one in self.reads.wanted_pictures(self.clock.now()):
            if one not in self.asked:
                self.asked.append(one)
                self.asked_one.set()


class House:
    """A running service and what tests need to reach into."""

    def __init__(self, database, now, change=None, site="bjut.toml", sign_in=None):
        self.clock = HandClock(now)
        self.site, plans, password = shipped_site(site)
        self.site = change(self.site) if change else self.site
        places = self.places = Places.of(self.site, {area: plan.seats for area, plan in plans.items()})
        self.database = database
        self.store = open_store(self.database, places, now)
        self.reads = self.store.reads
        self.do(
            LoadPeople(
                at=now,
                people=(
                    Person(reader=ONE, name="林知夏", password_hash=password, cards=(Card("card", "0006547886"),)),
                    Person(reader=OTHER, name="王小满", password_hash=password, cards=(Card("card", "0000000002"),)),
                    Person(reader=STAFF, name="馆员", role="staff", password_hash=password),
                ),
            )
        )
        for device, code in ENROLMENT.items():
            kind = "kiosk" if device == "k-2s" else "gate"
            self.do(OfferEnrolment(device=device, kind=kind, at=now, code_hash=hash_of(code)))
        self.kiosk = next(kiosk for kiosk in self.site.kiosks)
        self.kiosks, self.faults, self.server_key = Kiosks(self.reads, self.clock), [], SigningKey.generate()
        self.store.writer.on_commit(self.kiosks.committed)
        self.socket = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        live = LiveHub(self.reads, self.clock)
        self.context = Context(
            site=self.site,
            plans=plans,
            clock=self.clock,
            writer=self.store.writer,
            reads=self.reads,
            key=self.server_key,
            master=MASTER,
            live=live,
            screens=Screens(self.reads, self.store.writer, self.clock),
            public_url=self.url,
            sign_in=sign_in(self.url, self.clock) if sign_in else SignIns(),
            faults=lambda: self.faults,
            worker="library-1",
        )
        self.app = create_app(self.context)
        started = threading.Event()
        self.server = WebServer(self.app, live, express=self.app.express, on_started=started.set)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()
        assert started.wait(30)

    def do(self, *commands):
        outcomes = self.store.writer.submit(commands).result(30)
        return outcomes[0] if len(outcomes) == 1 else outcomes

    def at(self, text, day=17):
        self.clock.put(clock_time(text, day))

    def code(self, *, kiosk=None, steps=0, master=MASTER):
        step = checkin.step_at(self.clock.now()) + steps
        number = self.kiosk.number if kiosk is None else kiosk
        return checkin.mint(checkin.day_key(master, checkin.epoch_of(step), number), number, step)

    def close(self):
        self.server.stop()
        self.thread.join(30)
        self.store.close()
        self.socket.close()


class Api(httpx.Client):
    """A client without cookies."""

    def __init__(self, house, token=None):
        super().__init__(base_url=house.url, headers={"authorization": f"Bearer {token}"} if token else {}, timeout=30)

    def book(self, seat="2f-centre-065", start=None, end="2023-07-17T20:00:00+08:00", **more):
        wish = {"seat": seat, "end": end} | ({"start": start} if start else {})
        return self.post("/api/v1/reservations", json=wish | more.pop("json", {}), **more)


class Browser(httpx.Client):
    """A browser: cookies, HTML, its own Origin, forms as pages give them."""

    def __init__(self, house):
        super().__init__(base_url=house.url, headers={"accept": "text/html"}, timeout=30, follow_redirects=True)
        self.own = house.url

    def sign_in(self, reader=ONE, password=PASSWORD, **more):
        return self.post("/sign-in", data={"reader": reader, "password": password} | more, headers={"origin": self.own})

    def form(self, page, action):
        """Return the hidden fields of the form with this action on a page."""
        found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page.text, re.DOTALL)
        assert found, f"no form {action} on {page.url}"
        return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))

    def submit(self, page, action, **changes):
        return self.post(action, data=self.form(page, action) | changes, headers={"origin": self.own})


class Device(httpx.Client):
    """An enrolled device that signs what it sends."""

    def __init__(self, house, name, kind):
        super().__init__(base_url=house.url, timeout=30)
        self.house, self.name, self.kind, self.key = house, name, kind, SigningKey.generate()

    def enrol(self, **changes):
        body = {
            "device": self.name,
            "kind": self.kind,
            "code": ENROLMENT[self.name],
            "kid": self.key.kid,
            "public_key": signing.to_text(self.key.public_bytes),
        }
        return self.post("/api/v1/devices/enroll", json=body | changes)

    def signed(self, method, path, body=b"", *, now=None, key=None, headers=None):
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        proof = (key or self.key).sign_http(method, path, content, device=self.name, now=now or self.house.clock.now())
        kind = {"content-type": "application/json"} if isinstance(body, dict) else {}
        return self.request(method, path, content=content, headers=proof | kind | (headers or {}))


class Wire:
    """A gate of `house` on the ingest path: what it says is signed MQTT payloads, what comes back acknowledgements."""

    def __init__(self, house, device, folder):
        assert device.enrol().status_code == 201, "the gate did not join"
        self.house, self.key, self.name = house, device.key, device.name
        self.epoch, self.sequence, self.boot, self.sent = 4711, 0, "boot-1", []
        self.monotonic = 100 * SECOND
        self.ingest = Ingest(
            places=house.places,
            writer=house.store.writer,
            reads=house.reads,
            identity=Identity.load_or_create(house.site.id, folder / "wire-keys"),
            clock=house.clock,
            publish=self.sent.append,
        )

    def event(self, kind, portal, at=None, **more):
        self.sequence = more.pop("sequence", self.sequence + 1)
        return kind(
            portal=portal,
            occurred_at=clock_time(at) if isinstance(at, str) else at or self.house.clock.now(),
            monotonic_ns=more.pop("monotonic", self.monotonic),
            boot_id=more.pop("boot", self.boot),
            epoch=more.pop("epoch", self.epoch),
            sequence=self.sequence,
            **more,
        )

    def swipe(self, way="in", at=None, *, card="0006547886", read="card", outcome="reported", portal=None, **more):
        lane = portal or (f"{self.name}-1" if way == "in" else f"{self.name}-2")
        credential = Credential(CredentialKind(read), card) if card else None
        return self.event(
            AccessEvent,
            lane,
            at,
            direction=Direction(way),
            credential=credential,
            outcome=AccessOutcome(outcome),
            **more,
        )

    def passes(self, *args, **more):
        """Say that somebody swiped; return the acknowledgement."""
        return self.say(self.swipe(*args, **more))

    def walked(self, of, *, passed, at=None):
        return self.say(self.event(PassageEvent, f"{self.name}-1", at, of=of, passed=passed))

    def alarm(self, at=None, *, active=True, **more):
        return self.say(self.event(AlarmEvent, f"{self.name}-1", at, active=active, **more))

    def say(self, *events):
        return self.hand([self.message(Leaf.ACCESS, access.encode(self.house.site.id, self.name, e)) for e in events])

    def message(self, leaf, payload, **more):
        topic = build(self.house.site.id, Family.GATES, self.name, leaf)
        return Message(topic, payload, signing.signed_properties(self.key, topic, payload), **more)

    def hand(self, messages):
        self.sent.clear()
        self.ingest.take(messages)
        acks = [one for one in self.sent if one.topic.endswith("/ack")]
        return [acknowledgement.decode(one.payload) for one in acks]

    def birth(self, *, wall=None, monotonic=None, boot=None, **outbox):
        figures = {"epoch": self.epoch, "last_sequence": self.sequence, "depth": 0, "watermark": 0} | outbox
        said = Presence(
            PresenceState.BIRTH,
            1,
            "1.0",
            wall or self.house.clock.now(),
            monotonic or self.monotonic,
            boot or self.boot,
            OutboxState(**figures),
        )
        payload = presence.encode(self.house.site.id, Family.GATES, self.name, said)
        return self.hand([self.message(Leaf.PRESENCE, payload)])


@pytest.fixture
def wire_of(clients, tmp_path):
    """`wire_of(house, name)`: an enrolled gate of a service of `open_house`, speaking signed MQTT payloads."""

    def make(house, name="south"):
        client = Device(house, name, "gate")
        clients.append(client)
        return Wire(house, client, tmp_path)

    return make


@pytest.fixture(scope="session")
def house_type():
    """`house_type(database, now, …)`: a service that a test opens and closes by itself, or that several share."""
    return House


@pytest.fixture
def house(database):
    opened = House(database.named("booking"), clock_time("16:38"))
    yield opened
    opened.close()


@pytest.fixture
def open_house(database):
    """`open_house(change, now="16:38")`: a service whose site file is what `change` makes of a shipped one.

    `sign_in(url, clock)` gives how people sign in there.
    """
    opened = []

    def open_(change=None, now="16:38", name="changed", site="bjut.toml", sign_in=None):
        moment = clock_time(now) if isinstance(now, str) else now
        opened.append(House(database.named(name), moment, change, site, sign_in))
        return opened[-1]

    yield open_
    for house in opened:
        house.close()


@pytest.fixture
def clients():
    """Close what a test opens."""
    opened = []
    yield opened
    for client in opened:
        client.close()


@pytest.fixture
def api(house, clients):
    """`api(reader)`: a client with that reader's bearer token; without a reader, with none."""

    return lambda *args, **more: client_of(house, clients, *args, **more)


@pytest.fixture
def api_of(clients):
    """`api_of(house, reader)`: the same at a service of `open_house`."""
    return lambda *args, **more: client_of(args[0], clients, *args[1:], **more)


def client_of(house, clients, reader=None, password=PASSWORD):
    client = Api(house)
    clients.append(client)
    if reader is None:
        return client
    token = client.post("/api/v1/session", json={"reader": reader, "password": password}).json()["token"]
    signed_in = Api(house, token)
    clients.append(signed_in)
    return signed_in


@pytest.fixture
def browser(house, clients):
    """`browser(reader)`: a signed-in browser; without a reader, a fresh one."""

    return lambda reader=None: browser_at(house, clients, reader)


@pytest.fixture
def browser_of(clients):
    """`browser_of(house, reader)`: the same at a service of `open_house`."""
    return lambda house, reader=None: browser_at(house, clients, reader)


def browser_at(house, clients, reader):
    client = Browser(house)
    clients.append(client)
    if reader is not None:
        assert client.sign_in(reader).status_code == 200
    return client


@pytest.fixture
def device(house, clients):
    """`device(name, kind)`: a device with a key of its own, not enrolled yet."""

    def make(name="k-2s", kind="kiosk"):
        client = Device(house, name, kind)
        clients.append(client)
        return client

    return make


@pytest.fixture
def device_of(clients):
    """`device_of(house, name, kind)`: the same at a service of `open_house`."""

    def make(house, name="k-2s", kind="kiosk"):
        client = Device(house, name, kind)
        clients.append(client)
        return client

    return make
