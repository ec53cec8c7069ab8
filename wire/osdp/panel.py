"""The panel's side of one OSDP device: what to say to it next, and what its answers mean. Pure: no clock, no port.

`ask` says the command under way again as it was (same sequence, same bytes) until an answer to it has come. A spoiled answer
therefore costs a repeat, never the session. The session begins anew when the device says that it has lost it; a device
that does not answer at all is asked in its old session, so that nothing it kept for us is lost, and now and then in a new one.
"""

from collections import deque
from collections.abc import Callable, Sequence

import attrs

from wire.found import Fault
from wire.osdp.frames import Packet
from wire.osdp.messages import Command, Identity, Nak, Reply, capabilities, identity, keyset, nak_text
from wire.osdp.secure import DEFAULT_KEY
from wire.osdp.session import Bad, Lost, Order, Refused, Session

TRIES = 3
"""Unanswered in a row, after which a device counts as away and no longer holds up its line."""
SPOILED_PER_TRY = 4
"""An answer that came spoiled shows that somebody is there: so many count as one that did not come."""
ANEW_EVERY = 20
"""Of so many questions to a device that is away, one begins a new session. The others say the old command again: whoever is
back answers that, with what the cut cable swallowed, or refuses it. The one is for a device that keeps silent instead."""
MOST_ORDERS = 16
MOST_BEGINNINGS = 4
"""Handshakes in a row that the device drops, after which it counts as refused."""
SURE = 2
"""So often in a row it must look wrong before staff are told: a late answer to an older question looks so once."""
NO_ANSWER = "it does not answer: look at its power, its cable, its address and its speed"
NOT_ASKED = "it has not been asked yet"
UNSTEADY = "it drops every session at once: are there two devices with its address, or two panels on the line?"
_HEARD = frozenset({Reply.RAW, Reply.FMT, Reply.ISTATR, Reply.LSTATR})


@attrs.frozen
class Heard:
    """A reply with something in it: a card, inputs, the state of the case and the mains."""

    reply: Reply
    data: bytes = attrs.field(repr=False)
    asked: bool
    """We asked for just this; else the device said it by itself."""


@attrs.frozen
class State:
    """The device is well (empty), or why it is not: a sentence for staff."""

    trouble: str


Event = Bad | Heard | State | Identity


