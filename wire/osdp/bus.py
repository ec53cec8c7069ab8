"""Several OSDP devices on one line, by turns. Pure: `step` says what to send now or how long to wait, `feed` takes bytes.

One question at a time. Devices that answer are asked in the order in which they are due; those that do not share a tenth of
the line among them, so that a dead one costs the others little, and one that is back is asked soon.
"""

from collections.abc import Sequence

import attrs

from wire.found import BadFrame, Fault, Frame
from wire.osdp.frames import BROADCAST, PacketFinder, packet_of
from wire.osdp.panel import Event, Panel
from wire.osdp.session import Bad

SECOND = 1_000_000_000
DEAD_SHARE = 10
"""The dead get one part in so many of the line's time."""
GAP_NS = 40_000_000
"""Silence after which a packet that has begun will not go on, and one that came spoiled is asked for again. Adapters hand
bytes over in blocks, up to 16 ms apart."""
LONGEST_ANSWER_NS = 2 * SECOND
"""Over the longest packet at 9600 baud: noise without end is no answer."""
BITS_PER_BYTE = 10
MARK = b"\xff"


@attrs.frozen
class Pace:
    """How fast a line is spoken on. Times in nanoseconds."""

    baud: int = 9600
    poll_every: int = SECOND // 20
    answer_within: int = SECOND // 5
    """From the panel's last byte to the device's first."""
    turnaround: int = SECOND // 500
    """Silence between the device's last byte and the panel's next: the line changes its direction in it."""


@attrs.frozen
class Told:
    """What happened at one device."""

    address: int
    event: Event


class Bus:
    """One line. One thread at a time."""

    def __init__(self, panels: Sequence[Panel], pace: Pace) -> None:
        self.panels = {panel.address: panel for panel in panels}
        self._pace = pace
        self._finder = PacketFinder()
        self._due = dict.fromkeys(self.panels, 0)
        self._asked: Panel | None = None
        self._asked_at = self._deadline = self._quiet_from = self._dead_from = 0
        self._spoiled = False

    @property
    def asked(self) -> int:
        """The device whose answer is waited for, or was last."""
        return self._asked.address if self._asked is not None else next(iter(self.panels))

    def begin(self, now_ns: int) -> list[Told]:
        """Start over on a port that was just opened: what was said last may have been lost."""
        told = self.end()
        self._dead_from = self._quiet_from = now_ns
        self._due = dict.fromkeys(self.panels, now_ns)
        return told

    def end(self) -> list[Told]:
        """Take note that the port is gone."""
        told = self._found(self._finder.finish(), 0)
        self._asked = None
        return told

    def feed(self, received: bytes, now_ns: int) -> list[Told]:
        """Take bytes of the line and return what they say."""
        told = self._found(self._finder.feed(received), now_ns)
        limit = self._asked_at + self._pace.answer_within + LONGEST_ANSWER_NS
        self._quiet_from = max(self._quiet_from, min(now_ns + self._pace.turnaround, limit))
        if self._asked is not None:
            self._deadline = min(now_ns + GAP_NS, limit) if self._is_flowing else self._deadline
        return told

    @property
    def _is_flowing(self) -> bool:
        """Whether an answer has begun, or came spoiled, so that only a short silence ends it."""
        return self._finder.held > 0 or self._spoiled

    def step(self, now_ns: int) -> tuple[bytes, list[Told]]:
        """Return what to send now (b"" for nothing yet) and what became certain by the time alone."""
        told: list[Told] = []
        if self._asked is not None:
            if now_ns < self._deadline:
                return b"", told
            told = self._expire(now_ns)
        if now_ns < self._quiet_from or (panel := self._choose(now_ns)) is None:
            return b"", told
        content = MARK + panel.ask(now_ns)
        self._asked, self._asked_at, self._spoiled = panel, now_ns, False
        on_the_wire = len(content) * BITS_PER_BYTE * SECOND // self._pace.baud
        self._deadline = now_ns + on_the_wire + self._pace.answer_within
        self._due[panel.address] = now_ns + self._pace.poll_every
        return content, told

    def wait(self, now_ns: int) -> float:
        """Return for how many seconds `step` has nothing to do unless bytes come."""
        if self._asked is not None:
            until = self._deadline
        else:
            until = max(self._quiet_from, min(self._next_at(panel) for panel in self.panels.values()))
        return max(0, until - now_ns) / SECOND

    def _next_at(self, panel: Panel) -> int:
        if panel.is_away:
            return max(self._due[panel.address], self._dead_from)
        return 0 if panel.is_hasty or panel.more else self._due[panel.address]

    def _choose(self, now_ns: int) -> Panel | None:
        """Return the device that is due for the longest time."""
        due = [panel for panel in self.panels.values() if self._next_at(panel) <= now_ns]
        return min(due, key=lambda panel: self._due[panel.address], default=None)

    def _expire(self, now_ns: int) -> list[Told]:
        """Give up waiting: first what lies in the bytes that are there, a good answer behind a false start perhaps."""
        told = self._found(self._finder.finish(), now_ns)
        if (panel := self._asked) is not None:
            told += [Told(panel.address, event) for event in panel.missed(spoiled=self._spoiled)]
            self._answered(panel, now_ns)
        return told

    def _answered(self, panel: Panel, now_ns: int) -> None:
        """End a turn. What a dead device cost is kept away from the others, where there are others."""
        if panel.is_away:
            others = any(not each.is_away for each in self.panels.values())
            cost = now_ns - self._asked_at
            self._dead_from = now_ns + (DEAD_SHARE - 1 if others else 1) * max(cost, self._pace.answer_within)
        self._asked = None

    def _found(self, found: Sequence[Frame | BadFrame], now_ns: int) -> list[Told]:
        told: list[Told] = []
        for each in found:
            if isinstance(each, BadFrame):
                self._spoiled = True
                told.append(Told(self.asked, Bad(each.fault, each.detail)))
                continue
            packet = packet_of(each.raw)
            if not packet.is_reply:
                continue  # our own voice, where the adapter hears itself; or another panel's
            panel = self._asked
            if panel is None or packet.address not in (panel.address, BROADCAST):
                told.append(Told(self.asked, Bad(Fault.SEQUENCE, f"address {packet.address} spoke out of turn")))
                continue
            events = panel.hear(packet)
            told += [Told(panel.address, event) for event in events]
            if not _still_waits(events):
                self._answered(panel, now_ns)
        return told


def _still_waits(events: Sequence[Event]) -> bool:
    """Whether the packet was not the answer, which may still come."""
    return len(events) == 1 and isinstance(events[0], Bad) and events[0].fault in (Fault.SEQUENCE, Fault.FORGED)
