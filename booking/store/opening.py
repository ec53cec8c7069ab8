"""Which database it is: `open_store` opens the one that the settings name."""

from datetime import datetime
from pathlib import Path

from booking.domain.places import Places
from booking.store import sqlite
from booking.store.opened import Store
from booking.store.postgres import opening as postgres
from config.values import Secret


def open_store(database: Path | Secret, places: Places, now: datetime) -> Store:
    """Open the SQLite file, or the PostgreSQL database at an address that holds a password; StoreError says what is wrong."""
    if isinstance(database, Secret):
        return postgres.open_store(database, places, now)
    return sqlite.open_store(database, places, now)
