"""The migrations that ship with this package: `migrations/{database}/00NN_name.sql`, run in the order of their numbers."""

import re
from collections.abc import Collection
from importlib import resources

from booking.store.errors import StoreError

_FILE = re.compile(r"(\d{4})_[a-z_]+\.sql")


def migrations(database: str) -> list[tuple[int, str]]:
    """Return the migrations of "sqlite" or "postgres" as (number, SQL), ascending."""
    folder = resources.files("booking.store").joinpath("migrations", database)
    found = [(match, file) for file in folder.iterdir() if (match := _FILE.fullmatch(file.name))]
    return sorted((int(match[1]), file.read_text(encoding="utf-8")) for match, file in found)


def left_to_run(done: Collection[int], known: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return what a database still needs that has seen the migrations `done`; StoreError when it is newer than us."""
    newest = max(done, default=0)
    if newest > known[-1][0]:
        raise StoreError(
            f"the database was written by a newer Seatgate (schema {newest}; this one knows {known[-1][0]}): "
            "install that version again, or restore the backup made before it."
        )
    return [(number, script) for number, script in known if number not in done]
