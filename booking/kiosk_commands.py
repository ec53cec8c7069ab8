"""Signed commands to kiosks over the broker. `booking.web.context.KioskCommands` is what the pages see of this."""

from collections.abc import Callable
from datetime import datetime

from booking.identity import NAME, Identity, Signed
from messages import command
from messages.command import Screenshot
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown


class BrokerKioskCommands:
    """Publishes each command to one kiosk; the broker forgets it when nobody takes it in time."""

    def __init__(self, identity: Identity, clock: Clock, publish: Callable[[Signed], object]) -> None:
        self._identity = identity
        self._clock = clock
        self._publish = publish

    def screenshot(self, kiosk: str, command_id: str, deadline: datetime) -> bool:
        """Ask for a picture; False when the broker cannot be reached now."""
        topic = build(self._identity.site, Family.KIOSKS, kiosk, Leaf.COMMAND)
        body = command.encode(self._identity.site, NAME, Screenshot(command_id, deadline), at=self._clock.now())
        try:
            self._publish(self._identity.signed(topic, body))
        except LinkDown:
            return False
        return True
