"""What differs between the databases when a batch is written: how a transaction begins, ends and fails.

booking.store.sqlite and booking.store.postgres have one each; the writer's loop is the same over both.
"""

from collections.abc import Callable
from typing import Protocol

from booking.service.ports import Touched
from booking.store.sql import Connection

Work = Callable[[Connection, bool], Touched]
"""Writes a whole batch and returns the areas that it touched. Called again from its start when the engine has to repeat.

Its second argument says whether each command stands in a savepoint of its own. Where it does not, the work lets every error
through, and the engine calls it again with savepoints: the rare batch with a failing command pays, the others do not.
"""


class Engine(Protocol):
    """One database as the writer's thread uses it; used by that thread alone once the writer has started."""

    def transaction(self, work: Work) -> Touched:
        """Run `work` in one transaction that nobody else's write can cross, and return once it is durable.

        StoreError when nothing was stored; its text tells to try again where that may help.
        """

    def ends_all(self, error: Exception) -> bool:
        """Tell whether an error that a command met is about the whole transaction and not about that command."""

    def refused_by(self, error: Exception) -> str | None:
        """Return the name of the constraint that refused a write: "seat-overlap", …; None for any other error."""

    def close(self) -> None:
        """Let the database go."""
