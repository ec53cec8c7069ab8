"""Fault rows 4 and 5 in short: PostgreSQL is killed, a worker dies or stops in the middle of a batch, a COMMIT's answer is lost.

"PG killed / immediate stop / deadlock: 0 double; no 5xx beyond outage + 5 s"; "worker dies holding a batch: others
unaffected; errors retryable".
"""

import signal
import threading

import psycopg
import pytest

from booking.domain.refusals import RefusalCode
from booking.service.commands import Changed, LoadPeople, Person, Reserve
from booking.store.errors import AwayError, StoreError
from booking.store.opening import open_store
from booking.store.postgres import engine as engines
from booking.store.postgres.connection import PostgresConnection
from config.values import Secret

pytestmark = pytest.mark.databases("postgres")


def wish_of(at, reader, seat, start="09:00", end="12:00"):
    return Reserve(reader=reader, at=at("08:00"), seat=seat, area=None, start=at(start), end=at(end))


# ---- a worker that holds the turn ------------------------------------------------------------------------------------


@pytest.fixture
def holding(desk, worker):
    """A process that stands in the middle of a batch, before its commit: S002 has asked for centre-001."""
    process = worker(desk)
    process.ask("hold")
    process.ask("book", [["S002", "centre-001"]])
    assert process.next() == "holding"
    return process


def test_a_worker_killed_in_the_middle_of_a_batch_holds_nobody_up(desk, holding, doubles):
    holding.signal(signal.SIGKILL)
    stay = desk.booked("S001", "centre-001", "09:00", "12:00", now="08:00")
    with desk.direct() as db:
        assert db.execute("SELECT id FROM reservations").fetchall() == [(stay.id,)]


def test_a_worker_that_stops_with_the_turn_loses_it_and_finds_the_seat_taken_when_it_goes_on(desk, holding, doubles):
    holding.signal(signal.SIGSTOP)
    assert isinstance(desk.book("S001", "centre-001", "09:00", "12:00", now="08:00"), Changed)
    holding.signal(signal.SIGCONT)
    holding.ask("go")
    assert holding.next() == ["S002", "centre-001", "seat-taken"]
    assert doubles(desk) == 0


def test_a_worker_that_is_only_slow_keeps_its_turn(desk, at, holding):
    wish = desk.writer.submit([wish_of(at, "S001", "centre-001")])
    holding.ask("go")
    assert holding.next()[:2] == ["S002", "centre-001"]
    assert wish.result(30)[0].code is RefusalCode.SEAT_TAKEN


# ---- the connection goes during a batch ------------------------------------------------------------------------------


class Cut:
    """Closes the writer's connection around its next COMMIT: before it is sent, or when it is done and not yet answered."""

    def __init__(self, monkeypatch, desk, *, after):
        self.engine, self.after, self.cuts = desk.writer.engine, after, 0
        self._execute = PostgresConnection.execute

        def execute(db, sql, values=()):
            return self.around(db, sql, values)

        monkeypatch.setattr(PostgresConnection, "execute", execute)

    def around(self, db, sql, values):
        if sql != "COMMIT" or db is not self.engine._db or self.cuts:
            return self._execute(db, sql, values)
        self.cuts += 1
        if self.after:
            self._execute(db, sql, values)
        db.psycopg.pgconn.finish()
        raise psycopg.OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize("after", [True, False])
def test_a_commit_whose_answer_is_lost_is_looked_up_and_never_done_twice(desk, at, monkeypatch, after):
    heard = []
    desk.writer.on_commit(heard.append)
    cut = Cut(monkeypatch, desk, after=after)
    stay = desk.booked("S001", "centre-001", "09:00", "12:00", now="08:00")
    assert cut.cuts == 1
    with desk.direct() as db:
        assert db.execute("SELECT id FROM reservations").fetchall() == [(stay.id,)]
        assert db.execute("SELECT count(*) FROM notifications").fetchall() == [(1,)]
    assert heard == [frozenset({"centre"})]


def test_a_commit_that_nobody_can_look_up_says_so(desk, at, monkeypatch):
    Cut(monkeypatch, desk, after=True)
    monkeypatch.setattr(engines, "_KNOWING", 0.2)
    monkeypatch.setattr(desk.writer.engine._address, "connect", away)
    with pytest.raises(StoreError, match="did not say whether it has stored this: look, or ask again"):
        desk.do(wish_of(at, "S001", "centre-001"))


def away(_settings):
    raise AwayError("the database does not answer")


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
def test_a_batch_that_somebody_else_got_in_the_way_of_runs_again(desk, monkeypatch, error):
    """Nobody of ours can: a person with psql, or a program that writes past us."""
    failed = []
    execute = PostgresConnection.execute

    def fail_once(db, sql, values=()):
        if sql.startswith("INSERT INTO evidence") and not failed:
            failed.append(sql)
            raise error("not now")
        return execute(db, sql, values)

    monkeypatch.setattr(PostgresConnection, "execute", fail_once)
    desk.booked("S001", "centre-001", "09:00", "12:00", now="08:00")
    assert failed
    with desk.direct() as db:
        assert db.execute("SELECT count(*) FROM reservations").fetchall() == [(1,)]


