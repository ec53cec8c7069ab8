"""The birth and the last will of this process: built, signed, published retained on every connect; and checked.

Give `will` to MqttLink as its will and call `announce` from its `on_connect`. What a presence means is its reader's.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from msgspec import UNSET

from messages import presence, topics
from messages.errors import MessageError
from messages.presence import GateFigures, OutboxState, Presence, PresenceState
from messages.topics import Family, Leaf
from runtime.clock import Clock
from runtime.mqtt import LinkDown, Message, MqttLink, Will
from runtime.published import OnDone
from runtime.signing import SIG, SigningKey, signed_properties, verify

_log = logging.getLogger(__name__)


class HasState(Protocol):
    """An outbox, as far as a birth needs it (booking has none)."""

    def state(self) -> OutboxState:
        """Return its figures."""


def _nothing() -> None:
    """Say nothing of a gate: for whoever is none."""


@dataclass(frozen=True)
class Announcer:
    """Says who we are; `version` is the program's, `outbox` is None for a process that has none."""

    site: str
    family: Family
    name: str
    version: str
    clock: Clock
    key: SigningKey
    outbox: HasState | None = None
    gate: Callable[[], GateFigures | None] = _nothing
    """A gate's figures now."""
    warnings: Callable[[], Iterable[str]] = tuple
    """What staff should look at, in words of `messages.presence.Warned`."""

    @property
    def topic(self) -> str:
        """Where our presence is retained."""
        return topics.build(self.site, self.family, self.name, Leaf.PRESENCE)

    def will(self, session: int) -> Will:
        """Return the death of connection `session`; its time is when the connection was begun."""
        return self._signed(PresenceState.DEATH, session)

    def birth(self, session: int) -> Will:
        """Return the birth of connection `session`, in the same form as a will."""
        return self._signed(PresenceState.BIRTH, session)

    def announce(self, link: MqttLink, session: int, on_done: OnDone | None = None) -> None:
        """Publish the birth; when the link is lost meanwhile, the next connect brings the next birth."""
        topic, payload, properties = self.birth(session)
        try:
            link.publish(topic, payload, retain=True, properties=properties, on_done=on_done)
        except LinkDown as error:
            _log.info("birth not sent session=%d: %s", session, error)

    def _signed(self, state: PresenceState, session: int) -> Will:
        payload = presence.encode(
            self.site,
            self.family,
            self.name,
            Presence(
                state=state,
                session=session,
                version=self.version,
                wall=self.clock.now(),
                monotonic_ns=self.clock.monotonic_ns(),
                boot_id=self.clock.boot_id,
                outbox=self.outbox.state() if self.outbox is not None else None,
                gate=self.gate() if state is PresenceState.BIRTH else None,
                warnings=sorted(self.warnings()) or UNSET,
            ),
        )
        return Will(self.topic, payload, signed_properties(self.key, self.topic, payload))


def read_presence(message: Message, public_key: bytes) -> Presence | None:
    """Return what the owner of `public_key` says of itself; None, and a warning, for anything else."""
    if not verify(public_key, message.topic, message.payload, message.properties.get(SIG, "")):
        _log.warning("presence without a good signature ignored topic=%s", message.topic)
        return None
    try:
        return presence.decode(message.payload)
    except MessageError as error:
        _log.warning("presence ignored topic=%s error=%s", message.topic, error)
        return None
