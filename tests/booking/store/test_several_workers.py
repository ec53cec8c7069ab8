"""Several processes on one PostgreSQL: each hears of every commit once, one of them leads, and losing a connection heals.

Here the processes are stores of one process; `test_race.py` and `test_postgres_faults.py` have real ones.
"""

import queue
import signal
import threading
from collections import Counter

import psycopg
import pytest

from booking.service.commands import MarkTold
from booking.store.committed import Committed
from booking.store.leadership import AlwaysLeading
from booking.store.postgres import leading, listening
from booking.store.postgres.address import Address
from booking.store.postgres.engine import PostgresEngine
from booking.store.postgres.turn import LEAD

pytestmark = pytest.mark.databases("postgres")
ALL = frozenset({"centre", "east", "annex"})
SECONDS = 30


@pytest.fixture
def heard():
    """`heard(desk)`: a queue of what the desk's listeners are told."""

    def listen(desk):
        told = queue.SimpleQueue()
        desk.writer.on_commit(told.put)
        return told

    return listen


@pytest.fixture
def terminate(desk):
    """`terminate(what)`: have the server throw out each connection whose latest statement holds `what`."""

    def throw_out(what):
        with desk.direct() as db:
            return db.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE ?",
                (f"%{what}%",),
            ).fetchone()[0]

    return throw_out


def test_a_commit_is_heard_once_by_its_own_process_and_once_by_each_other(open_desk, heard):
    one, two = open_desk(), open_desk()
    own, others = heard(one), heard(two)
    for desk, reader, seat in (
        (one, "S001", "centre-005"),
        (one, "S002", "east-001"),
        (two, "S003", "annex-001"),
        # the last of each: what is heard twice is heard before it
        (one, "S004", "centre-006"),
        (two, "S005", "east-002"),
    ):
        desk.booked(reader, seat, "09:00", "12:00")
    expected = Counter({frozenset({"centre"}): 2, frozenset({"east"}): 2, frozenset({"annex"}): 1})
    for told in (own, others):
        seen = Counter()
        while seen.total() < expected.total():
            seen.update(filter(None, [told.get(timeout=SECONDS)]))  # without what opening the desks wrote
        assert seen == expected


def test_a_commit_that_touches_no_area_wakes_the_others_too(open_desk, heard, at):
    one, two = open_desk(), open_desk()
    others = heard(two)
    one.booked("S001", "centre-005", "09:00", "12:00")
    while others.get(timeout=SECONDS) != frozenset({"centre"}):
        pass
    one.do(MarkTold(at=at("09:00"), upto=1))
    assert others.get(timeout=SECONDS) == frozenset()


def test_what_one_commits_the_other_reads_by_the_time_it_hears(open_desk, heard, at):
    one, two = open_desk(), open_desk()
    others = heard(two)
    stay = one.booked("S001", "centre-005", "09:00", "12:00")
    while others.get(timeout=SECONDS) != frozenset({"centre"}):
        pass
    assert two.reads.current("S001", at("09:00")).id == stay.id


def test_after_the_listening_connection_was_lost_everything_counts_as_touched(open_desk, heard, terminate):
    one, two = open_desk(), open_desk()
    others = heard(two)
    assert terminate("LISTEN") == 3  # the desk of `terminate` listens too
    while others.get(timeout=SECONDS) != ALL:
        pass
    one.booked("S001", "centre-005", "09:00", "12:00")
    while others.get(timeout=SECONDS) != frozenset({"centre"}):
        pass


def test_more_areas_than_a_notification_holds_are_all_areas(desk):
    told = Committed()
    heard = []
    told.add(heard.append)
    engine = PostgresEngine(Address(desk.database), "one")
    hearing = listening.Listening(Address(desk.database), "two", ALL, told, lambda: None)
    many = frozenset(f"area-{number:05}" for number in range(1000))
    hearing._hear(engine._payload(frozenset({"东区", "centre"})))
    hearing._hear(engine._payload(many))
    assert heard == [frozenset({"东区", "centre"}), ALL]
    assert len(engine._payload(many).encode()) < 8000


def test_a_writer_that_lost_its_connection_writes_on_another(desk, terminate):
    first = desk.booked("S001", "centre-005", "09:00", "12:00")
    assert terminate("COMMIT") >= 1
    second = desk.booked("S002", "centre-006", "09:00", "12:00")
    assert {item.id for item in desk.reads.reservations("S001", first.start).items} == {first.id}
    assert second.seat == "centre-006"


def test_reads_whose_connections_were_lost_read_on_others(desk, terminate, at):
    stay = desk.booked("S001", "centre-005", "09:00", "12:00")
    for _ in range(3):
        assert desk.reads.current("S001", at("09:00")).id == stay.id
        terminate("COMMIT")
        terminate("SELECT")


def test_reads_cannot_write(desk):
    with desk.reads._pool.lend() as db, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        db.execute("DELETE FROM notifications")


def test_a_snapshot_sees_one_moment(open_desk):
    one, two = open_desk(), open_desk()
    with one.reads._pool.snapshot() as db:
        before = db.execute("SELECT count(*) FROM reservations").fetchone()
        two.booked("S001", "centre-005", "09:00", "12:00")
        assert db.execute("SELECT count(*) FROM reservations").fetchone() == before
    with one.reads._pool.lend() as db:
        assert db.execute("SELECT count(*) FROM reservations").fetchone() == (before[0] + 1,)


