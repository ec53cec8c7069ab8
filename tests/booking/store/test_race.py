"""Many ask for the same seats at the same moment: one has each. Each of the two guards is enough alone; without both the
same race makes double bookings, so this test can see them.

The guards: batches take turns (on SQLite there is one writer), and the database's own constraints.
"""

import threading

import psycopg
import pytest

from booking.store.rows import RESERVATION, values_of

SEATS = [f"centre-{number:03}" for number in range(1, 10)]
WISHES = [[f"S{number:03}", SEATS[(number * 7 + number // 3) % 9]] for number in range(40)]
DROP = {
    "sqlite": [f"DROP TRIGGER {what}_overlap_{when}" for what in ("seat", "reader") for when in ("insert", "update")],
    "postgres": [f'ALTER TABLE reservations DROP CONSTRAINT "{what}-overlap"' for what in ("seat", "reader")],
}


@pytest.fixture
def without_constraints(desk, request):
    """The desk's database refuses nothing by itself any more."""
    kind = request.node.callspec.params["database"]
    with desk.direct() as db:
        for statement in DROP[kind]:
            db.execute(statement)
    yield
    if kind == "postgres":
        desk.close()
        desk.forget_database()  # it is not to be used again


def answers_of(workers, wishes):
    """Let each process ask for its part of `wishes`, all of a worker's at once, and return every answer."""
    parts = [wishes[number :: len(workers)] for number in range(len(workers))]
    for one, part in zip(workers, parts, strict=True):
        one.ask("book", part)
    return [one.next() for one, part in zip(workers, parts, strict=True) for _ in part]


@pytest.mark.databases("postgres")
def test_processes_race_for_seats_and_each_seat_has_one_winner(desk, worker, doubles):
    answers = answers_of(worker(desk, count=3), WISHES)
    assert {answer[2] for answer in answers if len(answer[2]) < 20} <= {"seat-taken", "reader-overlap"}
    won = [answer for answer in answers if len(answer[2]) > 20]
    assert sorted(seat for _, seat, _ in won) == SEATS
    assert doubles(desk) == 0


@pytest.mark.databases("postgres")
def test_taking_turns_is_enough(desk, worker, doubles, without_constraints):
    answers = answers_of(worker(desk, count=3), WISHES)
    assert len([answer for answer in answers if len(answer[2]) > 20]) == len(SEATS)
    assert doubles(desk) == 0


def check_then_insert(desk, refused):
    """Let eight threads look whether a seat is free, all before any of them takes it; return how many could not."""
    stay = desk.booked("S001", "centre-001", "09:00", "12:00")
    columns = RESERVATION.split(", ")
    row = dict(zip(columns, values_of(stay), strict=True)) | {"seat": "centre-002"}
    insert = f"INSERT INTO reservations ({RESERVATION}, due_us) VALUES ({', '.join('?' * len(row))}, 1)"
    looked, failed, unexpected = threading.Barrier(8, timeout=30), [], []

    def take(number):
        try:
            with desk.direct() as db:
                wish = row | {"id": f"X{number}", "reader": f"S{number + 10:03}"}
                clash = "SELECT 1 FROM reservations WHERE holding = 1 AND seat = ? AND end_us > ? AND start_us < ?"
                free = not db.execute(clash, (wish["seat"], wish["start_us"], wish["end_us"])).fetchall()
                looked.wait()
                assert free
                try:
                    db.execute(insert, tuple(wish.values()))
                except refused as error:
                    failed.append(str(error))
        except Exception as error:  # noqa: BLE001 - seen by the thread that asked
            unexpected.append(error)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not unexpected, unexpected
    return failed


def test_constraints_are_enough(desk, database, doubles):
    """PostgreSQL may also end a wait of two inserts for one another; that is why our own take turns."""
    failed = check_then_insert(desk, (database.refused, psycopg.errors.DeadlockDetected))
    assert len(failed) == 7
    assert all("seat-overlap" in words or "deadlock" in words for words in failed)
    assert doubles(desk) == 0


def test_the_control_without_either_makes_double_bookings(desk, database, doubles, without_constraints):
    """Check-then-insert as most systems do it: every one of the eight has the seat."""
    assert check_then_insert(desk, database.refused) == []
    assert doubles(desk) == 8 * 7 / 2
