"""What was answered is on the disk: a writer killed in the middle of its work loses no booking that it confirmed.

Run as a program this file is that writer: it books seat after seat and prints each confirmed reservation.
"""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from booking.domain.places import Places
from booking.service.commands import Changed, LoadPeople, Person, Reserve
from booking.store import connection
from booking.store.connection import check_version, open_reader
from booking.store.errors import StoreError
from booking.store.sqlite import open_store
from booking.store.steps import migrations
from config import shipped
from config.plans import load_plan
from config.site_check import load_site

pytestmark = pytest.mark.databases("sqlite")
ROOT = Path(__file__).resolve().parents[3]
OPENS = datetime(2023, 7, 17, 0, 0, tzinfo=UTC)  # 08:00 in Beijing
CYCLES = 6


def real_places():
    site = load_site(shipped("sites", "bjut.toml"))
    return Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})


def book_until_killed(database, cycle):
    places = real_places()
    store = open_store(database, places, OPENS)
    seats = [seat.id for seats in places.seats_of.values() for seat in seats]
    people = tuple(Person(reader=f"R{cycle}-{number}", name="r") for number in range(len(seats)))
    store.writer.submit([LoadPeople(at=OPENS, people=people)]).result()
    start = OPENS + timedelta(hours=cycle)
    futures = [
        store.writer.submit(
            [Reserve(reader=person.reader, at=OPENS, seat=seat, area=None, start=start, end=start + timedelta(hours=1))]
        )
        for person, seat in zip(people, seats, strict=True)
    ]
    for future in futures:
        (outcome,) = future.result()
        assert isinstance(outcome, Changed), outcome
        print(outcome.reservation.id, flush=True)


def test_killed_again_and_again_it_loses_nothing_it_confirmed(tmp_path):
    database, confirmed = tmp_path / "booking.sqlite", []
    for cycle in range(CYCLES):
        worker = subprocess.Popen(
            [sys.executable, __file__, str(database), str(cycle)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for line in worker.stdout:
            confirmed.append(line.strip())
            if len(confirmed) >= 150 * (cycle + 1):
                break
        worker.send_signal(signal.SIGKILL)
        confirmed += [line.strip() for line in worker.stdout if line.endswith("\n")]
        assert worker.wait(30) == -signal.SIGKILL, "it was killed at work, not after it"
        worker.stdout.close()
    assert len(confirmed) >= 150 * CYCLES
    stored = open_reader(database)
    known = {row[0] for row in stored.execute("SELECT id FROM reservations")}
    assert set(confirmed) <= known
    assert stored.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    doubles = stored.execute(
        "SELECT count(*) FROM reservations a JOIN reservations b ON a.id < b.id AND a.seat = b.seat "
        "AND a.holding = 1 AND b.holding = 1 AND a.start_us < b.end_us AND b.start_us < a.end_us"
    ).fetchall()
    assert doubles == [(0,)]
    # each confirmed booking has its line in the ledger and its notification: one transaction held all three
    for table in ("evidence", "notifications"):
        rows = stored.execute(f"SELECT reservation FROM {table}").fetchall()
        assert set(confirmed) <= {row[0] for row in rows}
    stored.close()


def test_a_second_process_is_refused_and_the_next_one_welcome(desk, places):
    with pytest.raises(StoreError, match="another booking process is using"):
        open_store(desk.database, places, OPENS)
    desk.close()
    open_store(desk.database, places, OPENS).close()


@pytest.mark.parametrize("version", ["3.40.1", "3.7.0", "3.51.2"])
def test_an_sqlite_that_can_corrupt_the_file_is_refused_with_what_to_install(version):
    with pytest.raises(StoreError, match=rf"SQLite {version} can corrupt .* install apsw 3.51.3 or newer"):
        check_version(version)


def test_the_sqlite_that_is_here_is_good():
    check_version()
    check_version("3.51.3")


def test_a_database_of_a_newer_version_is_refused(desk, places):
    desk.close()
    direct = apsw.Connection(str(desk.database))
    direct.pragma("user_version", 99)
    direct.close()
    with pytest.raises(StoreError, match="written by a newer Seatgate"):
        open_store(desk.database, places, OPENS)


def test_a_migration_that_fails_leaves_the_file_as_it_was(desk, places, monkeypatch):
    desk.close()
    broken = [*migrations("sqlite"), (9999, "CREATE TABLE half (a); SELECT no_such_function();")]
    monkeypatch.setattr(connection, "migrations", lambda _database: broken)
    with pytest.raises(StoreError, match="no such function"):
        open_store(desk.database, places, OPENS)
    monkeypatch.undo()
    open_store(desk.database, places, OPENS).close()
    stored = open_reader(desk.database)
    assert stored.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchall() == [(0,)]
    stored.close()


def test_readers_cannot_write_and_the_writer_is_durable(desk):
    reading = open_reader(desk.database)
    with pytest.raises(apsw.ReadOnlyError):
        reading.execute("DELETE FROM readers")
    reading.close()
    assert desk.writer.engine.connection.pragma("journal_mode") == "wal"
    assert desk.writer.engine.connection.pragma("synchronous") == 2  # FULL


def test_a_file_that_is_no_database_is_one_sentence(tmp_path, places):
    file = tmp_path / "notes.txt"
    file.write_text("these are my notes, not a database" * 100)
    with pytest.raises(StoreError, match=r"notes.txt cannot be opened: .*not a database"):
        open_store(file, places, OPENS)


def test_after_the_end_nothing_is_taken_and_what_was_queued_is_written(desk, at):
    wish = Reserve(reader="S001", at=at("08:00"), seat="centre-001", area=None, start=at("09:00"), end=at("10:00"))
    queued = desk.writer.submit([wish])
    desk.writer.stop()
    assert isinstance(queued.result(0)[0], Changed)
    with pytest.raises(StoreError, match="stopping"):
        desk.writer.submit([wish]).result(0)


if __name__ == "__main__":
    book_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