def test_the_writers_connection_is_durable_and_is_thrown_out_when_it_says_nothing(desk):
    desk.booked("S001", "centre-005", "09:00", "12:00")
    db = desk.writer.engine._db
    wanted = {"synchronous_commit": "on", "transaction_isolation": "read committed"}
    wanted |= {"idle_in_transaction_session_timeout": "5s", "lock_timeout": "15s"}
    assert {name: db.execute(f"SHOW {name}").fetchone()[0] for name in wanted} == wanted


def test_the_planner_learns_how_large_a_young_database_has_become(desk, at):
    known = "SELECT reltuples FROM pg_class WHERE oid = 'readers'::regclass"
    with desk.direct() as db:
        db.run("ALTER TABLE readers SET (autovacuum_enabled = off)")
        for _ in range(8):
            desk.do(MarkTold(at=at("09:00"), upto=1))
        assert db.execute(known).fetchone() == (40,)


# ---- who leads -------------------------------------------------------------------------------------------------------


class Standing:
    """One process that stands for the lead, on a thread."""

    def __init__(self, leadership):
        self.leadership, self.changes = leadership, queue.SimpleQueue()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for leads in self.leadership.changes():
            self.changes.put(leads)
        self.changes.put(None)

    def next(self):
        return self.changes.get(timeout=SECONDS)

    def resign(self):
        self.leadership.resign()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def stand():
    """`stand(desk)`: the desk's process stands for the lead."""
    standing = []

    def stand_(desk):
        standing.append(Standing(desk.store.leadership))
        return standing[-1]

    yield stand_
    for one in standing:
        one.resign()


def test_one_leads_and_another_follows_when_it_resigns(open_desk, stand):
    one, two = open_desk(), open_desk()
    first = stand(one)
    assert first.next() is True
    second = stand(two)
    assert one.store.leadership.leading
    first.resign()
    assert [first.next(), first.next()] == [False, None]
    assert second.next() is True
    assert not one.store.leadership.leading
    assert two.store.leadership.leading


def test_a_leader_whose_connection_goes_is_told_and_another_leads(open_desk, stand, desk):
    first = stand(open_desk())
    assert first.next() is True
    second = stand(open_desk())
    with desk.direct() as db:
        pid = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = ?"
        assert db.execute(f"SELECT count(pg_terminate_backend(pid)) FROM ({pid}) held", (LEAD,)).fetchone() == (1,)
    assert first.next() is False
    assert second.next() is True
    second.resign()
    assert first.next() is True, "it stands again"


def test_a_leader_that_stops_is_thrown_out_and_another_leads(desk, stand, worker):
    stopped = worker(desk)
    stopped.ask("lead", "1s")
    assert stopped.next() == "leading"
    other = stand(desk)
    stopped.signal(signal.SIGSTOP)
    assert other.next() is True
    stopped.signal(signal.SIGCONT)
    assert stopped.next() == "not leading"
    assert desk.store.leadership.leading


def test_a_leader_that_is_killed_is_followed_at_once(desk, stand, worker):
    killed = worker(desk)
    killed.ask("lead", "1h")
    assert killed.next() == "leading"
    other = stand(desk)
    killed.signal(signal.SIGKILL)
    assert other.next() is True


def test_closing_the_store_resigns(open_desk, stand):
    desk = open_desk()
    standing = stand(desk)
    assert standing.next() is True
    desk.close()
    assert [standing.next(), standing.next()] == [False, None]


def test_who_resigns_while_waiting_never_led(open_desk, stand):
    first = stand(open_desk())
    assert first.next() is True
    waiting = stand(open_desk())
    waiting.resign()
    assert waiting.next() is None
    third = stand(open_desk())
    first.resign()
    assert third.next() is True


def test_any_process_can_tell_whether_somebody_leads(open_desk, stand, wait_for):
    one, two = open_desk(), open_desk()
    assert not two.store.leadership.led()
    first = stand(one)
    assert first.next() is True
    assert one.store.leadership.led()
    assert two.store.leadership.led()
    first.resign()
    wait_for(lambda: not two.store.leadership.led(), "the server lets the session go")


def test_a_lock_that_a_pooler_keeps_for_nobody_is_no_leader(desk, monkeypatch, wait_for):
    """Behind a pooler of transactions the lock stays with the pooler's connection, and all wait for it for ever."""
    with desk.direct() as db:
        db.execute("SELECT pg_advisory_lock(?)", (LEAD,)).fetchone()
        assert desk.store.leadership.led(), "it was taken just now"
        monkeypatch.setattr(leading, "SILENCE", 0.05)
        wait_for(lambda: not desk.store.leadership.led(), "it says nothing")


def test_where_there_is_one_process_it_leads(stand, sqlite_desk):
    standing = stand(sqlite_desk)
    assert standing.next() is True
    assert isinstance(sqlite_desk.store.leadership, AlwaysLeading)
    assert sqlite_desk.store.leadership.led()
    standing.resign()
    assert [standing.next(), standing.next()] == [False, None]
