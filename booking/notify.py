"""What readers were told, out to server-side clients over the broker: at least once each, in order, none forgotten.

The rows are written with what they tell of, in one transaction; here they are only handed on.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from booking.identity import NAME, Identity, Signed
from booking.service.commands import MarkTold
from booking.service.ports import Writer
from booking.service.views import NotificationView
from booking.woken import Woken
from messages import notification
from messages.notification import Notification, opaque_reader
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown, Published

ANSWER_WITHIN = timedelta(seconds=10)
_log = logging.getLogger(__name__)


class Untold(Protocol):
    """The one read that this module needs."""

    def untold(self, *, limit: int = 100) -> list[tuple[int, str, NotificationView]]:
        """The oldest notifications that the broker has not been handed: (number, reader, notification)."""


class Notifier(Woken):
    """`wake` from any thread; `run` on a thread of its own until `stop`."""

    gather = timedelta(milliseconds=500)
    """Notifications of this time are marked as told in one commit."""

    def __init__(
        self, reads: Untold, writer: Writer, identity: Identity, clock: Clock, publish: Callable[[Signed], Published]
    ) -> None:
        super().__init__()
        self._reads = reads
        self._writer = writer
        self._identity = identity
        self._clock = clock
        self._publish = publish

    def work(self) -> None:
        """Hand on notifications, a batch after the other."""
        while self.hand_on() and not self._stopping.is_set():
            pass

    def hand_on(self) -> bool:
        """Publish one batch and mark it; False when there was none or the broker did not take it."""
        rows = self._reads.untold()
        if not rows:
            return False
        try:
            sent = [self._send(reader, view) for _, reader, view in rows]
        except LinkDown:
            return False  # the next connection wakes us
        # the last first: the broker answers in order, so we are woken once and not for each
        if not all(published.wait(ANSWER_WITHIN.total_seconds()) for published in reversed(sent)):
            _log.warning("notifications not taken by the broker count=%d", len(rows))
            return False
        self._writer.submit([MarkTold(at=self._clock.now(), upto=rows[-1][0])]).result()
        return True

    def _send(self, reader: str, view: NotificationView) -> Published:
        topic = build(
            self._identity.site, Family.READERS, opaque_reader(self._identity.master, reader), Leaf.NOTIFICATIONS
        )
        body = Notification(view.id, view.kind, view.at, view.reservation, view.facts)
        return self._publish(self._identity.signed(topic, notification.encode(self._identity.site, NAME, body)))
