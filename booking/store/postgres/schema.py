"""Bringing a PostgreSQL database up to date, once, although several workers may start at the same moment."""

import psycopg

from booking.store.errors import StoreError
from booking.store.postgres.address import OLDEST, Address
from booking.store.postgres.connection import PostgresConnection
from booking.store.postgres.turn import TURN
from booking.store.steps import left_to_run, migrations


def prepare_database(db: PostgresConnection, address: Address) -> None:
    """Check what kind of database this is, and run the migrations that it has not seen; StoreError says what is missing."""
    version = db.psycopg.info.server_version // 10_000
    if version < OLDEST:
        raise StoreError(f"{address!r} is PostgreSQL {version}: Seatgate needs {OLDEST} or newer")
    row = db.execute("SELECT current_setting('server_encoding'), pg_is_in_recovery()").fetchone()
    if row[0] != "UTF8":
        raise StoreError(f"{address!r} stores texts as {row[0]}: create the database with ENCODING 'UTF8'")
    if row[1]:
        raise StoreError(f"{address!r} is a standby, which only reads: name the primary server in `database`")
    try:
        _migrate(db)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreError(
            f"role {address.user} may not create tables in {address!r} ({error.diag.message_primary}): make it the owner "
            f"(ALTER DATABASE {address.dbname} OWNER TO {address.user})"
        ) from error
    except psycopg.errors.FeatureNotSupported as error:
        raise StoreError(
            f"{address!r} lacks an extension ({error.diag.message_primary}): install postgresql-contrib on its machine"
        ) from error
    except psycopg.Error as error:
        raise StoreError(f"{address!r} cannot be brought up to date, nothing of it was changed: {error}") from error


def _migrate(db: PostgresConnection) -> None:
    with db.psycopg.transaction():
        db.run(f"SELECT pg_advisory_xact_lock({TURN})")
        done: set[int] = set()
        if db.execute("SELECT to_regclass('schema_version') IS NULL").fetchone()[0]:
            db.run("CREATE TABLE schema_version (number bigint PRIMARY KEY)")
        else:
            done = {row[0] for row in db.execute("SELECT number FROM schema_version")}
        for number, script in left_to_run(done, migrations("postgres")):
            db.run(script)
            db.execute("INSERT INTO schema_version (number) VALUES (?)", (number,))
