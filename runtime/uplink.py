"""Outbox → broker: sends what is pending until booking itself says that it has committed it.

A row is done only by an application acknowledgement signed by the server's key: neither the broker's PUBACK nor a
false broker can empty the outbox. At most WINDOW rows are under way; one that stays unanswered is sent again after
5 s, doubling to 60 s, at once over a new connection, and at once when booking comes back. Over a new connection, and
whenever the broker says that nobody listens, one row goes alone until one is heard: rows sent into the void would
arrive behind later ones. One thread runs it; what comes from elsewhere is put in and wakes it; it waits for exactly as
long as nothing is due. Threads are started in `app.py`.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from messages import acknowledgement
from messages.acknowledgement import Acknowledgement
from messages.errors import MessageError
from messages.presence import PresenceState
from runtime.mqtt import NO_SUBSCRIBERS, LinkDown, Message, Published
from runtime.outbox import Outbox, OutboxError, Remake, Row
from runtime.presence import read_presence
from runtime.signing import SIG, SigningKey, signed_properties, verify

_log = logging.getLogger(__name__)
WINDOW = 20
FIRST_RESEND_SECONDS, LAST_RESEND_SECONDS = 5.0, 60.0
_MAX_INBOX = 1000
"""Acknowledgements that may wait to be applied; a lost one costs a resend and no more."""
_FAULT_PAUSE_SECONDS = 5.0
"""Before the outbox is tried again after it failed."""


class Link(Protocol):
    """What an uplink needs of MqttLink."""

    @property
    def connected(self) -> bool:
        """Whether publishing makes sense now."""

    @property
    def session(self) -> int:
        """The number of the connection."""

    def publish(
        self, topic: str, payload: bytes, *, properties: dict[str, str], on_done: Callable[[str | None], None]
    ) -> Published:
        """Send with QoS 1; LinkDown when not connected."""


@dataclass(frozen=True, slots=True)
class UplinkCounters:
    """What an uplink has done since it was made, for metrics and diagnose."""

    sent: int
    resent: int
    acknowledged: int
    rejected: int
    bad_acknowledgements: int
    unheard: int
    in_flight: int


@dataclass(slots=True)
class _Flight:
    """A row under way: over which connection it last went, and when it is due again (0: now)."""

    row: Row
    session: int = 0
    wait: float = FIRST_RESEND_SECONDS
    due: float = 0.0


class Uplink:
    """`server_key`: the server's 32 public bytes, which sign acknowledgements and booking's presence.

    `on_acknowledged` is given the newest of the acknowledgements that were applied, on the thread of `run`.
    `remake` makes an event anew whose number was another's. `on_answer` is told (topic, reason) of each answer of the broker, on the link's thread.
    """

    def __init__(
        self,
        outbox: Outbox,
        link: Link,
        key: SigningKey,
        server_key: bytes,
        *,
        on_acknowledged: Callable[[Acknowledgement], None] = lambda _: None,
        on_answer: Callable[[str, str | None], None] = lambda _topic, _reason: None,
        remake: Remake = lambda _payload: None,
    ) -> None:
        self._on_acknowledged = on_acknowledged
        self._remake = remake
        self._outbox = outbox
        self._link = link
        self._key = key
        self._server_key = server_key
        self._on_answer = on_answer
        self._turn = threading.Lock()
        """Held by the one thread that sends."""
        self._wakening = threading.Condition()
        self._woken = False
        self._inbox: deque[Message] = deque(maxlen=_MAX_INBOX)
        self._booking_is_back = False
        self._heard_in = 0
        """The connection over which the broker last passed a row on to somebody; 0 when the last one was unheard."""
        self._open_in = 0
        """The connection over which all rows may go."""
        self._flights: dict[int, _Flight] = {}
        self._fetched = 0
        self._counts: Counter[str] = Counter()

    def wake(self) -> None:
        """Look again: rows were appended, the link has connected, or the thread is to stop. From any thread."""
        with self._wakening:
            self._woken = True
            self._wakening.notify()

    def send_stored(self) -> None:
        """Send the row that the caller has just appended, without waiting for a thread to wake for it."""
        with suppress(OutboxError), self._turn:
            reckoned = bool(self._flights)  # the thread wakes for one of these, which is due no later than this one
            self._send_due(time.monotonic())
            if reckoned:
                return
        self.wake()  # it reckons anew when something is due, and meets and tells a fault of the outbox

    def on_ack(self, message: Message) -> None:
        """Take in a message from our acknowledgement topic. From any thread."""
        self._inbox.append(message)
        self.wake()

    def on_booking_presence(self, message: Message) -> None:
        """Take in a message from booking's presence topic: on a birth all that is under way is sent again.

        A retained one only says what was so before we connected, and a new connection sends all again anyway.
        """
        if message.retained:
            return
        presence = read_presence(message, self._server_key)
        if presence is not None and presence.state is PresenceState.BIRTH:
            self._booking_is_back = True
            self.wake()

    def send_again(self, epoch: int, first: int, last: int) -> int:
        """Send what booking has lost: the acknowledged rows of `epoch` from `first` to `last`; return how many."""
        with self._turn:
            again = self._outbox.resend(epoch, first, last)
            if again:
                self._fetched = min(self._fetched, self._outbox.place(epoch, first) - 1)
        self.wake()
        return again

    def begin_epoch(self, epoch: int) -> bool:
        """Begin a new epoch, where `epoch` is still the present one: its numbers were found on events of another disk, too."""
        with self._turn:
            if epoch != self._outbox.epoch:
                return False
            self._outbox.begin_epoch()
        self._send_anew()
        self.wake()
        return True

    def _send_anew(self) -> None:
        again = self._outbox.send_anew(self._remake)
        if again:
            _log.warning("events whose number was another's are sent again under the new epoch count=%d", again)

    def counters(self) -> UplinkCounters:
        """Return the figures as they are now. From any thread."""
        counts = self._counts
        return UplinkCounters(
            sent=counts["sent"],
            resent=counts["resent"],
            acknowledged=counts["acknowledged"],
            rejected=counts["rejected"],
            bad_acknowledgements=counts["bad"],
            unheard=counts["unheard"],
            in_flight=len(self._flights),
        )

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set and `wake` is called."""
        while not stop.is_set():
            try:
                pause = self._step(time.monotonic())
            except OutboxError as error:
                _log.critical("the uplink cannot use the outbox: %s", error)
                pause = _FAULT_PAUSE_SECONDS
            with self._wakening:
                self._wakening.wait_for(lambda: self._woken or stop.is_set(), pause)
                self._woken = False

    def _step(self, now: float) -> float | None:
        """Do what is due at `now` and return for how many seconds nothing will be; None: until woken."""
        self._apply_acknowledgements()
        with self._turn:
            return self._send_due(now)

    def _send_due(self, now: float) -> float | None:
        if not self._link.connected:
            return None
        session = self._link.session
        if self._booking_is_back:
            self._booking_is_back = False
            for flight in self._flights.values():
                flight.due, flight.wait = 0.0, FIRST_RESEND_SECONDS
        window = self._window(session)
        for flight in sorted(self._flights.values(), key=_by_place)[:window]:
            if now >= flight.due or flight.session != session:
                self._send(flight, session, now)
        free = window - len(self._flights)
        for row in self._outbox.pending(after=self._fetched, limit=free) if free > 0 else ():
            self._fetched = row.place
            if row.place in self._flights:  # it was under way when rows before it were asked for again
                continue
            self._flights[row.place] = flight = _Flight(row)
            self._send(flight, session, now)
        if not self._flights:
            return None
        waiting = sorted(self._flights.values(), key=_by_place)[:window]
        return max(0.0, min(flight.due for flight in waiting) - now)

    def _window(self, session: int) -> int:
        """Return how many rows may be under way; when the first one was heard, the others go again, in order."""
        if self._heard_in != session:
            self._open_in = 0
            return 1
        if self._open_in != session:
            self._open_in = session
            for flight in sorted(self._flights.values(), key=_by_place)[1:]:
                flight.due = 0.0
        return WINDOW

    def _send(self, flight: _Flight, session: int, now: float) -> None:
        row, again = flight.row, flight.session > 0
        try:
            self._link.publish(
                row.topic,
                row.payload,
                properties=signed_properties(self._key, row.topic, row.payload),
                on_done=partial(self._when_answered, session, row.topic),
            )
        except LinkDown:
            # Not sent: it stays due, and the next connection wakes us.
            flight.due = now + flight.wait
            return
        flight.session = session
        flight.due = now + flight.wait
        flight.wait = min(flight.wait * 2, LAST_RESEND_SECONDS)
        self._counts["resent" if again else "sent"] += 1

    def _when_answered(self, session: int, topic: str, reason: str | None) -> None:
        self._on_answer(topic, reason)
        if reason == NO_SUBSCRIBERS:
            self._counts["unheard"] += 1
            self._heard_in = 0
        elif reason is None and self._heard_in != session:
            self._heard_in = session
            self.wake()

    def _apply_acknowledgements(self) -> None:
        arrived = []
        while self._inbox:
            message = self._inbox.popleft()
            found = self._read(message)
            if found is not None:
                arrived.append(found)
        if not arrived:
            return
        self._on_acknowledged(arrived[-1])
        # When this fails the rows stay under way, and a resend brings the acknowledgement again.
        settled = self._outbox.acknowledge(*arrived)
        self._counts["acknowledged"] += settled.done
        with self._turn:
            for place in [place for place, flight in self._flights.items() if _is_named(flight.row, arrived)]:
                del self._flights[place]
        for rejected in settled.aside:
            self._counts["rejected"] += 1
            _log.error(
                "booking refused an event, it is kept aside for staff sequence=%d code=%s",
                rejected.sequence,
                rejected.code,
            )
        if settled.aside:
            self._send_anew()

    def _read(self, message: Message) -> Acknowledgement | None:
        """Return an acknowledgement that the server signed for this outbox; None, counted, for anything else."""
        problem = "it is not signed by the server"
        if verify(self._server_key, message.topic, message.payload, message.properties.get(SIG, "")):
            try:
                found = acknowledgement.decode(message.payload)
            except MessageError as error:
                problem = str(error)
            else:
                if self._outbox.knows(found.epoch):
                    return found
                problem = f"it is for epoch {found.epoch}"
        self._counts["bad"] += 1
        _log.warning("acknowledgement ignored topic=%s: %s", message.topic, problem)
        return None


def _by_place(flight: _Flight) -> int:
    return flight.row.place


def _is_named(row: Row, arrived: Iterable[Acknowledgement]) -> bool:
    return any(found.epoch == row.epoch and _names(found, row.sequence) for found in arrived)


def _names(found: Acknowledgement, sequence: int) -> bool:
    return any(first <= sequence <= last for first, last in found.ranges) or any(
        rejected.sequence == sequence for rejected in found.rejected
    )
