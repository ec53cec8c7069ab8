"""booking.service.violation_book.ViolationBook over the writing connection: SQL only, no rule."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from booking.domain.violations import Because, Span, Violation
from booking.store.rows import facts_json, moment, moment_or_none, us, us_or_none
from booking.store.sql import Connection
from config.policy import ViolationKind

VIOLATION = (
    "id, reader, reservation, area, kind, policy_key, since_us, occurred_us, confirmed_us, lifted_us, lifted_because, "
    "appealed_us, appeal, decided_us"
)
"""The columns that `violation_of_row` reads, in order."""
_SELECT = f"SELECT {VIOLATION} FROM violations "  # noqa: S608 - the columns are constants of this package
_PLACES = ", ".join("?" * len(VIOLATION.split(",")))
_INSERT = f"INSERT INTO violations ({VIOLATION}) VALUES ({_PLACES}) ON CONFLICT DO NOTHING"  # noqa: S608


def violation_of_row(row: Any) -> Violation:
    """Return the violation in a row of the columns VIOLATION."""
    return Violation(
        id=row[0],
        reader=row[1],
        reservation=row[2],
        area=row[3],
        kind=ViolationKind(row[4]),
        policy_key=row[5],
        since=moment(row[6]),
        occurred_at=moment(row[7]),
        confirmed_at=moment_or_none(row[8]),
        lifted_at=moment_or_none(row[9]),
        lifted_because=Because(row[10]) if row[10] else None,
        appealed_at=moment_or_none(row[11]),
        appeal=row[12],
        decided_at=moment_or_none(row[13]),
    )


class ViolationRows:
    """The violations' part of one command's unit."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, violation: Violation) -> None:
        """Insert a violation; one with its id stays as it is."""
        one = violation
        self._db.execute(
            _INSERT,
            (
                one.id,
                one.reader,
                one.reservation,
                one.area,
                str(one.kind),
                one.policy_key,
                us(one.since),
                us(one.occurred_at),
                us_or_none(one.confirmed_at),
                us_or_none(one.lifted_at),
                str(one.lifted_because) if one.lifted_because else None,
                us_or_none(one.appealed_at),
                one.appeal,
                us_or_none(one.decided_at),
            ),
        )

    def one(self, violation: str) -> Violation | None:
        """Return one violation."""
        found = self._all("WHERE id = ?", violation)
        return found[0] if found else None

    def of_reader(self, reader: str) -> list[Violation]:
        """Return a reader's violations, oldest first."""
        return self._all("WHERE reader = ? ORDER BY occurred_us, id", reader)

    def of_reservation(self, reservation: str) -> list[Violation]:
        """Return a reservation's violations, oldest first."""
        return self._all("WHERE reservation = ? ORDER BY occurred_us, id", reservation)

    def unconfirmed(self) -> list[Violation]:
        """Return every violation that is neither confirmed nor lifted."""
        return self._all("WHERE lifted_us IS NULL AND confirmed_us IS NULL ORDER BY occurred_us, id")

    def since(self, moment: datetime) -> list[Violation]:
        """Return every violation at `moment` or later that is not lifted."""
        return self._all("WHERE lifted_us IS NULL AND occurred_us >= ? ORDER BY occurred_us, id", us(moment))

    def confirm(self, violation: str, at: datetime) -> None:
        """Note that a violation is no longer provisional."""
        self._db.execute("UPDATE violations SET confirmed_us = ? WHERE id = ?", (us(at), violation))

    def lift(self, violation: str, at: datetime, because: Because) -> None:
        """Note that a violation is lifted."""
        self._db.execute(
            "UPDATE violations SET lifted_us = ?, lifted_because = ? WHERE id = ?", (us(at), str(because), violation)
        )

    def appeal(self, violation: str, at: datetime, words: str) -> None:
        """Note the reader's appeal."""
        self._db.execute("UPDATE violations SET appealed_us = ?, appeal = ? WHERE id = ?", (us(at), words, violation))

    def decide(self, violation: str, at: datetime) -> None:
        """Note that staff decided."""
        self._db.execute("UPDATE violations SET decided_us = ? WHERE id = ?", (us(at), violation))

    def excuses(self) -> list[Span]:
        """Return every outage that staff have excused."""
        return excuses(self._db)

    def excuse(self, span: Span, at: datetime) -> None:
        """Insert such an outage."""
        self._db.execute(
            "INSERT INTO excused_outages (start_us, end_us, venue, at_us) VALUES (?, ?, ?, ?)",
            (us(span.start), us(span.end), span.venue, us(at)),
        )

    def heard(self) -> Mapping[str, datetime]:
        """Return until when each gate has told everything it captured."""
        return heard(self._db)

    def hear(self, gate: str, until: datetime) -> None:
        """Note that `gate` has told everything it captured before `until`."""
        self._db.execute(
            "INSERT INTO gates_heard VALUES (?, ?) ON CONFLICT (gate) DO UPDATE "
            "SET until_us = excluded.until_us WHERE gates_heard.until_us < excluded.until_us",
            (gate, us(until)),
        )

    def holds_rows(self, gate: str, epoch: int, after: int, last: int) -> bool:
        """Tell whether the inbox has every row of `gate` with a sequence in (`after`, `last`]."""
        row: Any = self._db.execute(
            "SELECT count(*) FROM inbox WHERE gate = ? AND epoch = ? AND sequence > ? AND sequence <= ?",
            (gate, epoch, after, last),
        ).fetchone()
        return bool(row[0] >= last - after)

    def last_row(self, gate: str, epoch: int) -> int:
        """Return the highest sequence of `gate` that the inbox has; 0 when it has none."""
        row: Any = self._db.execute(
            "SELECT coalesce(max(sequence), 0) FROM inbox WHERE gate = ? AND epoch = ?", (gate, epoch)
        ).fetchone()
        return int(row[0])

    def audit(self, at: datetime, staff: str, action: str, subject: str, facts: dict[str, str]) -> None:
        """Insert a line about what staff did."""
        self._db.execute(
            "INSERT INTO staff_actions (at_us, staff, action, subject, facts) VALUES (?, ?, ?, ?, ?)",
            (us(at), staff, action, subject, facts_json(facts)),
        )

    def _all(self, rest: str, *values: object) -> list[Violation]:
        return [violation_of_row(row) for row in self._db.execute(_SELECT + rest, values).fetchall()]


def excuses(db: Connection) -> list[Span]:
    """Return every outage that staff have excused."""
    rows: list[Any] = db.execute("SELECT start_us, end_us, venue FROM excused_outages").fetchall()
    return [Span(moment(row[0]), moment(row[1]), row[2]) for row in rows]


def heard(db: Connection) -> dict[str, datetime]:
    """Return until when each gate has told everything it captured."""
    rows: list[Any] = db.execute("SELECT gate, until_us FROM gates_heard").fetchall()
    return {row[0]: moment(row[1]) for row in rows}
