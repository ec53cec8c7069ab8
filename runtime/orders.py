"""Commands of the server as a device may act on them: signed, in time, and each once. Everything else is refused.

A command that comes late is never made up for: whoever gave it has long seen that nothing happened.
"""

import logging
from collections import deque
from datetime import timedelta

from messages import command
from messages.command import Command
from messages.errors import MessageError
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.signing import SIG, verify

_log = logging.getLogger(__name__)
REMEMBERED = 256
MAX_LIFE = timedelta(seconds=60)
"""A command whose deadline lies further ahead is not believed: it could be repeated after we have forgotten it."""


class Orders:
    """Judges what arrives on one device's own command topic. `server_key`: the server's 32 public bytes."""

    def __init__(self, server_key: bytes, clock: Clock) -> None:
        self._server_key = server_key
        self._clock = clock
        self._done: deque[str] = deque(maxlen=REMEMBERED)

    def accept(self, message: Message) -> Command | None:
        """Return the command to act on; None, with a line in the log, for one that must not be."""
        if not verify(self._server_key, message.topic, message.payload, message.properties.get(SIG, "")):
            _log.warning("command refused why=signature topic=%s", message.topic)
            return None
        try:
            order = command.decode(message.payload)
        except MessageError as error:
            _log.warning("command refused why=unreadable topic=%s error=%s", message.topic, error)
            return None
        now = self._clock.now()
        if message.retained or not now <= order.deadline <= now + MAX_LIFE:
            _log.warning("command refused why=deadline id=%s deadline=%s", order.id, order.deadline)
        elif order.id in self._done:
            _log.warning("command refused why=repeated id=%s", order.id)
        else:
            self._done.append(order.id)
            return order
        return None
