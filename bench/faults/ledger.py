"""What readers were told, and what the database must hold because of it: the judge of every campaign.

A booking that was answered is in the ledger; the checks ask the file itself, with SQL of their own, never the product.
"""

import hashlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import psycopg

from booking.domain.places import Places
from booking.service.commands import LoadPeople, OpenSession, Person
from booking.store.opening import open_store
from config.values import Secret

SESSION_LASTS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Told:
    """A booking that somebody was told is theirs."""

    id: str
    reader: str
    seat: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a database says about a ledger; all good: every figure is zero and `corrupt` is empty."""

    lost: int = 0
    """Bookings that were answered and are not there, or are somebody else's, or another seat's."""
    torn: int = 0
    """Bookings without their line in the evidence or their notification: one transaction holds all three."""
    doubles: int = 0
    """Pairs that hold one seat, or one reader, at the same moment."""
    corrupt: str = ""

    @property
    def good(self) -> bool:
        """Tell whether nothing is wrong."""
        return (self.lost, self.torn, self.doubles, self.corrupt) == (0, 0, 0, "")


@dataclass
class Ledger:
    """Everything that was answered, in order."""

    told: list[Told] = field(default_factory=list)

    def note(self, answer: dict[str, str], reader: str, seat: str) -> None:
        """Note the body of a 201."""
        self.told.append(Told(answer["id"], reader, seat, datetime.fromisoformat(answer["start"])))

    def judge(self, database: Path | Secret) -> Verdict:
        """Compare the whole ledger with the file, which may be open in a running server."""
        return judge(database, self.told)


_OVERLAPS = """SELECT count(*) FROM reservations a JOIN reservations b ON a.id < b.id AND a.{what} = b.{what}
AND a.holding = 1 AND b.holding = 1 AND a.start_us < b.end_us AND b.start_us < a.end_us"""


def judge(database: Path | Secret, told: Iterable[Told]) -> Verdict:
    """Ask an SQLite file, or a PostgreSQL database, whether what was told is so."""
    try:
        with closing(_open(database)) as connection:

            def ask(sql: str) -> list[tuple[Any, ...]]:
                return list(connection.execute(sql))

            wrong = [row[0] for row in ask("PRAGMA integrity_check") if row[0] != "ok"] if _is_file(database) else []
            stored = {row[0]: row[1:] for row in ask("SELECT id, reader, seat, start_us FROM reservations")}
            both = ask("SELECT reservation FROM evidence INTERSECT SELECT reservation FROM notifications")
            doubles = sum(ask(_OVERLAPS.format(what=what))[0][0] for what in ("seat", "reader"))
    except (apsw.Error, psycopg.Error) as error:
        return Verdict(corrupt=str(error))
    whole = {row[0] for row in both}
    lost = sum(stored.get(one.id) != (one.reader, one.seat, round(one.start.timestamp() * 1_000_000)) for one in told)
    return Verdict(lost, len(stored.keys() - whole), doubles, "; ".join(wrong))


def _is_file(database: Path | Secret) -> bool:
    return isinstance(database, Path)


def _open(database: Path | Secret) -> Any:
    if isinstance(database, Path):
        return apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    return psycopg.connect(database.value)


def reader_name(number: int) -> str:
    """Return the student number of reader `number`."""
    return f"R{number:06}"


def token_of(number: int) -> str:
    """Return the bearer token of reader `number`, known to the generator and to the database that `prefill` made."""
    return f"faults-token-{number:06}-{'x' * 20}"


def prefill(database: Path | Secret, places: Places, readers: int, now: datetime, *, staff: int | None = None) -> None:
    """Make readers and their sessions known before a server opens the database; reader `staff` is staff."""
    role = {staff: "staff"}
    people = tuple(
        Person(reader=reader_name(n), name=f"Reader {n}", role=role.get(n, "reader")) for n in range(readers)
    )
    sessions = [
        OpenSession(
            reader=reader_name(n),
            at=now,
            token_hash=hashlib.sha256(token_of(n).encode()).digest(),
            csrf="faults",
            expires_at=now + SESSION_LASTS,
            role=role.get(n, "reader"),
        )
        for n in range(readers)
    ]
    store = open_store(database, places, now)
    try:
        store.writer.submit([LoadPeople(at=now, people=people)]).result()
        store.writer.submit(sessions).result()
    finally:
        store.close()
