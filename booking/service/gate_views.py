"""What staff see of gates: typed read rows. Credentials are masked; no number of a card leaves the store through here."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from config.values import Text
from messages.access import CredentialKind


@dataclass(frozen=True, slots=True)
class InsideView:
    """How many people are in a venue, as its gates counted them today: `readers` of them hold a known credential."""

    venue: str
    name: Text
    people: int
    readers: int


@dataclass(frozen=True, slots=True)
class FlaggedCard:
    """A card whose holder `reader` said of one passage that it was not them."""

    record: str
    kind: CredentialKind
    card: str
    """Masked."""
    reader: str
    gate: str
    portal: str
    occurred_at: datetime


class AlertKind(StrEnum):
    """What about a gate staff should look at."""

    DIGEST_CONFLICT = "digest-conflict"
    """A known sequence came with another digest: a cloned or restored disk."""
    UNCLOSED_EPOCH = "unclosed-epoch"
    """A new epoch began, and we do not hold everything of the one before."""
    GAP = "gap"
    """An event between others is missing."""
    CLOCK_UNKNOWN = "clock-unknown"
    """An event's time cannot be rebuilt."""
    LATE_ALARM = "late-alarm"
    """A fire alarm was heard of too late to begin an evacuation."""
    FORCED = "forced"
    """A door was opened without a release."""
    HELD = "held"
    """A door is open for too long."""
    TAMPER = "tamper"
    """A device at a lane was opened or taken off."""
    POWER = "power"
    """A device at a lane has lost its mains power."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to look at, about one event of a gate's epoch; shown from `shown_from` on until staff have seen it."""

    id: str
    kind: AlertKind
    gate: str
    epoch: int
    sequence: int
    shown_from: datetime
    facts: dict[str, str]


class GateReads(Protocol):
    """The part of booking.service.ports.Reads that is about gates."""

    def inside(self, now: datetime) -> list[InsideView]:
        """How many people the gates of each venue counted inside since the site's midnight; venues without a gate: none."""

    def alerts(self, now: datetime) -> list[Alert]:
        """What nobody of the staff has seen, newest first; a gap that has closed is none."""

    def flagged_cards(self) -> list[FlaggedCard]:
        """Cards whose holders said "not me" and that nobody has looked at, oldest first."""
