"""What became of each message given to the broker, matched by packet number whichever of sender and answer is first.

Only the ledger lives here; `mqtt` fills it. Its lock is never held while the MQTT library is called: that library
calls back with locks of its own.
"""

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)
NO_SUBSCRIBERS = "no matching subscribers"
"""The broker took the message and nobody listens: not a failure."""
CONNECTION_LOST = "connection lost"

OnDone = Callable[[str | None], None]
"""Called once, on the link's thread, with the reason (see `Published.reason`)."""


class Published:
    """One message on its way to the broker."""

    def __init__(self, on_done: OnDone | None = None, *, may_be_refused: bool = False) -> None:
        self._settled = threading.Event()
        self._on_done = on_done
        self.may_be_refused = may_be_refused
        """Whether the broker's refusal is nothing that staff must hear of: the sender asked for it."""
        self.reason: str | None = None
        """None while under way and after plain success; else the broker's words, NO_SUBSCRIBERS or CONNECTION_LOST."""

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds; tell whether the broker took the message."""
        return self._settled.wait(timeout) and self.reason in (None, NO_SUBSCRIBERS)

    def settle(self, reason: str | None) -> None:
        """Record the answer and pass it on."""
        self.reason = reason
        self._settled.set()
        if self._on_done is not None:
            try:
                self._on_done(reason)
            except Exception:  # noqa: BLE001 - the link outlives its users' faults
                _log.exception("a callback failed after publishing")


class PublishLedger:
    """The messages of one connection that the broker has not answered. `on_refused` is told the broker's words of a refusal."""

    def __init__(self, on_refused: Callable[[str], None] = lambda _reason: None) -> None:
        self._on_refused = on_refused
        self._lock = threading.Lock()
        self._waiting: dict[int, Published] = {}
        self._answered: dict[int, str | None] = {}
        self._closed = False

    def sent(self, number: int, published: Published) -> None:
        """Enter a message that has just been sent; its answer may be here already."""
        with self._lock:
            if not self._closed and number not in self._answered:
                self._waiting[number] = published
                return
            reason = self._answered.pop(number, CONNECTION_LOST)
        self._settle(published, reason)

    def answered(self, number: int, reason: str | None) -> None:
        """Settle a message; one that its sender has not entered yet waits for it."""
        with self._lock:
            published = self._waiting.pop(number, None)
            if published is None:
                self._answered[number] = reason
                return
        self._settle(published, reason)

    def _settle(self, published: Published, reason: str | None) -> None:
        if reason not in (None, NO_SUBSCRIBERS, CONNECTION_LOST) and not published.may_be_refused:
            self._on_refused(str(reason))
        published.settle(reason)

    def close(self) -> None:
        """Settle all that is left: with this connection their answers are lost."""
        with self._lock:
            self._closed = True
            left = list(self._waiting.values())
            self._waiting.clear()
        for published in left:
            published.settle(CONNECTION_LOST)
