"""Signed commands to kiosks over the broker: each picture that somebody waits for is asked for once, by whoever leads."""

from collections.abc import Callable

from booking.identity import NAME, Identity, Signed
from booking.service.pictures import PictureReads, WantedPicture
from booking.woken import Woken
from messages import command
from messages.command import Screenshot
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown


class KioskCommands(Woken):
    """`wake` from any thread; `run` on a thread of its own until `stop`. The broker forgets what nobody takes in time."""

    def __init__(
        self, reads: PictureReads, identity: Identity, clock: Clock, publish: Callable[[Signed], object]
    ) -> None:
        super().__init__()
        self._reads = reads
        self._identity = identity
        self._clock = clock
        self._publish = publish
        self._sent: set[str] = set()

    def work(self) -> None:
        """Send what was not sent; what the broker does not take now follows its next connection, if that is in time."""
        wanted = self._reads.wanted_pictures(self._clock.now())
        self._sent &= {one.command for one in wanted}
        for one in wanted:
            if one.command not in self._sent and self._ask(one):
                self._sent.add(one.command)

    def _ask(self, one: WantedPicture) -> bool:
        topic = build(self._identity.site, Family.KIOSKS, one.kiosk, Leaf.COMMAND)
        body = command.encode(self._identity.site, NAME, Screenshot(one.command, one.deadline), at=self._clock.now())
        try:
            self._publish(self._identity.signed(topic, body))
        except LinkDown:
            return False
        return True
