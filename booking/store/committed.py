"""Who is told that something was committed. Listeners are called one at a time, on whichever thread learned of it."""

import logging
import threading
from collections.abc import Callable

from booking.service.ports import Touched

_log = logging.getLogger(__name__)


class Committed:
    """The listeners of one process; `tell` calls them for each commit, of this process or of another."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Touched], None]] = []
        self._turn = threading.Lock()

    def add(self, listener: Callable[[Touched], None]) -> None:
        """Call `listener` from now on: it may only enqueue."""
        self._listeners.append(listener)

    def tell(self, touched: Touched) -> None:
        """Tell every listener which areas a commit touched; one that fails stops neither the caller nor the others."""
        with self._turn:
            for listener in self._listeners:
                try:
                    listener(touched)
                except Exception:  # noqa: BLE001 - what is stored is stored, whatever a listener makes of it
                    _log.exception("a commit listener failed")
