"""Whether a server of the university answers: asked once in a while, by one thread for all, and remembered."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from booking.sso.vouching import SsoDownError

T = TypeVar("T")
GOOD_FOR = 60.0
"""Seconds for which an answer counts without asking again."""
BAD_FOR = 5.0
"""Seconds for which a failure counts: who comes meanwhile is told at once."""


class Contact(Generic[T]):
    """Remembers what `ask` returned, or why it did not."""

    def __init__(self, ask: Callable[[], T], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._good: tuple[float, T] | None = None
        self._bad: tuple[float, str] | None = None

    def now(self) -> T:
        """Return an answer of the last minute, asking when there is none; SsoDownError says why there is none."""
        with self._lock:
            at = self._monotonic()
            if self._good is not None and at - self._good[0] < GOOD_FOR:
                return self._good[1]
            if self._bad is not None and at - self._bad[0] < BAD_FOR:
                raise SsoDownError(self._bad[1])
            try:
                answer = self._ask()
            except SsoDownError as error:
                self._bad = (self._monotonic(), str(error))
                raise
            self._good, self._bad = (self._monotonic(), answer), None
            return answer

    def lately(self) -> T:
        """Return the last answer however old it is; asks when there was none."""
        good = self._good
        return self.now() if good is None else good[1]