class Panel:
    """One device. `random`: so many random bytes, for a session."""

    def __init__(
        self, address: int, key: bytes | None, random: Callable[[int], bytes], *, crc: bool = True, inputs: bool = False
    ) -> None:
        """`key`: the device's own (16 bytes), None for a device without encryption; `inputs`: ask for their states first."""
        self.address = address
        self._key, self._random, self._crc, self._inputs = key, random, crc, inputs
        self._orders: deque[Order] = deque()
        self._errands: deque[Command] = deque()
        self._known: dict[int, tuple[int, int]] | None = None
        self._missed = self._asked_away = self._beginnings = self._doubts = 0
        self._installing = self._use_default = False
        self._is_refused = self._holds_off = False
        self._fresh: Session | None = None
        self._session = self._spoken = self._new_session()
        self.trouble = NOT_ASKED
        self.more = False
        """The last answer had something in it: there may be more, worth asking at once."""

    @property
    def is_away(self) -> bool:
        """Whether it has not answered for several times, or cannot be believed: it is asked rarely."""
        return self._missed >= TRIES * SPOILED_PER_TRY or self._is_refused

    @property
    def is_hasty(self) -> bool:
        """Whether something waits that is no poll: an action, the rest of a handshake, a repeat. Not while it is busy."""
        waits = bool(self._orders) or self._session.under_way is not None or not self._session.is_ready
        return waits and not self._holds_off

    def order(self, orders: Sequence[Order]) -> str:
        """Have commands said before the next poll; return why not, or ""."""
        if self.trouble:
            return self.trouble
        if len(self._orders) + len(orders) > MOST_ORDERS:
            return "too many actions wait for this device"
        possible = [order for order in orders if self._can(order)]
        if not possible:
            return "the device says that it has nothing of the kind"
        last = attrs.evolve(possible[-1], wanted=orders[-1].wanted)
        self._orders.extend([*possible[:-1], last])
        return ""

    def install(self, *, allowed: bool) -> None:
        """Enter or leave install mode: the default key may be used once, to give the device its own."""
        self._installing = allowed
        self._use_default = self._use_default and allowed

    def _can(self, order: Order) -> bool:
        """Whether the device has what an order needs; one that has said nothing is given the benefit of the doubt."""
        return order.needs is None or self._known is None or any(self._known.get(order.needs, (0, 0)))

    # ---- asking ------------------------------------------------------------------------------------------------------

    def ask(self, now_ns: int) -> bytes:
        """Return what is to be sent now: the command under way once more, or the next one."""
        session = self._session
        if session.under_way is not None and _is_over(session.under_way[0], now_ns):
            # To say it again would open a door late; to say another in its place would break the sequence.
            session.under_way[0].end("the device did not answer in time")
            session.under_way = None
            session = self._begin()
        if self.is_away and not session.is_new:
            self._asked_away += 1
            if self._asked_away % ANEW_EVERY == 0:
                self._fresh = self._fresh or self._new_session()
                session = self._fresh
        if session.under_way is None:
            session.say(self._next(session, now_ns) if session.is_ready else None)
        self._spoken = session
        return session.under_way[1] if session.under_way else b""

    def _next(self, session: Session, now_ns: int) -> Order:
        if session.uses_default_key and self._key is not None:
            return Order(Command.KEYSET, keyset(self._key))
        while self._orders and session is self._session:
            order = self._orders.popleft()
            if not _is_over(order, now_ns):
                return order
            order.end("its time was over before the device could take it")
        if self._errands and session.has_polled and not self.more:
            return Order(self._errands.popleft())
        return Order(Command.POLL)

    def _new_session(self) -> Session:
        key = DEFAULT_KEY if self._use_default and self._installing else self._key
        return Session(self.address, key, self._random, crc=self._crc)

    def _begin(self) -> Session:
        """Begin a new session; an action under way is said again in it, if its time allows."""
        if self._session.under_way is not None and (order := self._session.under_way[0]).wanted is not None:
            self._orders.appendleft(order)
        self._session, self._fresh = self._new_session(), None
        return self._session

    # ---- hearing -----------------------------------------------------------------------------------------------------

    def missed(self, *, spoiled: bool) -> list[Event]:
        """Take note that no answer came in time, or only a spoiled one."""
        self.more = self._holds_off = False
        self._missed += 1 if spoiled else SPOILED_PER_TRY
        events: list[Event] = []
        if not self.trouble and not spoiled:
            events.append(Bad(Fault.NO_ANSWER, "no answer in time"))
        if self._missed >= TRIES * SPOILED_PER_TRY and self.trouble != NO_ANSWER:
            self._give_up_orders(NO_ANSWER)
            events += self._tell(NO_ANSWER)
        return events

    def hear(self, packet: Packet) -> list[Event]:
        """Return what an answer says. The command stays under way unless it is answered by it."""
        session, order = self._spoken, self._spoken.under_way and self._spoken.under_way[0]
        found = session.answer(packet)
        match found:
            case Bad():
                return [found]
            case Refused():
                return self._refuse(found)
            case Lost():
                return self._lose(found)
        if found.code == Reply.BUSY and found.block is None:
            self._missed, self._holds_off, self.more = 0, True, False  # no word on who it is: no trouble ends by it
            return []
        if session is self._fresh:
            if self._session.under_way is not None:
                self._session.under_way[0].end("the device began anew")
            self._session, self._fresh = session, None
        self._missed = self._asked_away = 0
        self._is_refused = False
        if not session.is_ready or order is None:
            return []
        self._doubts = 0
        return self._meaning(order, found)

    def _meaning(self, order: Order, packet: Packet) -> list[Event]:
        events = [] if self._session.uses_default_key else self._tell("")
        self.more = False
        self._holds_off = False
        if packet.code == Reply.NAK:
            return events + self._nak(order, packet)
        if order.command is not Command.SCRYPT:
            self._beginnings = 0
        order.end("")
        try:
            reply = Reply(packet.code)
        except ValueError:
            return [*events, Bad(Fault.NOT_MATCHING, f"a reply {packet.code:02X} that is not known")]
        if reply in _HEARD:
            asked = order.command in (Command.ISTAT, Command.LSTAT)
            self.more = not asked
            events.append(Heard(reply, packet.data, asked))
        elif reply is Reply.PDCAP:
            self._known = dict(capabilities(packet.data))
        elif reply is Reply.PDID:
            events += _identity(packet.data)
        elif order.command is Command.KEYSET:
            self._use_default = False
            self._begin()
        elif reply is Reply.KEYPAD:
            self.more = True  # keys that somebody pressed: nothing of ours
        return events

    def _nak(self, order: Order, packet: Packet) -> list[Event]:
        why = nak_text(packet.data)
        if packet.data[:1] == bytes([Nak.CHECK]):
            self._holds_off = True
            return [Bad(Fault.REFUSED, why)]  # it is said again
        if order.command is Command.KEYSET:
            return self._refuse(Refused(f"it did not take its key: {why}"))
        order.end(f"the device refused: {why}")
        is_errand = order.command in (Command.ID, Command.CAP, Command.LSTAT, Command.ISTAT)
        return [] if is_errand else [Bad(Fault.REFUSED, f"{order.command.name}: {why}")]

    def _refuse(self, refused: Refused) -> list[Event]:
        self._missed = self._asked_away = 0
        self._doubts += 1
        if self._doubts < SURE and not self._installing:
            self._begin()
            return [Bad(Fault.REFUSED, refused.text)]
        self._is_refused = True
        self._use_default = self._installing and not self._use_default
        self._give_up_orders(refused.text)
        self._begin()
        return [Bad(Fault.REFUSED, refused.text), *self._tell(refused.text)]

    def _lose(self, lost: Lost) -> list[Event]:
        self._missed = self._asked_away = 0
        self._beginnings += 1
        self._begin()
        events: list[Event] = [Bad(Fault.REFUSED, nak_text(bytes([lost.nak])))]
        if self._beginnings >= MOST_BEGINNINGS:
            self._is_refused = True
            self._give_up_orders(UNSTEADY)
            events += self._tell(UNSTEADY)
        return events

    def _give_up_orders(self, sentence: str) -> None:
        under_way = self._session.under_way
        for order in [*self._orders, *([under_way[0]] if under_way and under_way[0].wanted else [])]:
            order.end(sentence)
        self._orders.clear()
        if under_way and under_way[0].wanted:
            self._session = self._new_session()

    def _tell(self, trouble: str) -> list[Event]:
        """Return the change of state, if it is one. Of one that is well again we ask what it is and how it stands."""
        if trouble == self.trouble:
            return []
        self.trouble = trouble
        if not trouble:
            self._errands.clear()
            self._errands.extend([Command.ID, Command.CAP, Command.LSTAT])
            self._errands.extend([Command.ISTAT] if self._inputs else [])
        return [State(trouble)]


def _is_over(order: Order, now_ns: int) -> bool:
    return order.until_ns is not None and now_ns >= order.until_ns


def _identity(data: bytes) -> list[Event]:
    try:
        return [identity(data)]
    except ValueError as error:
        return [Bad(Fault.NOT_MATCHING, str(error))]
