"""What the gate wants done on a line, from when another thread asks until the line's own thread does it. No action is late."""

import threading
from collections import deque
from collections.abc import Callable, Iterator

from wire.line_driver import Wanted

MOST = 64
"""Far more than a line's portals can be asked at once; what is above it is refused."""


class Pending:
    """The actions that wait for one line's turn; `wake` ends the line's waiting."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Wanted] = deque()

    def put(self, wanted: Wanted) -> None:
        """Keep an action for the line's thread, or tell that there are too many. From any thread."""
        with self._lock:
            room = len(self._waiting) < MOST
            if room:
                self._waiting.append(wanted)
        if room:
            self._wake()
        else:
            wanted.done("too many actions wait for this line")

    def due(self, now_ns: int) -> Iterator[Wanted]:
        """Take each action that may still be done; those whose time is over are told so. On the line's own thread."""
        while True:
            with self._lock:
                wanted = self._waiting.popleft() if self._waiting else None
            if wanted is None:
                return
            if now_ns < wanted.until_ns:
                yield wanted
            else:
                wanted.done("its time was over before the line could take it")

    def refuse(self, sentence: str) -> None:
        """Tell each that it cannot be done."""
        while True:
            with self._lock:
                wanted = self._waiting.popleft() if self._waiting else None
            if wanted is None:
                return
            wanted.done(sentence)
