"""Access lists out: to each gate that decides by itself, when who may come in has changed and before the list runs out.

Commits gather before a list is made; one that says the same as the last is not sent. Run by whoever leads.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from booking.domain.places import Places
from booking.errors import BookingError
from booking.identity import NAME, Identity, Signed
from booking.service.access_lists import AccessReads, capacity_of, controlled, windows_of
from config.schema import Gate
from messages import access_list
from messages.access import Credential, CredentialKind
from messages.access_list import AccessList
from messages.errors import MessageError
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown

GATHER = timedelta(milliseconds=100)
"""Before a round: whoever waits for the commit is answered first."""
QUIET = timedelta(seconds=2)
"""After a round, at least: commits gather this long."""
SHARE = 20
"""After a round that took long, this many times as long: making lists takes at most a twentieth of one processor."""
LONGEST_WAIT = timedelta(minutes=1)
"""Windows that open or close, and cards that run out, are looked at this often."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sent:
    """What a gate was last sent, and the marks of the credentials that it was made from."""

    last: AccessList | None
    marks: dict[tuple[str, str], int]


class AccessLists:
    """`wake` and `everything` from any thread; `run` on a thread of its own until `stop`."""

    def __init__(
        self, places: Places, reads: AccessReads, identity: Identity, clock: Clock, publish: Callable[[Signed], object]
    ) -> None:
        self._places = places
        self._reads = reads
        self._identity = identity
        self._clock = clock
        self._publish = publish
        self._gates = controlled(places.site)
        self._sent = {gate.id: _Sent(None, {}) for gate in self._gates}
        self._forced = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self.counts: Counter[str] = Counter()
        """Of lists: made, sent, failed."""

    def wake(self) -> None:
        """Look again; never waits."""
        self._wake.set()

    def everything(self) -> None:
        """Send every list again: the broker may have lost what it held."""
        self._forced = True
        self._wake.set()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Send what has changed until `stop`. Where no gate decides there is nothing to do."""
        while not self._stopping.is_set():
            self._wake.wait(LONGEST_WAIT.total_seconds() if self._gates else None)
            if self._stopping.wait(GATHER.total_seconds()):
                return
            self._wake.clear()
            began = time.thread_time()
            self.send()
            self._stopping.wait(max(QUIET.total_seconds(), SHARE * (time.thread_time() - began)))

    def send(self) -> None:
        """Send each list that says something new, or that would run out."""
        forced, self._forced = self._forced, False
        for gate in self._gates:
            try:
                self._send(gate, self._clock.now(), forced=forced)
            except (BookingError, MessageError) as error:
                self.counts["failed"] += 1
                _log.error("access list not made gate=%s: %s", gate.id, error)
            except Exception:  # noqa: BLE001 - whatever is wrong with one gate's list, the others are made, and this one again
                self.counts["failed"] += 1
                _log.exception("access list not made gate=%s", gate.id)

    def _send(self, gate: Gate, now: datetime, *, forced: bool) -> None:
        sent, listed = self._sent[gate.id], self.listed(gate, now)
        self.counts["made"] += 1
        if not forced and sent.last is not None and not self._says_more(listed, sent.last):
            return
        topic = build(self._identity.site, Family.GATES, gate.id, Leaf.ACCESS_LIST)
        payload = access_list.encode(self._identity.site, NAME, listed)
        try:
            self._publish(self._identity.signed(topic, payload))
        except LinkDown:
            return  # `everything` follows the next connection
        sent.last = listed
        self.counts["sent"] += 1
        _log.info("access list sent gate=%s number=%d bytes=%d", gate.id, listed.number, len(payload))

    def _says_more(self, listed: AccessList, last: AccessList) -> bool:
        """Tell whether a list is worth sending after `last`."""
        lasts = last.valid_until - last.made_at
        if listed.made_at >= last.made_at + lasts / 2 or listed.made_at < last.made_at or listed.key != last.key:
            return True
        if (listed.windows, listed.blocked, listed.capacity) != (last.windows, last.blocked, last.capacity):
            return True
        same_count = (listed.inside, listed.counted) == (last.inside, last.counted)
        # a gate that is alone in its venue has counted these itself
        alone = sum(gate.venue == self._venue(listed.gate) for gate in self._places.site.gates) == 1
        return not same_count and (not alone or listed.made_at >= last.made_at + LONGEST_WAIT)

    def listed(self, gate: Gate, now: datetime) -> AccessList:
        """Return the list of a gate as it is at `now`."""
        policy, sent = self._places.policy.gate, self._sent[gate.id]
        key = access_list.gate_key(self._identity.master, gate.id)
        until = now + policy.list_valid_for
        facts = self._reads.access_facts(gate.id, now, until)
        known, marks = sent.marks, dict[tuple[str, str], int]()

        def mark(kind: str, value: str) -> int:
            who = (kind, value)
            found = known.get(who)
            if found is None:
                found = access_list.mark(key, Credential(CredentialKind(kind), value))
            marks[who] = found
            return found

        windows, blocked = windows_of(facts, self._places, now, mark)
        sent.marks = marks
        capacity = capacity_of(self._places, gate.venue)
        return AccessList(
            gate=gate.id,
            generation=facts.generation,
            number=int(now.timestamp() * 1_000_000),
            made_at=now,
            valid_until=until,
            key=access_list.key_name(key),
            windows=windows,
            blocked=blocked,
            capacity=capacity,
            inside=facts.inside if capacity is not None else 0,
            counted=facts.counted if capacity is not None else None,
        )

    def _venue(self, gate_id: str) -> str:
        return next(gate.venue for gate in self._gates if gate.id == gate_id)
