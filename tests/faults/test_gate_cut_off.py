"""Rows 7 and 13: a gate that was cut off for a day, and a booking service whose database is yesterday's.

In both the gate has on its own disk what booking does not know, and nobody is blamed meanwhile.
"""

import shutil
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from bench import proxy as proxies
from bench.faults.broker import RunningBroker
from bench.faults.edge import Edge, booking, clock_at, enrolment_of
from bench.faults.ledger import reader_name
from bench.faults.server import NOW, places_of
from bench.faults.site import write_site
from booking import backup
from booking.domain.violations import Standing
from booking.identity import Identity
from booking.resync import Resyncs
from booking.service.commands import Card, Changed, LoadPeople, Person, Reserve
from booking.settings import load_settings
from booking.store.sqlite import open_store
from messages.access import Direction

CAME, NEVER, LEFT = range(3)
"""Readers: came while the gate was cut off; never came; was there, went out and came back meanwhile."""


def moment(text, day=17):
    return datetime.fromisoformat(f"2023-07-{day}T{text}:00+08:00")


def card(number):
    return f"{number + 1:010}"


class Library:
    """A broker, a proxy before it, a gate behind the proxy, and booking with three readers' reservations."""

    def __init__(self, folder, broker, gate_port):
        self.folder, self.broker = folder, broker
        self.site_file = write_site(folder, {"south-1": ("in", ""), "south-2": ("out", "")})
        self.places, self.clock = places_of(self.site_file), clock_at(NOW)
        self.data, self.database = folder / "data", folder / "booking.sqlite"
        self.data.mkdir()
        server = Identity.load_or_create(self.places.site.id, self.data)
        settings = broker.through("gate-south", gate_port)
        self._gate = (self.places.site, settings, server.key.public_bytes, self.clock)
        self.edge = Edge(folder / "gate", *self._gate)
        people = tuple(Person(reader=reader_name(n), name="r", cards=(Card("card", card(n)),)) for n in range(4))
        store = open_store(self.database, self.places, NOW)
        store.writer.submit([LoadPeople(at=NOW, people=people), *enrolment_of(self.edge.key, NOW)]).result(30)
        for number in (CAME, NEVER, LEFT):
            self.book(store, number)
        store.close()

    def book(self, store, number):
        wish = Reserve(
            reader=reader_name(number),
            at=self.clock.now(),
            seat=f"2f-centre-00{number + 1}",
            area=None,
            start=None,
            end=moment("13:00"),
        )
        (made,) = store.writer.submit([wish]).result(30)
        assert isinstance(made, Changed), made

    def booking(self):
        return booking(self.database, self.data, self.places, self.broker.settings("booking"), self.clock)

    def at(self, text, day=17):
        self.clock.put(moment(text, day))

    def passes(self, direction, number, text):
        self.at(text)
        self.edge.passes(Direction(direction), card(number))

    def put_back(self, copy):
        """Let the gate go on with an older copy of its disk."""
        self.edge.close()
        self.edge = Edge(copy, *self._gate, key=self.edge.key)
        self.edge.start()

    def delivered(self):
        return self.edge.outbox.state().depth == 0


@pytest.fixture
def library(tmp_path, free_port):
    broker = RunningBroker(tmp_path / "broker", free_port())
    broker.start()
    with proxies.in_thread(broker.port) as proxy:
        opened = Library(tmp_path, broker, proxy.port)
        opened.proxy = proxy
        opened.edge.start()
        yield opened
        proxy.black_hole(on=False)
        opened.edge.close()
    broker.kill()


def look(service, number):
    """What a reader sees now: status of their reservation, and how far its violation has come."""
    now, reader = service.clock.now(), reader_name(number)
    (stay,) = service.store.reads.reservations(reader, now).items
    violations = service.store.reads.violations(reader, now).items
    return SimpleNamespace(status=stay.status, violation=[one.standing for one in violations])


