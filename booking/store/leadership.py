"""Which of the processes on one database does what only one may do: ingest, numbering of maps, sweeping, notifying.

    for leading in store.leadership.changes():   # on a thread of the caller's own
        start_the_leaders_parts() if leading else stop_them()

`changes` waits without asking again and again; it ends after `resign`, with a last False where this process was leading.
Two processes may both believe that they lead for a moment (one that was stopped and goes on): what leaders do stays right.
"""

import threading
from collections.abc import Iterator
from typing import Protocol


class Leadership(Protocol):
    """This process's part in the choice of a leader."""

    @property
    def leading(self) -> bool:
        """Whether this process leads now, as far as it knows."""

    def led(self) -> bool:
        """Tell whether some process leads and says so, this one or another; StoreError when nobody can tell."""

    def changes(self) -> Iterator[bool]:
        """Stand for the lead; yield True when it is gained and False when it is lost, in turns, until `resign`."""

    def resign(self) -> None:
        """Let another process lead and end `changes`; may be called from any thread, and more than once."""


class AlwaysLeading:
    """The one process of a database that has only one."""

    def __init__(self) -> None:
        self._resigned = threading.Event()
        self._leading = False

    @property
    def leading(self) -> bool:
        """Whether `changes` was asked and `resign` was not."""
        return self._leading

    def led(self) -> bool:
        """Tell the same: there is no other."""
        return self._leading

    def changes(self) -> Iterator[bool]:
        """Yield True at once, and False after `resign`."""
        if self._resigned.is_set():
            return
        self._leading = True
        yield True
        self._resigned.wait()
        self._leading = False
        yield False

    def resign(self) -> None:
        """End `changes`."""
        self._resigned.set()
