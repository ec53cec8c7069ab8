"""Commands of staff to gates over the broker: each sent once by whoever leads, signed, and forgotten by the broker in time."""

import logging
from datetime import timedelta
from typing import Protocol

from booking.identity import NAME, Identity, Signed
from booking.service.portal_orders import Order, OrderReads, PortalCommand
from booking.woken import Woken
from messages import command
from messages.command import Lock, Open, PortalOrder, Unlock
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown

_log = logging.getLogger(__name__)


class Publishes(Protocol):
    """The link."""

    def __call__(self, message: Signed, expiry: timedelta) -> object:
        """Send; the broker may deliver it for so long. LinkDown."""


class GateOrders(Woken):
    """`wake` from any thread; `run` on a thread of its own until `stop`."""

    def __init__(self, reads: OrderReads, identity: Identity, clock: Clock, publish: Publishes) -> None:
        super().__init__()
        self._reads = reads
        self._identity = identity
        self._clock = clock
        self._publish = publish
        self._sent: set[str] = set()

    def work(self) -> None:
        """Send what was not sent; what the broker does not take now follows its next connection, if that is in time."""
        wanted = self._reads.wanted_orders(self._clock.now())
        self._sent &= {one.id for one in wanted}
        for one in wanted:
            if one.id not in self._sent and self._give(one):
                self._sent.add(one.id)

    def _give(self, one: Order) -> bool:
        now = self._clock.now()
        topic = build(self._identity.site, Family.GATES, one.gate, Leaf.COMMAND)
        body = command.encode(self._identity.site, NAME, payload_of(one), at=now)
        left = one.deadline - now
        if left <= timedelta():
            return True
        try:
            self._publish(self._identity.signed(topic, body), max(left, _SECOND))
        except LinkDown:
            return False
        _log.info("command sent gate=%s portal=%s what=%s id=%s", one.gate, one.portal, one.what, one.id)
        return True


_SECOND = timedelta(seconds=1)
"""MQTT counts an expiry in whole seconds; 0 would be none."""


def payload_of(one: Order) -> PortalOrder:
    """Return a command as the gate is told it."""
    match one.what:
        case PortalCommand.OPEN:
            return Open(one.id, one.deadline, one.portal)
        case PortalCommand.LOCK:
            return Lock(one.id, one.deadline, one.portal)
        case PortalCommand.UNLOCK:
            return Unlock(one.id, one.deadline, one.portal)