def test_one_failing_command_makes_the_batch_run_again_with_savepoints(desk, at):
    outcomes = desk.do(
        wish_of(at, "S001", "centre-001"), wish_of(at, "NOBODY", "centre-002"), wish_of(at, "S002", "centre-003")
    )
    assert [isinstance(outcome, Changed) for outcome in outcomes] == [True, False, True]
    assert outcomes[1].code is RefusalCode.FAULT
    with desk.direct() as db:
        assert db.execute("SELECT count(*) FROM reservations").fetchall() == [(2,)]


# ---- the server goes -------------------------------------------------------------------------------------------------


@pytest.fixture
def store(private_postgres, places, at):
    store = open_store(Secret(private_postgres.url(private_postgres.create())), places, at("08:00"))
    people = tuple(Person(reader=f"R{number:04}", name="r") for number in range(2000))
    store.writer.submit([LoadPeople(at=at("08:00"), people=people)]).result(30)
    yield store
    store.close()


class Load:
    """Threads that book one thing after another, each for a reader of its own, until `stop`."""

    def __init__(self, store, at, places):
        self.store, self.at = store, at
        self.confirmed, self.faults = [], []
        seats = [seat.id for seat in places.seats_of["centre"] if not seat.closed]
        minutes = [(hour, minute) for hour in range(9, 21) for minute in range(0, 60, 5)]
        self.left = [(seat, start) for start in minutes for seat in seats][::-1]
        self.readers = iter(range(2000))
        self.taking, self.stopped = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopped.is_set():
            with self.taking:
                seat, (hour, minute) = self.left.pop()
                reader = f"R{next(self.readers):04}"
            start = f"{hour:02}:{minute:02}"
            wish = wish_of(self.at, reader, seat, start, f"{hour + 1:02}:{minute:02}")
            try:
                [outcome] = self.store.writer.submit([wish]).result(60)
            except StoreError as error:
                self.faults.append(error)
            else:
                if isinstance(outcome, Changed):
                    self.confirmed.append(outcome.reservation.id)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_a_server_that_goes_and_comes_back_loses_nothing_that_was_confirmed(
    store, private_postgres, places, at, wait_for, how
):
    load = Load(store, at, places)
    try:
        for _ in range(3):
            more = len(load.confirmed) + 8
            wait_for(lambda more=more: len(load.confirmed) >= more, "bookings before the server goes")
            private_postgres.stop(how)
            private_postgres.start()
            more = len(load.confirmed) + 8
            wait_for(lambda more=more: len(load.confirmed) >= more, "bookings after it came back, by themselves")
    finally:
        load.stop()
    with store.reads._pool.lend() as db:
        stored = {row[0] for row in db.execute("SELECT id FROM reservations")}
        ledger = {row[0] for row in db.execute("SELECT reservation FROM evidence WHERE change = 'reserved'")}
        doubles = db.execute(
            "SELECT count(*) FROM reservations a JOIN reservations b ON a.id < b.id AND a.seat = b.seat "
            "AND a.holding = 1 AND b.holding = 1 AND a.start_us < b.end_us AND b.start_us < a.end_us"
        ).fetchone()
    assert set(load.confirmed) <= stored
    assert ledger == stored
    assert doubles == (0,)
    assert all(isinstance(fault, StoreError) for fault in load.faults)


def test_while_the_server_is_away_everything_is_refused_at_once_and_says_to_ask_again(
    store, private_postgres, places, at, monkeypatch
):
    monkeypatch.setattr(engines, "_PATIENCE", 0.3)
    private_postgres.stop(signal.SIGQUIT)
    with pytest.raises(StoreError, match=r"nothing was stored: .*does not answer"):
        store.writer.submit([wish_of(at, "R0001", "centre-001")]).result(30)
    with pytest.raises(AwayError, match="does not answer"):
        store.reads.current("R0001", at("08:00"))
    queued = [store.writer.submit([wish_of(at, "R0001", "centre-001")]) for _ in range(600)]
    assert all(isinstance(one.exception(30), StoreError) for one in queued)
    assert store.writer.faults() == ["the database cannot be written: the log says why"]
    private_postgres.start()
    assert isinstance(store.writer.submit([wish_of(at, "R0001", "centre-001")]).result(30)[0], Changed)
    assert store.reads.current("R0001", at("08:00")).seat == "centre-001"


def test_a_process_that_nobody_asks_for_anything_knows_that_the_server_is_away_and_when_it_is_back(
    store, private_postgres, wait_for, monkeypatch
):
    """A load balancer asks /readyz, and gives a process nothing to do until it is ready."""
    monkeypatch.setattr(engines, "_PATIENCE", 0.1)
    assert store.writer.faults() == []
    private_postgres.stop(signal.SIGQUIT)
    wait_for(store.writer.faults, "it says that nothing can be stored")
    private_postgres.start()
    wait_for(lambda: not store.writer.faults(), "it is well again by itself")
