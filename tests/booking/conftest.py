"""A small real site, its store on a real file, and a few readers: what the tests of booking share."""

import hashlib
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from booking.domain.places import Places
from booking.service.commands import Act, Card, Changed, LoadPeople, Person, RecordGateEvent, Reserve
from booking.store.sqlite import open_store
from config.policy import Policy
from config.schema import Area, Gate, Kiosk, Portal, PortalDirection, Site, Venue
from config.values import Text
from messages import access
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction

ZONE = ZoneInfo("Asia/Shanghai")
READERS = tuple(f"S{number:03}" for number in range(40))


def text(word):
    return Text(word, word)


def make_site(**changes):
    """Two venues; area `centre` with 10 seats (one closed), `east` with 4, `annex` in the other venue with 2."""
    settings = {
        "id": "lib",
        "name": text("lib"),
        "timezone": ZONE,
        "venues": [Venue("main", text("图书馆"), time(8), time(22)), Venue("other", text("other"), time(0), time.max)],
        "areas": [
            Area("centre", text("二层中厅"), "main", 2, "centre.json", closed_seats=["010"]),
            Area("east", text("二层东区"), "main", 2, "east.json", max_length=timedelta(hours=4)),
            Area("annex", text("annex"), "other", 1, "annex.json"),
        ],
        "gates": [
            Gate(
                "south",
                "main",
                text("南门"),
                [
                    Portal("south-1", PortalDirection.IN, "rdm6300"),
                    Portal("south-2", PortalDirection.OUT, "rdm6300"),
                    Portal("south-3", PortalDirection.FRAME, "line"),
                ],
            ),
            Gate("annex", "other", text("annex"), [Portal("annex-1", PortalDirection.FRAME, "line")]),
        ],
        "kiosks": [Kiosk("second-floor", 7, text("选座机"), "main"), Kiosk("annex", 8, text("annex"), "other")],
        "policy": Policy(),
    }
    return Site(**(settings | changes))


def make_places(site=None):
    sizes = {"centre": 10, "east": 4, "annex": 2}
    site = site or make_site()
    plans = {
        area.id: [SimpleNamespace(label=f"{n:03}", x=n * 100.0, y=0.0) for n in range(1, sizes[area.id] + 1)]
        for area in site.areas
    }
    return Places.of(site, plans)


def clock_time(hhmm, day=17):
    """Return a time of July 2023 in Beijing: `clock_time("16:38")` is the manual's 2023-07-17. A moment stays."""
    if isinstance(hhmm, datetime):
        return hhmm
    hours, minutes, *seconds = (int(part) for part in hhmm.split(":"))
    return datetime(2023, 7, day, hours, minutes, *seconds, tzinfo=ZONE).astimezone(UTC)


@pytest.fixture
def at():
    return clock_time


@pytest.fixture
def places():
    return make_places()


class Desk:
    """A store and short words for what tests ask of it."""

    def __init__(self, database, places, now):
        self.database, self.places = database, places
        self.store = open_store(database, places, now)
        self.reads, self.writer = self.store.reads, self.store.writer
        people = tuple(
            Person(reader=reader, name=f"读者{reader}", cards=(Card("card", f"{n:010}"), Card("face", f"F{n}")))
            for n, reader in enumerate(READERS)
        )
        self.do(LoadPeople(at=now, people=people))

    def do(self, *commands):
        outcomes = self.writer.submit(commands).result(30)
        return outcomes[0] if len(outcomes) == 1 else outcomes

    def book(self, reader, seat, start, end, *, now=None, **more):
        return self.do(
            Reserve(
                reader=reader,
                at=clock_time(now or start),
                seat=seat,
                area=more.pop("area", None),
                start=None if start == "now" else clock_time(start),
                end=clock_time(end),
                **more,
            )
        )

    def booked(self, *args, **kwargs):
        outcome = self.book(*args, **kwargs)
        assert isinstance(outcome, Changed), outcome
        return outcome.reservation

    def act(self, stay, action, now, **more):
        return self.do(Act(reader=stay.reader, at=clock_time(now), reservation=stay.id, action=action, **more))

    def status(self, stay, now):
        return self.reads.reservation(stay.reader, stay.id, clock_time(now)).status

    def changes(self, stay, now="23:59"):
        return [line.change for line in self.reads.reservation(stay.reader, stay.id, clock_time(now)).history]

    def close(self):
        self.store.close()


class GateOfTest:
    """Hands a gate's events to the writer, as the ingest does."""

    def __init__(self, desk, name="south"):
        self.desk, self.name, self.sequence = desk, name, 0

    def passes(self, direction, when, *, received=None, card="0000000001", **more):
        self.sequence += 1
        event = AccessEvent(
            portal=more.pop("portal", "south-3"),
            direction=Direction(direction),
            credential=Credential(more.pop("kind", CredentialKind.CARD), card),
            outcome=AccessOutcome(more.pop("outcome", "reported")),
            occurred_at=clock_time(when),
            monotonic_ns=0,
            boot_id="b",
            epoch=1,
            sequence=self.sequence,
        )
        return self.send(event, received or when)

    def send(self, event, received):
        payload = access.encode("lib", self.name, event)
        return self.desk.do(
            RecordGateEvent(
                gate=self.name,
                at=clock_time(received),
                event=event,
                payload=payload,
                digest=hashlib.sha256(payload).digest(),
            )
        )


@pytest.fixture
def open_gate():
    """`open_gate(desk, name)`: a gate whose events go straight to the desk's writer."""
    return GateOfTest


@pytest.fixture
def open_desk(tmp_path):
    """`open_desk(places)`: a desk on this test's own database file; closed at the end."""
    opened = []

    def open_(places=None, now="08:00", name="booking.sqlite"):
        desk = Desk(tmp_path / name, places or make_places(), clock_time(now))
        opened.append(desk)
        return desk

    yield open_
    for desk in opened:
        desk.close()


@pytest.fixture
def desk(open_desk):
    return open_desk()
