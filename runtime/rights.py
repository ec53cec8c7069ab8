"""Whether the broker's rights (ACL) really hold: what is ours must be allowed, and what is another's denied.

At the start an unsigned word goes to topics that this account must not write: nobody believes it, keeps it or acts on it. MQTT 5
answers each publish with a reason code; MQTT 3.1.1 would say "success" to what it drops. What is ours is tested by what we
say anyway: the birth and the events. What is found never stops a process: signatures keep out whoever a careless broker lets
in, and a gate that refuses to work loses events. Staff are told instead.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from messages import envelope
from messages.topics import Family
from runtime.clock import Clock
from runtime.mqtt import NO_SUBSCRIBERS, LinkDown, Published

_log = logging.getLogger(__name__)
TYPE = "org.seatgate.rights-test.v1"
TEST_AGAIN_SECONDS = 3600.0
"""A connection that comes back may lead to another broker, or to other rights; a flapping one must not flood it with tests."""
DENIED = "not authorized"


class _Nothing(msgspec.Struct, frozen=True):
    """A test has no data."""


class Publishes(Protocol):
    """What a test needs of MqttLink."""

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        on_done: Callable[[str | None], None] | None = None,
        may_be_refused: bool = False,
    ) -> Published:
        """Send; LinkDown when not connected."""


def rights_test(site: str, family: Family, name: str, clock: Clock) -> bytes:
    """Return what goes to a topic that must not take it: an envelope that says what it is, and no more."""
    return envelope.encode(
        event_id=f"rights-test-{clock.boot_id}-{clock.monotonic_ns()}",
        source=envelope.source_of(site, family, name),
        event_type=TYPE,
        time=clock.now(),
        data=_Nothing(),
    )


class Rights:
    """One account's test. `others`: topics that must be denied; `on_change` is called when `warning` has changed."""

    def __init__(
        self,
        others: Sequence[str],
        message: Callable[[], bytes],
        *,
        on_change: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._others = tuple(others)
        self._message = message
        self._on_change = on_change
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tested_at: float | None = None
        self._round = 0
        self._answers: dict[str, str | None] = {}
        self._let_in: tuple[str, ...] = ()
        self._kept_out: tuple[str, ...] = ()
        self.warning = ""
        """What staff should do about the broker; empty when its rights hold, or before they were tested."""
        self.tested = False
        """Whether a test has been answered in full."""

    def test(self, link: Publishes) -> None:
        """Begin a test, unless one began within the hour. On the link's thread, once connected; never waits."""
        now = self._monotonic()
        with self._lock:
            if self._tested_at is not None and now - self._tested_at < TEST_AGAIN_SECONDS:
                return
            self._tested_at, self._answers = now, {}
            self._round += 1
            number = self._round
        message = self._message()
        try:
            for topic in self._others:
                link.publish(topic, message, on_done=partial(self._answered, number, topic), may_be_refused=True)
        except LinkDown as error:
            # Not tried again at once: a broker that hangs up on what it denies would never be left in peace.
            _log.info("the broker's rights were not tested: %s", error)

    def heard(self, topic: str, reason: str | None) -> None:
        """Take in what the broker answered to a message on a topic of our own."""
        if reason == DENIED and topic not in self._kept_out:
            self._tell(kept_out=(*self._kept_out, topic))
        elif reason is None and topic in self._kept_out:
            self._tell(kept_out=tuple(each for each in self._kept_out if each != topic))

    def _answered(self, number: int, topic: str, reason: str | None) -> None:
        """Note one answer. Where the line took it along the broker hung up on what it denies: that is no way in."""
        with self._lock:
            if number != self._round:
                return
            self._answers[topic] = reason
            if len(self._answers) < len(self._others):
                return
            let_in = tuple(each for each in self._others if self._answers[each] in (None, NO_SUBSCRIBERS))
            self.tested = True
        if not let_in:
            _log.info("the broker's rights hold: %d topics of others are denied", len(self._others))
        self._tell(let_in=let_in)

    def _tell(self, *, let_in: tuple[str, ...] | None = None, kept_out: tuple[str, ...] | None = None) -> None:
        with self._lock:
            self._let_in = self._let_in if let_in is None else let_in
            self._kept_out = self._kept_out if kept_out is None else kept_out
            before, self.warning = self.warning, self._sentence()
            changed = self.warning != before
        if changed:
            _log.warning("%s", self.warning or "the broker's rights were put right")
            self._on_change()

    def _sentence(self) -> str:
        said = []
        if self._kept_out:
            said.append(f"the broker forbids what this account must write ({', '.join(self._kept_out)})")
        if self._let_in:
            said.append(f"the broker lets this account write what is another's ({', '.join(self._let_in)})")
        return f"{'; '.join(said)}: correct its rights (ACL), `seatgate broker` writes them" if said else ""
