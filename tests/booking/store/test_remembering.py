"""A batch on PostgreSQL asks the same question once, and again when it has written what the answer depends on."""

import pytest

from booking.domain.refusals import RefusalCode
from booking.service.commands import Changed, Reserve
from booking.store.batch import FEW
from booking.store.postgres.connection import PostgresConnection
from booking.store.postgres.remembering import TRIGGERED, tables

pytestmark = pytest.mark.databases("postgres")


@pytest.mark.parametrize(
    ("sql", "read", "written"),
    [
        ("SELECT 1 FROM waits WHERE id = ?", ("waits",), ()),
        ("\nSELECT a FROM x JOIN y ON b = c WHERE NOT EXISTS (SELECT 1 FROM z)", ("x", "y", "z"), ()),
        ("INSERT INTO reservations (id) VALUES (?)", (), ("reservations", "held_places")),
        ("INSERT INTO tries SELECT ?1 FROM others", (), ("tries",)),
        ("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = 1", (), ("facts",)),
        ("UPDATE readers SET name = ? RETURNING id", (), ("readers",)),
        ("DELETE FROM sessions WHERE reader = ?", (), ("sessions",)),
        ("ROLLBACK TO import", (), ()),
    ],
)
def test_which_tables_a_statement_is_about(sql, read, written):
    assert tables(sql) == (read, written)


def test_every_trigger_that_writes_another_table_is_known(desk):
    with desk.direct() as db:
        found = db.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid "
            "WHERE NOT tgisinternal AND p.proname <> 'refuse_full_area'"
        ).fetchall()
    assert {table for (table,) in found} == set(TRIGGERED)


@pytest.fixture
def asked(monkeypatch):
    """The statements that reach the server."""
    statements, execute = [], PostgresConnection.execute

    def note(db, sql, values=()):
        statements.append(sql)
        return execute(db, sql, values)

    monkeypatch.setattr(PostgresConnection, "execute", note)
    return statements


def test_wishes_for_the_same_seat_ask_once_what_none_of_them_changes(desk, at, asked):
    """Three are too few to be a run (booking.store.batch.FEW)."""
    wish = {"at": at("08:00"), "area": None, "start": at("09:00"), "end": at("12:00"), "seat": "centre-001"}
    outcomes = desk.do(*[Reserve(reader=f"S{number:03}", **wish) for number in range(FEW - 1)])
    assert [isinstance(outcome, Changed) for outcome in outcomes] == [True, False, False]
    assert {outcome.code for outcome in outcomes[1:]} == {RefusalCode.SEAT_TAKEN}
    assert sum("FROM closures" in sql for sql in asked) <= 2
    assert sum("min(end_us)" in sql for sql in asked) == 2, "before the seat was taken, and after it"


def test_a_run_of_wishes_is_waited_for_a_few_times_whatever_its_length(desk, at, monkeypatch):
    waits, collect = [], PostgresConnection.collect

    def note(db):
        waits.append(len(waits))
        collect(db)

    monkeypatch.setattr(PostgresConnection, "collect", note)
    wish = {"at": at("08:00"), "area": None, "start": at("09:00"), "end": at("12:00"), "seat": "centre-001"}
    desk.do(Reserve(reader="S020", **wish))
    waits.clear()
    outcomes = desk.do(*[Reserve(reader=f"S{number:03}", **wish) for number in range(20)])
    assert {outcome.code for outcome in outcomes} == {RefusalCode.SEAT_TAKEN}
    assert len(waits) <= 3, "the facts, COMMIT, and what is left at the end"


def marks(db):
    return db.execute("SELECT value FROM facts WHERE name LIKE 'batch %' ORDER BY value DESC LIMIT 1").fetchone()


def test_a_batch_that_grants_nothing_leaves_no_mark_and_one_that_does_leaves_one(desk, at):
    wish = {"at": at("08:00"), "area": None, "start": at("09:00"), "end": at("12:00"), "seat": "centre-001"}
    desk.do(Reserve(reader="S020", **wish))
    with desk.direct() as db:
        before = marks(db)
        assert desk.do(Reserve(reader="S001", **wish)).code is RefusalCode.SEAT_TAKEN
        assert marks(db) == before
        desk.do(Reserve(reader="S001", **wish | {"seat": "centre-002"}))
        assert marks(db) > before
