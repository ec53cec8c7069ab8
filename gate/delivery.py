"""The way out of a gate: join booking, connect to the broker, announce ourselves, empty the outbox. One thread's work.

Only the composition of `runtime`'s parts; delivery itself is `runtime.uplink`. The thread is started in `app`.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from config.schema import Site
from gate.control import Control
from gate.enrolment import Enrols, server_key
from gate.events import made_anew
from gate.settings import GateSettings
from messages import topics
from messages.access import CommandResult
from messages.acknowledgement import Acknowledgement
from messages.command import Command, Lock, Open, Resync, Unlock
from messages.presence import GateFigures
from messages.topics import Family, Leaf
from runtime.clock import Clock
from runtime.mqtt import Message, MqttLink
from runtime.orders import Orders
from runtime.outbox import Outbox, OutboxError
from runtime.outbox_file import DAMAGED, LOST
from runtime.presence import Announcer
from runtime.rights import Rights, rights_test
from runtime.signing import SigningKey
from runtime.uplink import Uplink, UplinkCounters
from runtime.version import version

_log = logging.getLogger(__name__)
_TROUBLES = {
    LOST: "the outbox was gone at a start: events that booking did not have by then are lost: "
    "look at the alert about the epoch before on the staff pages, and find out who deleted it",
    DAMAGED: "the outbox was damaged, what could be read of it was taken over: "
    "keep outbox.db.broken-… in the data folder, check the disk, and look at the alerts on the staff pages",
}
BOOKING = "main"
"""The name of the one booking service among the topics."""


class Delivery:
    """Owns link and uplink from `run` until it returns."""

    def __init__(
        self,
        settings: GateSettings,
        site: Site,
        *,
        outbox: Outbox,
        key: SigningKey,
        booking: Enrols,
        clock: Clock,
        control: Control,
    ) -> None:
        self._settings, self._site = settings, site
        self._outbox, self._key = outbox, key
        self._booking = booking
        self._clock = clock
        self._control = control
        self._link: MqttLink | None = None
        self._uplink: Uplink | None = None
        self._announce: Callable[[], None] | None = None
        self.figures: Callable[[], GateFigures] | None = None
        """What a birth says of the whole gate; whoever puts the gate together sets it."""
        self.connected_since: datetime | None = None
        self.clock_offset: timedelta | None = None
        """Booking's clock less ours, by its last acknowledgement; None before one."""
        self._rights: Rights | None = None

    @property
    def joined(self) -> bool:
        """Whether booking knows this gate."""
        return self._uplink is not None

    @property
    def connected(self) -> bool:
        """Whether the broker is connected now."""
        return self._link is not None and self._link.connected

    @property
    def counters(self) -> UplinkCounters | None:
        """What was sent and answered since the start; None before we have joined."""
        return self._uplink.counters() if self._uplink is not None else None

    @property
    def connections(self) -> int:
        """How many connections to the broker there have been."""
        return self._link.session if self._link is not None else 0

    def _said(self) -> GateFigures | None:
        try:
            return self.figures() if self.figures is not None else None
        except OutboxError:
            return None

    def _measure(self, acknowledged: Acknowledgement) -> None:
        self.clock_offset = acknowledged.server_time - self._clock.now()

    @property
    def control_counts(self) -> Mapping[str, int]:
        """What portals in control mode decided, and what became of lists and commands. From any thread."""
        return dict(self._control.counts)

    def warnings(self) -> dict[str, str]:
        """Return what staff should look at, a sentence by its word. From any thread."""
        broker = self._link.fault if self._link is not None else ""
        rights = self._rights.warning if self._rights is not None else ""
        told = {"broker": broker, "rights": rights, self._outbox.trouble: _TROUBLES.get(self._outbox.trouble, "")}
        return {word: sentence for word, sentence in told.items() if sentence} | self._control.warnings()

    def send_stored(self) -> None:
        """Send the row that the caller has just stored, if we have joined. From any thread."""
        if self._uplink is not None:
            self._uplink.send_stored()

    def wake(self) -> None:
        """Look for the end. From any thread."""
        if self._uplink is not None:
            self._uplink.wake()

    def report(self) -> None:
        """Say again how far the outbox is, so that booking knows what can still be missing. From any thread."""
        if self._announce is not None and self.connected:
            self._announce()

    def run(self, stop: threading.Event, on_change: Callable[[], None]) -> None:
        """Join, then deliver until `stop` is set and `wake` is called.

        `on_change` is called when `joined` or `connected` has changed; it must return at once.
        """
        server = server_key(self._settings, self._booking, stop)
        if server is None:
            return
        link, uplink = self._connect(server, on_change)
        link.start()
        try:
            uplink.run(stop)
        finally:
            link.stop()

    def _connect(self, server: bytes, on_change: Callable[[], None]) -> tuple[MqttLink, Uplink]:
        site, gate = self._site.id, self._settings.gate
        acknowledgements = topics.build(site, Family.GATES, gate, Leaf.ACK)
        commands = topics.build(site, Family.GATES, gate, Leaf.COMMAND)
        access_lists = topics.build(site, Family.GATES, gate, Leaf.ACCESS_LIST)
        orders = Orders(server, self._clock, self._refused)
        self._control.trust(server)
        presence = Announcer(
            site,
            Family.GATES,
            gate,
            version(),
            self._clock,
            self._key,
            self._outbox,
            gate=self._said,
            warnings=lambda: self.warnings().keys(),
        )

        def warned() -> None:
            self.report()
            on_change()

        tested = partial(rights_test, site, Family.GATES, gate, self._clock)
        rights = Rights(_forbidden(self._site, gate), tested, on_change=warned)

        def on_message(message: Message) -> None:
            if message.topic == acknowledgements:
                uplink.on_ack(message)
            elif message.topic == access_lists:
                self._control.on_list(message)
            elif message.topic == commands:
                self._obey(orders.accept(message), uplink)
            else:
                uplink.on_booking_presence(message)

        def on_connect(session: int) -> None:
            self.connected_since = self._clock.now()
            self._announce = partial(presence.announce, link, session, partial(rights.heard, presence.topic))
            self._announce()
            rights.test(link)
            uplink.wake()
            on_change()

        # No broker session is kept: what is not acknowledged is sent again anyway, and nothing late is acted on.
        link = MqttLink(
            self._settings.broker,
            client_id=f"{site}-gate-{gate}",
            session_expiry=timedelta(),
            on_message=on_message,
            will=presence.will,
            on_connect=on_connect,
            on_disconnect=on_change,
        )
        uplink = Uplink(
            self._outbox,
            link,
            self._key,
            server,
            on_acknowledged=self._measure,
            on_answer=rights.heard,
            remake=partial(made_anew, site, gate),
        )
        link.subscribe(acknowledgements)
        link.subscribe(commands)
        if self._control.deciding:
            link.subscribe(access_lists)
        link.subscribe(topics.every(site, Family.BOOKING, Leaf.PRESENCE))
        self._link, self._uplink, self._rights = link, uplink, rights
        return link, uplink

    def _obey(self, order: Command | None, uplink: Uplink) -> None:
        """Act on a command that was found good. The broker's thread: an outbox that fails is told and survived."""
        if order is None:
            return
        if isinstance(order, Open | Lock | Unlock):
            self._control.obey(order)
            return
        if not isinstance(order, Resync):
            _log.warning("command refused why=not-for-a-gate id=%s", order.id)
            return
        try:
            if order.new_epoch:
                self._renew(order.epoch, uplink)
                return
            again = uplink.send_again(order.epoch, order.first, order.last)
        except OutboxError as error:
            _log.critical("events that booking has lost cannot be read again: %s", error)
            return
        _log.warning("booking has lost events first=%d last=%d sent_again=%d", order.first, order.last, again)
        self.report()

    def _renew(self, epoch: int, uplink: Uplink) -> None:
        if uplink.begin_epoch(epoch):
            _log.critical(
                "numbers of this gate were used twice: its disk was copied, or put back from an older copy; a new epoch began epoch=%d",
                self._outbox.epoch,
            )
            self.report()

    def _refused(self, order: Command, why: CommandResult) -> None:
        """Have staff told of what they asked for at a portal and what was not done."""
        if isinstance(order, Open | Lock | Unlock):
            self._control.refused(order, why)


def _forbidden(site: Site, gate: str) -> list[str]:
    """Return what the broker must not let this gate write: another gate's, and booking's."""
    other = next((each.id for each in site.gates if each.id != gate), f"not-{gate}"[:48].rstrip("-"))
    topics_of_others = (
        (Family.GATES, other, Leaf.ACCESS),
        (Family.GATES, other, Leaf.PRESENCE),
        (Family.GATES, other, Leaf.COMMAND),
        (Family.GATES, gate, Leaf.ACK),
        (Family.BOOKING, BOOKING, Leaf.PRESENCE),
    )
    return [topics.build(site.id, *each) for each in topics_of_others]
