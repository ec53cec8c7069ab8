"""Asking gates again for what this service no longer holds: after a restore, what was acknowledged since the backup.

A gate's birth, and its report of every minute, says up to where everything was acknowledged. What of that is not in the
inbox was lost here; the gate keeps acknowledged events for some days and sends them again on a signed command.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from booking.identity import NAME, Identity, Signed
from booking.service.ports import Reads
from booking.service.violation_commands import HearGate
from messages import command
from messages.command import Resync
from messages.topics import Family, Leaf, build
from runtime.mqtt import LinkDown

DEADLINE = timedelta(seconds=30)
ASK_AGAIN = timedelta(minutes=5)
MOST_ASKS = 3
"""Then the gate no longer has it: it was set aside there, or is older than what a gate keeps. Staff are told."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stream:
    """What is known of the events of one gate and epoch."""

    whole: int = 0
    """Up to here the inbox was found whole, or given up: it is not read again at every report."""
    asked: tuple[int, int] | None = None
    """The hole that the gate was asked for."""
    asks: int = 0
    last_asked_at: datetime | None = None


class Resyncs:
    """Used by the ingest's thread alone; `lost` may be read from any."""

    def __init__(self, reads: Reads, identity: Identity, publish: Callable[[Signed], object]) -> None:
        self._reads = reads
        self._identity = identity
        self._publish = publish
        self._streams: dict[tuple[str, int], _Stream] = {}
        self._renewed: dict[tuple[str, int], datetime] = {}
        self.lost: dict[str, int] = {}
        """How many events of each gate are gone for good. Staff see each as the alert of its gap (booking.service.streams)."""

    def look(self, reports: Iterable[HearGate], now: datetime) -> None:
        """Ask each gate whose report shows that something acknowledged is no longer here."""
        for report in reports:
            stream = self._streams.setdefault((report.gate, report.epoch), _Stream())
            while report.watermark > stream.whole:
                hole = self._reads.hole(report.gate, report.epoch, stream.whole, report.watermark)
                if hole is None:
                    stream.whole = report.watermark
                    break
                stream.whole = hole[0] - 1
                if not self._give_up(report.gate, stream, hole, now):
                    self._ask(report, stream, hole, now)
                    break

    def renew(self, gate: str, epoch: int, sequence: int, now: datetime) -> None:
        """Ask a gate to begin a new epoch, because an event of this one bore another's number: its disk is a copy.

        Once per epoch; again only where such events go on coming, because the gate was away when it was asked.
        """
        asked = self._renewed.get((gate, epoch))
        if asked is not None and now - asked < ASK_AGAIN:
            return
        if self._send(gate, epoch, (sequence, sequence), now, new_epoch=True):
            self._renewed[gate, epoch] = now
            _log.error("gate asked to begin a new epoch gate=%s epoch=%d sequence=%d", gate, epoch, sequence)

    def _send(self, gate: str, epoch: int, hole: tuple[int, int], now: datetime, *, new_epoch: bool = False) -> bool:
        topic = build(self._identity.site, Family.GATES, gate, Leaf.COMMAND)
        order = Resync(secrets.token_urlsafe(18), now + DEADLINE, epoch, *hole, new_epoch)
        try:
            self._publish(self._identity.signed(topic, command.encode(self._identity.site, NAME, order, at=now)))
        except LinkDown:
            return False
        return True

    def _give_up(self, gate: str, stream: _Stream, hole: tuple[int, int], now: datetime) -> bool:
        """Tell whether a gate was asked for this often enough; what is missing is then counted as lost."""
        if stream.asked is None or stream.asked[0] != hole[0]:
            stream.asked, stream.asks, stream.last_asked_at = hole, 0, None
        if stream.asks < MOST_ASKS or (stream.last_asked_at and now - stream.last_asked_at < ASK_AGAIN):
            return False
        stream.whole = hole[1]
        self.lost[gate] = self.lost.get(gate, 0) + hole[1] - hole[0] + 1
        _log.critical("gate does not have what was lost here gate=%s first=%d last=%d", gate, hole[0], hole[1])
        return True

    def _ask(self, report: HearGate, stream: _Stream, hole: tuple[int, int], now: datetime) -> None:
        if stream.last_asked_at is not None and now - stream.last_asked_at < ASK_AGAIN:
            return
        if not self._send(report.gate, report.epoch, hole, now):
            return  # the gate reports again within a minute
        stream.asks += 1
        stream.last_asked_at = now
        _log.error("gate asked to send again what was lost here gate=%s first=%d last=%d", report.gate, *hole)
