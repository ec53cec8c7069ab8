"""Senders of what readers are told on their own channels: claim one, send it, settle it; again until nothing waits.

A claim is committed before anything leaves the house and runs out by itself, so whatever kills a sender, the delivery
waits again; it may then arrive twice, under the same key. Several senders, or processes, disturb each other in nothing.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from booking.domain.refusals import Refusal
from booking.errors import BookingError
from booking.service.ports import Writer
from booking.service.telling import ClaimDelivery, Claimed, Delivery, SettleDelivery
from booking.service.views import NotificationView
from booking.settings import ChannelSettings
from runtime.clock import Clock

LONGEST_PAUSE = timedelta(hours=1)
"""Between two tries of one delivery."""
STEPS_OF_A_SEND = 6
"""A claim outlasts a send in which every step (connect, greet, sign in, address, text, goodbye) takes its whole time."""
LONGEST_WAIT = timedelta(minutes=5)
"""A clock that was set is noticed after this at the latest."""
AFTER_FAILURE = timedelta(seconds=5)
_log = logging.getLogger(__name__)

Letter = Callable[[NotificationView, str], tuple[str, str]]
"""Writes a notification in a language: title and text."""


class Send(Protocol):
    """What brings one message out (booking.channels.Channels.send)."""

    def __call__(self, delivery: Delivery, title: str, body: str) -> str:
        """Return "" when the other side took it, else why not."""


class Sender:
    """`wake` from any thread; `run` on a thread of its own until `stop`."""

    def __init__(
        self,
        next_delivery: Callable[[], datetime | None],
        writer: Writer,
        clock: Clock,
        *,
        settings: ChannelSettings,
        letter: Letter,
        send: Send,
    ) -> None:
        self._next_delivery = next_delivery
        self._writer = writer
        self._clock = clock
        self._tries = settings.tries
        self._lease = max(settings.retry_after, settings.timeout * STEPS_OF_A_SEND)
        self._letter = letter
        self._send = send
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Look for something to send; never waits."""
        self._wake.set()

    def stop(self) -> None:
        """End `run` after the send that is under way."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Send until `stop`."""
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                while not self._stopping.is_set() and self.send_one():
                    pass
                due = self._next_delivery()
            except BookingError as error:
                _log.warning("nothing can be sent error=%s", error)
                self._stopping.wait(AFTER_FAILURE.total_seconds())
                continue
            wait = LONGEST_WAIT if due is None else min(due - self._clock.now(), LONGEST_WAIT)
            self._wake.wait(max(self._clock.seconds(wait), 0))

    def send_one(self) -> bool:
        """Claim, send and settle one delivery; False when none is due."""
        now = self._clock.now()
        due = self._next_delivery()
        if due is None or due > now:
            return False
        (claimed,) = self._writer.submit([ClaimDelivery(at=now, lease=self._lease, longest=LONGEST_PAUSE)]).result()
        if isinstance(claimed, Refusal):
            raise BookingError(f"no delivery can be claimed ({claimed.code})")
        if not isinstance(claimed, Claimed) or claimed.delivery is None:
            return False
        delivery = claimed.delivery
        error = self._send(delivery, *self._letter(delivery.note, delivery.language))
        last = delivery.tries >= self._tries
        if error:
            _log.warning(
                "not delivered channel=%s key=%s try=%d given_up=%s",
                delivery.channel,
                delivery.key,
                delivery.tries,
                last,
            )
        self._writer.submit([SettleDelivery(at=self._clock.now(), n=delivery.n, error=error, last=last)]).result()
        return True
