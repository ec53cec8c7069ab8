"""Both databases end with the same tables and columns: what is written once for both is stored the same by both."""

import pytest

from booking.store.steps import migrations

SQLITE = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
POSTGRES = (
    "SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns "
    "WHERE table_schema = 'public' AND table_name <> 'schema_version'"
)
KINDS = {"bigint": "INTEGER", "text": "TEXT", "bytea": "BLOB"}


def of_sqlite(db):
    return {
        (table, column, kind, not (required or key))
        for (table,) in db.execute(SQLITE).fetchall()
        for _, column, kind, required, _, key, hidden in db.execute(f"PRAGMA table_xinfo({table})").fetchall()
        if hidden != 1
    }


def of_postgres(db):
    return {(table, column, KINDS.get(kind, kind), nullable) for table, column, kind, nullable in db.execute(POSTGRES)}


@pytest.mark.databases("postgres")
def test_the_tables_and_columns_are_the_same(desk, sqlite_desk):
    with desk.direct() as postgres, sqlite_desk.direct() as sqlite:
        assert of_postgres(postgres) == of_sqlite(sqlite)


def test_every_later_migration_has_its_twin():
    first, *later = [number for number, _ in migrations("postgres")]
    assert first == 10
    assert later == [number for number, _ in migrations("sqlite") if number > first]


@pytest.mark.databases("postgres")
def test_a_column_more_would_be_seen(desk, sqlite_desk):
    with desk.direct() as postgres, sqlite_desk.direct() as sqlite:
        postgres.run("BEGIN; ALTER TABLE readers ADD COLUMN more bigint")
        different = of_postgres(postgres) ^ of_sqlite(sqlite)
        postgres.run("ROLLBACK")
    assert different == {("readers", "more", "INTEGER", True)}
