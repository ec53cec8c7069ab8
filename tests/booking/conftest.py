"""A small real site, its store on a real database, and a few readers: what the tests of booking share.

Tests of the store and of the service run on both databases, others on SQLite; `@pytest.mark.databases("postgres")` (or
`"sqlite"`, or both) says otherwise.
"""

import contextlib
import gc
import hashlib
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import apsw
import psycopg
import pytest

from booking.domain.places import Places
from booking.service.commands import Act, Card, Changed, LoadPeople, Person, RecordGateEvent, Reserve
from booking.store.opening import open_store
from booking.store.postgres.address import Address
from booking.store.postgres.schema import prepare_database
from config.policy import Policy
from config.schema import Area, Gate, Kiosk, Portal, PortalDirection, Site, Venue
from config.values import Secret, Text
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

    def __init__(self, kind, name, places, now):
        self._kind, self._name = kind, name
        self.database, self.places = kind.named(name), places
        self.store = open_store(self.database, places, now)
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

    def direct(self):
        """Lend a connection to the desk's database that knows no rule and may write."""
        return self._kind.direct(self._name)

    def give_database_back(self):
        """Let the next desk have this one's database, emptied; the desk is closed."""
        self._kind.give_back(self._name)

    def forget_database(self):
        """Let no later test have this database."""
        self._kind.forget(self._name)

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


# ---- databases -------------------------------------------------------------------------------------------------------


class SqliteOfTest:
    """SQLite files of one test."""

    refused = apsw.ConstraintError
    """What storage raises when a constraint refuses a write; its text names the constraint."""

    def __init__(self, folder):
        self._folder = folder

    def named(self, name):
        """Return what `open_store` takes: the same database for the same name."""
        return self._folder / f"{name}.sqlite"

    def give_back(self, name):
        """Nobody is to have it again: the next file is as quickly made."""

    @contextlib.contextmanager
    def direct(self, name):
        with contextlib.closing(apsw.Connection(str(self.named(name)))) as connection:
            connection.set_busy_timeout(30_000)
            yield connection


_EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version' LOOP
        EXECUTE format('DELETE FROM %I', one.tablename);
    END LOOP;
    PERFORM setval(c.oid, 1, false) FROM pg_class c WHERE c.relkind = 'S';
END $$
"""


class PostgresOfTest:
    """Databases of one test on the worker's PostgreSQL: used ones are emptied, which is quicker than making another."""

    refused = psycopg.errors.IntegrityError

    def __init__(self, server, empty):
        self._server, self._empty = server, empty
        self._names = {}

    def named(self, name):
        if name not in self._names:
            self._names[name] = self._empty.pop() if self._empty else self._migrated()
        return Secret(self._server.url(self._names[name]))

    def _migrated(self):
        address = Address(Secret(self._server.url(database := self._server.create())))
        with contextlib.closing(address.connect("SELECT 1")) as connection:
            prepare_database(connection, address)
        return database

    @contextlib.contextmanager
    def direct(self, name):
        with contextlib.closing(Address(self.named(name)).connect("SELECT 1")) as connection:
            yield connection

    def forget(self, name):
        self._server.drop(self._names.pop(name))

    def give_back(self, name):
        with self.direct(name) as connection:
            connection.run(_EMPTY)
        self._empty.append(self._names.pop(name))

    def give_all_back(self):
        for name in list(self._names):
            self.give_back(name)


def pytest_generate_tests(metafunc):
    if "database" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("databases")
        both = metafunc.definition.path.parent.name in {"store", "service"}
        kinds = marker.args if marker else ("sqlite", "postgres") if both else ("sqlite",)
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture(scope="session")
def empty_databases():
    """The names of this worker's databases that have all tables and nothing in them."""
    return []


@pytest.fixture
def database(request, tmp_path):
    """The kind of database that this run of the test is on."""
    if request.param == "sqlite":
        yield SqliteOfTest(tmp_path)
        return
    kind = PostgresOfTest(request.getfixturevalue("postgres"), request.getfixturevalue("empty_databases"))
    yield kind
    kind.give_all_back()


@pytest.fixture
def open_desk(database):
    """`open_desk(places)`: a desk on this test's own database; closed at the end."""
    opened = []

    def open_(places=None, now="08:00", name="booking"):
        desk = Desk(database, name, places or make_places(), clock_time(now))
        opened.append(desk)
        return desk

    yield open_
    for desk in opened:
        desk.close()


@pytest.fixture
def sqlite_desk(tmp_path):
    """A desk on an SQLite file, whatever this run of the test is on otherwise."""
    desk = Desk(SqliteOfTest(tmp_path), "beside", make_places(), clock_time("08:00"))
    yield desk
    desk.close()


@pytest.fixture
def desk(open_desk):
    return open_desk()


@pytest.fixture
def collector_off():
    """Only reference counts free anything: what is left lies in a circle."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
