"""What deciding about violations needs of one open transaction; the SQLite store implements it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from booking.domain.violations import Because, Span, Violation


class ViolationBook(Protocol):
    """The violations, the outages that excuse, and until when each gate has told everything."""

    def add(self, violation: Violation) -> None:
        """Insert a violation; one with its id stays as it is."""

    def one(self, violation: str) -> Violation | None:
        """Return one violation."""

    def of_reader(self, reader: str) -> list[Violation]:
        """Return a reader's violations, oldest first."""

    def of_reservation(self, reservation: str) -> list[Violation]:
        """Return a reservation's violations, oldest first."""

    def unconfirmed(self) -> list[Violation]:
        """Return every violation that is neither confirmed nor lifted."""

    def since(self, moment: datetime) -> list[Violation]:
        """Return every violation at `moment` or later that is not lifted."""

    def confirm(self, violation: str, at: datetime) -> None:
        """Note that a violation is no longer provisional."""

    def lift(self, violation: str, at: datetime, because: Because) -> None:
        """Note that a violation is lifted."""

    def appeal(self, violation: str, at: datetime, words: str) -> None:
        """Note the reader's appeal."""

    def decide(self, violation: str, at: datetime) -> None:
        """Note that staff decided."""

    def excuses(self) -> list[Span]:
        """Return every outage that staff have excused."""

    def excuse(self, span: Span, at: datetime) -> None:
        """Insert such an outage."""

    def heard(self) -> Mapping[str, datetime]:
        """Return until when each gate has told everything it captured."""

    def hear(self, gate: str, until: datetime) -> None:
        """Note that `gate` has told everything it captured before `until`."""

    def holds_rows(self, gate: str, epoch: int, after: int, last: int) -> bool:
        """Tell whether the inbox has every row of `gate` with a sequence in (`after`, `last`]."""

    def last_row(self, gate: str, epoch: int) -> int:
        """Return the highest sequence of `gate` that the inbox has; 0 when it has none."""

    def audit(self, at: datetime, staff: str, action: str, subject: str, facts: dict[str, str]) -> None:
        """Insert a line about what staff did."""