def test_a_day_without_the_gate_makes_no_false_no_show_and_no_violation_is_final(library, wait_for):
    """A violation is provisional until every entry portal of its venue has reported a watermark past the deadline."""
    with library.booking() as service:
        library.passes("in", LEFT, "10:10")
        wait_for(library.delivered, "the gate is heard before it is cut off")
        library.proxy.black_hole()
        library.passes("in", CAME, "10:20")
        library.passes("out", LEFT, "10:22")
        library.passes("in", LEFT, "10:40")
        for text, day in (("10:41", 17), ("12:59", 17), ("10:41", 18)):
            library.at(text, day)
            service.sweep()
            for number in (CAME, NEVER):
                seen = look(service, number)
                assert (seen.status, seen.violation) == ("no-show", [Standing.PROVISIONAL])
        assert look(service, LEFT).violation == []
        assert library.edge.outbox.state().depth == 3

        library.proxy.black_hole(on=False)
        library.proxy.reset_all()
        wait_for(library.delivered, "what the gate took meanwhile is stored")
        reports = service.ingest.counts["reports"]
        library.edge.report()
        wait_for(lambda: service.ingest.counts["reports"] > reports, "the gate says that nothing is missing")
        service.sweep()
        came, never, left = (look(service, number) for number in (CAME, NEVER, LEFT))
    assert (came.status, came.violation) == ("ended", [Standing.LIFTED])
    assert (never.status, never.violation) == ("no-show", [Standing.STANDING])
    assert (left.status, left.violation) == ("ended", [])


@pytest.mark.parametrize("asking", [True, False], ids=["", "control"])
def test_a_database_of_yesterday_gets_back_what_the_gate_had_delivered_since(library, wait_for, asking, monkeypatch):
    """Acknowledged rows stay, so that a restored server can ask `resync` from its last sequence."""
    if not asking:
        monkeypatch.setattr(Resyncs, "look", lambda *_: None)
    file = library.folder / "booking.toml"
    file.write_text(
        f'site = "{library.site_file}"\ndata = "{library.data}"\ndatabase = "{library.database}"\n'
        f'[broker]\npassword_file = "{library.broker.settings("booking").password_file}"\n'
    )
    settings, saved = load_settings(file), library.folder / "yesterday.backup"
    with library.booking() as service:
        library.passes("in", LEFT, "10:10")
        wait_for(library.delivered, "stored before the backup")
        backup.save(settings, saved, library.clock.now(), lambda _done, _pages: None)
        library.book(service.store, 3)
        library.passes("in", CAME, "10:20")
        wait_for(library.delivered, "stored and acknowledged after the backup")
        assert look(service, CAME).status == "in-use"

    backup.restore(settings, saved, library.clock.now())
    library.at("10:50")
    with library.booking() as service:
        service.sweep()
        assert look(service, CAME).status == "no-show"
        assert service.store.reads.reservations(reader_name(3), library.clock.now()).items == [], (
            "made after the backup"
        )
        wait_for(lambda: library.edge.connected, "the gate is there")
        library.edge.report()
        wait_for(lambda: service.ingest.counts["reports"] > 0, "booking hears that the gate knows more than it does")
        if not asking:
            assert look(service, CAME).violation == [Standing.PROVISIONAL], "what is missing is held against nobody"
            return
        wait_for(lambda: look(service, CAME).status == "in-use", "the passage came again")
        wait_for(library.delivered, "and was acknowledged again")
        library.edge.report()
        wait_for(lambda: look(service, NEVER).violation == [Standing.STANDING], "now nothing is missing")
        assert look(service, CAME).violation == [Standing.LIFTED]
        passages = service.store.reads.passages()
        assert len(passages) == 2
        assert timedelta() < passages[0].received_at - passages[0].occurred_at


def test_a_gate_on_an_older_copy_of_its_disk_begins_a_new_epoch_and_every_passage_counts_once(library, wait_for):
    """A known sequence with another digest (a cloned or restored disk) is no replay: `resync` opens a new epoch."""
    old, copy = library.edge.outbox.epoch, library.folder / "gate-of-yesterday"
    with library.booking() as service:
        library.passes("in", LEFT, "10:10")
        wait_for(library.delivered, "the first passage is stored")
        library.edge.close()
        shutil.copytree(library.folder / "gate", copy)
        library.put_back(library.folder / "gate")
        library.passes("out", LEFT, "10:12")
        wait_for(library.delivered, "what the copy knows nothing of")
        assert look(service, LEFT).status == "away"

        library.put_back(copy)
        library.passes("in", LEFT, "10:15")  # bears the number of the way out
        library.passes("in", CAME, "10:16")
        stored = service.store.reads.passages
        wait_for(lambda: len(stored()) == 4 and library.delivered(), "all four are there, under whatever number")
        edge = library.edge.outbox
        assert edge.epoch != old
        assert edge.state().previous_epoch == old
        assert edge.aside() == {}, "what bore another's number went again under the new epoch"
        assert [look(service, number).status for number in (LEFT, CAME)] == ["in-use", "in-use"]
        assert service.store.reads.dead_letters()[0] >= 1, "staff see what came in between"
