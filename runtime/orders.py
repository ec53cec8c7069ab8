"""Commands of the server as a device may act on them: signed, in time, and each once. Everything else is refused.

A command that comes late is never made up for: whoever gave it has long seen that nothing happened.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta

from messages import command
from messages.access import CommandResult
from messages.command import Command
from messages.errors import MessageError
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.signing import SIG, verify

_log = logging.getLogger(__name__)
REMEMBERED = 256
CLOCKS_DIFFER = timedelta(seconds=2)
"""So much the server's clock may be behind ours."""
MAX_LIFE = timedelta(seconds=60)
"""A command whose deadline lies further ahead is not believed: it could be repeated after we have forgotten it."""


Refused = Callable[[Command, CommandResult], None]
"""A command that was signed for this device and is not acted on all the same, and why."""


def _nobody(_order: Command, _why: CommandResult) -> None:
    """Tell nobody."""


class Orders:
    """Judges what arrives on one device's own command topic. `server_key`: the server's 32 public bytes.

    `refused` is told of each that was really given to this device, so that whoever gave it can see why nothing happened;
    `counts` has all that were refused, by why.
    """

    def __init__(self, server_key: bytes, clock: Clock, refused: Refused = _nobody) -> None:
        self._server_key = server_key
        self._clock = clock
        self._refused = refused
        self._began = clock.now()
        self._done: deque[str] = deque(maxlen=REMEMBERED)
        self.counts: Counter[str] = Counter()

    def accept(self, message: Message) -> Command | None:
        """Return the command to act on; None, with a line in the log, for one that must not be."""
        if not verify(self._server_key, message.topic, message.payload, message.properties.get(SIG, "")):
            self._count("signature", f"topic={message.topic}")
            return None
        try:
            order, given_at = command.decode(message.payload), command.given_at(message.payload)
        except MessageError as error:
            self._count("unreadable", f"topic={message.topic} error={error}")
            return None
        why = self._fault(order, given_at, retained=message.retained)
        if why is None:
            self._done.append(order.id)
            return order
        self._count(why.value, f"id={order.id} deadline={order.deadline.isoformat()}")
        self._refused(order, why)
        return None

    def _fault(self, order: Command, given_at: datetime, *, retained: bool) -> CommandResult | None:
        now = self._clock.now()
        if order.id in self._done:
            return CommandResult.REPEATED
        if retained or not now <= order.deadline <= now + MAX_LIFE:
            return CommandResult.LATE
        # A process that has just begun does not know what the one before it has done.
        return CommandResult.BEFORE_START if given_at < self._began - CLOCKS_DIFFER else None

    def _count(self, why: str, what: str) -> None:
        self.counts[why] += 1
        _log.warning("command refused why=%s %s", why, what)
