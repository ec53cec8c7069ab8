"""What is kept of gates' streams, clocks, held events, dead letters and alerts, within one open transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking.service.gate_states import KeepGateState
from booking.service.gate_views import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be applied, as it arrived."""

    gate: str
    payload: bytes
    digest: bytes
    reason: str
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event to be kept without being applied."""

    gate: str
    epoch: int
    sequence: int
    boot_id: str
    payload: bytes
    digest: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """An event that waits for its gate's clock, as it arrived."""

    gate: str
    payload: bytes
    digest: bytes


class StreamBook(Protocol):
    """The streams' part of one transaction."""

    def holds(self, gate: str, epoch: int, sequence: int) -> bool:
        """Tell whether the inbox has this event, or everything up to it; there is none before the first."""

    def epochs(self, gate: str) -> Mapping[int, tuple[int, int]]:
        """Return the epochs that the gate has named, newest first: its last sequence then, and up to where we hold all."""

    def hear(self, gate: str, epoch: int, last_sequence: int, at: datetime) -> int:
        """Note a birth's figures and return up to where the inbox holds everything of this epoch."""

    def alert(self, alert: Alert) -> None:
        """Insert an alert; one of this kind about this event stays as it is."""

    def miss(self, alert: Alert, now: datetime) -> None:
        """Note that this event is missing: as part of a gap that is known, or as an alert from the first event missing there."""

    def keep_word(self, gate: str, epoch: int, of: int, at: datetime, *, passed: bool) -> None:
        """Keep a turnstile's word on an event that has not come yet; the first word on it counts."""

    def take_word(self, gate: str, epoch: int, sequence: int) -> bool | None:
        """Return what the turnstile said of an event before it came, and forget it; None where it said nothing."""

    def keep_state(self, command: KeepGateState) -> None:
        """Keep what a gate says of itself in the place of what it said before; its death ends that connection alone."""

    def see(self, alert: str, by: str, at: datetime) -> bool:
        """Note that staff have seen an alert; False when there is none. Seen before: nothing changes."""

    def anchor(self, gate: str, boot_id: str, booted: datetime, at: datetime) -> None:
        """Keep when a gate's machine was started, by its latest birth."""

    def booted(self, gate: str, boot_id: str) -> datetime | None:
        """Return when it was, None where no birth of that run is known."""

    def hold(self, kept: Kept) -> None:
        """Keep an event until its gate's clock is known."""

    def take_held(self, gate: str) -> list[Held]:
        """Return what is held of a gate, in its order, and forget it."""

    def bury(self, kept: Kept, reason: str) -> None:
        """Keep an event among the dead letters."""

    def dead_letter(self, letter: str) -> DeadLetter | None:
        """Return a dead letter by its number."""

    def settle_letter(self, letter: str, by: str, at: datetime) -> None:
        """Note that staff had it applied."""
