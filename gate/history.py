"""What the gate itself has lately seen, out of its outbox: rows stay there for days after they are delivered."""

import logging
from collections.abc import Iterator

from messages import access
from messages.access import GateEvent
from messages.errors import MessageError
from runtime.outbox import Outbox, OutboxError

_log = logging.getLogger(__name__)
MOST = 20_000
"""Events that are looked back at: more than a busy entrance has in a day."""


def past(site: str, gate: str, outbox: Outbox) -> Iterator[GateEvent]:
    """Yield the newest events in their order; what cannot be read is left out and told."""
    try:
        rows = outbox.newest(MOST)
    except OutboxError as error:
        _log.error("what was seen before cannot be read: %s", error)
        return
    for row in rows:
        try:
            yield access.decode(site, gate, row.payload)
        except MessageError as error:
            _log.warning("an event of the outbox cannot be read sequence=%d: %s", row.sequence, error)
