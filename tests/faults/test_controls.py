"""The judge itself: what a campaign calls good must be able to be bad. Check-then-insert in a race is the bad writer."""

import threading
from dataclasses import replace
from datetime import timedelta

import apsw
import pytest

from bench.faults.ledger import Told, judge, prefill, reader_name
from bench.faults.server import NOW, places_of
from booking.service.commands import Changed, Reserve
from booking.store.sqlite import open_store

RACERS = 8
SEAT = "2f-centre-065"


@pytest.fixture
def stored(tmp_path, site_file):
    """A file with one booking that was answered: (database, what was told)."""
    places, database = places_of(site_file), tmp_path / "booking.sqlite"
    prefill(database, places, RACERS + 1, NOW)
    store = open_store(database, places, NOW)
    start = NOW.replace(minute=0) + timedelta(days=1)
    wish = Reserve(reader=reader_name(0), at=NOW, seat=SEAT, area=None, start=start, end=start + timedelta(hours=1))
    (outcome,) = store.writer.submit([wish]).result(30)
    assert isinstance(outcome, Changed)
    store.close()
    return database, Told(outcome.reservation.id, reader_name(0), SEAT, start)


def test_the_judge_finds_what_is_missing_another_readers_or_torn(stored):
    database, told = stored
    assert judge(database, [told]).good
    for wrong in (
        replace(told, id="0"),
        replace(told, reader="R9"),
        replace(told, start=told.start + timedelta(hours=1)),
    ):
        assert judge(database, [told, wrong]).lost == 1
    direct = apsw.Connection(str(database))
    direct.execute("DELETE FROM notifications")
    direct.close()
    assert judge(database, [told]).torn == 1
    database.write_bytes(database.read_bytes()[:5000])
    assert judge(database, [told]).corrupt


def check_then_insert(database, guarded):
    """Let RACERS readers look whether a seat is free, all of them before any of them books it."""
    connections = [apsw.Connection(str(database)) for _ in range(RACERS)]
    if not guarded:
        for (name,) in connections[0].execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connections[0].execute(f'DROP TRIGGER "{name}"')
    columns = [row[1] for row in connections[0].execute("PRAGMA table_info(reservations)")]
    looked, refused = threading.Barrier(RACERS), []

    def book(number, connection):
        connection.set_busy_timeout(30_000)
        free = not connection.execute("SELECT 1 FROM reservations WHERE seat = '2f-centre-064'").fetchall()
        looked.wait(30)
        changed = {"id": f"'race-{number}'", "reader": f"'{reader_name(number + 1)}'", "seat": "'2f-centre-064'"}
        values = ", ".join(changed.get(column, f'"{column}"') for column in columns)
        try:
            assert free
            connection.execute(f"INSERT INTO reservations SELECT {values} FROM reservations WHERE seat = ?", (SEAT,))
        except apsw.ConstraintError as error:
            refused.append(str(error))

    racers = [threading.Thread(target=book, args=pair) for pair in enumerate(connections)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)
    for connection in connections:
        connection.close()
    return refused


def test_a_check_before_an_insert_books_one_seat_for_everybody_and_the_judge_sees_it(stored):
    database, told = stored
    assert check_then_insert(database, guarded=False) == []
    assert judge(database, [told]).doubles == RACERS * (RACERS - 1) // 2


def test_the_database_itself_refuses_the_same_race(stored):
    """A seat is never given twice. The database itself refuses it."""
    database, told = stored
    assert len(check_then_insert(database, guarded=True)) == RACERS - 1
    assert judge(database, [told]).doubles == 0
