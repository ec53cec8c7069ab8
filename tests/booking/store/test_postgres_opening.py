"""Opening a PostgreSQL database: each thing that can be wrong is one sentence that says what to do, and no password."""

import logging
import threading

import psycopg
import pytest

from booking.store import opening
from booking.store.errors import AwayError, StoreError
from booking.store.postgres import schema
from booking.store.postgres.address import Address
from booking.store.postgres.connection import numbered
from booking.store.steps import migrations
from config.values import Secret

pytestmark = pytest.mark.databases("postgres")


@pytest.fixture
def open_store(places, at):
    """`open_store(url)`: a store that is closed at the end."""
    opened = []

    def open_(url):
        opened.append(opening.open_store(Secret(url), places, at("08:00")))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def fresh(postgres):
    """The name of a database with nothing in it."""
    name = postgres.create()
    yield name
    postgres.drop(name)


def test_over_tcp_with_a_password(postgres, fresh, open_store):
    store = open_store(postgres.tcp_url(fresh))
    assert store.writer.alive
    assert store.reads.devices() == []


def test_a_wrong_password(postgres, fresh, open_store):
    url = postgres.tcp_url(fresh).replace(postgres.password, "wr0ng")
    with pytest.raises(StoreError, match="refuses the password of role seatgate: correct it in `database`") as refused:
        open_store(url)
    assert "wr0ng" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_password(postgres, fresh, open_store):
    with pytest.raises(StoreError, match="wants a password for role seatgate"):
        open_store(postgres.tcp_url(fresh).replace(f":{postgres.password}@", "@"))


def test_no_such_database(postgres, open_store):
    with pytest.raises(
        StoreError, match=r"has no database elsewhere: create it \(createdb --owner=seatgate elsewhere\)"
    ):
        open_store(postgres.url("elsewhere"))


def test_no_such_role(postgres, fresh, open_store):
    with pytest.raises(StoreError, match=r"knows no role nobody: create it \(createuser nobody\)"):
        open_store(postgres.url(fresh).replace("seatgate@", "nobody@"))


def test_nobody_answers(free_port, open_store):
    url = f"postgresql://seatgate:swordfish@127.0.0.1:{free_port()}/seats"
    with pytest.raises(AwayError, match="does not answer: start it, or correct `database`") as refused:
        open_store(url)
    assert "swordfish" not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://a:swordfish@[host/x", "postgresql://a:swordfish@host/x?colour=red"])
def test_an_address_that_is_none(open_store, url):
    with pytest.raises(StoreError, match="the address of the database cannot be read") as refused:
        open_store(url)
    assert "swordfish" not in str(refused.value)


def test_nothing_shows_the_password(postgres, fresh, open_store, caplog):
    caplog.set_level(logging.DEBUG)
    open_store(postgres.tcp_url(fresh))
    assert postgres.password not in caplog.text
    assert postgres.password not in repr(Address(Secret(postgres.tcp_url(fresh))))


def test_a_role_that_may_not_make_tables(postgres, fresh, open_store):
    postgres.administer("DROP ROLE IF EXISTS guest")
    postgres.administer("CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match=rf"role guest may not .*ALTER DATABASE {fresh} OWNER TO guest"):
        open_store(postgres.url(fresh).replace("seatgate@", "guest@"))


def test_the_owner_of_the_database_needs_no_superuser(postgres, fresh, open_store):
    postgres.administer("DROP ROLE IF EXISTS owner")
    postgres.administer("CREATE ROLE owner LOGIN")
    postgres.administer(f"ALTER DATABASE {fresh} OWNER TO owner")
    open_store(postgres.url(fresh).replace("seatgate@", "owner@"))
    postgres.drop(fresh)


def test_an_older_server(postgres, fresh, open_store, monkeypatch):
    monkeypatch.setattr(schema, "OLDEST", 99)
    with pytest.raises(StoreError, match=r"is PostgreSQL \d+: Seatgate needs 99 or newer"):
        open_store(postgres.url(fresh))


def test_a_database_that_cannot_hold_chinese(postgres, open_store):
    postgres.administer("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    try:
        with pytest.raises(StoreError, match="stores texts as LATIN1: create the database with ENCODING 'UTF8'"):
            open_store(postgres.url("latin"))
    finally:
        postgres.drop("latin")


def test_a_database_of_a_newer_version(postgres, fresh, open_store):
    open_store(postgres.url(fresh)).close()
    with psycopg.connect(postgres.url(fresh)) as direct:
        direct.execute("INSERT INTO schema_version VALUES (9999)")
    with pytest.raises(StoreError, match=r"written by a newer Seatgate \(schema 9999"):
        open_store(postgres.url(fresh))


def test_a_migration_that_fails_leaves_the_database_as_it_was(postgres, fresh, open_store, monkeypatch):
    broken = [*migrations("postgres"), (9999, "CREATE TABLE half (a int); SELECT no_such_function()")]
    monkeypatch.setattr(schema, "migrations", lambda _database: broken)
    with pytest.raises(StoreError, match="no_such_function"):
        open_store(postgres.url(fresh))
    with psycopg.connect(postgres.url(fresh)) as direct:
        assert direct.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    monkeypatch.undo()
    open_store(postgres.url(fresh))


def test_workers_that_start_at_the_same_moment_make_the_tables_once(postgres, fresh, open_store):
    started, faults = threading.Barrier(4), []

    def start():
        started.wait()
        try:
            open_store(postgres.url(fresh))
        except StoreError as error:
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    with psycopg.connect(postgres.url(fresh)) as direct:
        numbers = [row[0] for row in direct.execute("SELECT number FROM schema_version ORDER BY number")]
    assert numbers == [number for number, _ in migrations("postgres")]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a = ? AND b = ?", b"a = $1 AND b = $2"),
        ("a = ?2 AND b = ?1 AND c = ?2", b"a = $2 AND b = $1 AND c = $2"),
        ("a = ? AND b = ?3 AND c = ?", b"a = $1 AND b = $3 AND c = $4"),
    ],
)
def test_placeholders_count_as_sqlite_counts_them(ours, theirs):
    assert numbered(ours) == theirs


def test_a_character_that_no_text_holds_matches_nothing_and_breaks_nothing(desk, at):
    assert desk.reads.reader("S0\x0001") is None
    assert desk.reads.reservation("S001", "\x00", at("09:00")) is None
    with desk.direct() as db:
        db.execute("UPDATE readers SET name = ? WHERE id = ?", ("读\x00者", "S001"))
    assert desk.reads.reader("S001").name == "读\N{REPLACEMENT CHARACTER}者"
