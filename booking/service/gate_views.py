"""What staff see of gates: typed read rows. Credentials are masked; no number of a card leaves the store through here."""

from dataclasses import dataclass
from datetime import datetime
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


class GateReads(Protocol):
    """The part of booking.service.ports.Reads that is about gates."""

    def inside(self, now: datetime) -> list[InsideView]:
        """How many people the gates of each venue counted inside since the site's midnight; venues without a gate: none."""

    def flagged_cards(self) -> list[FlaggedCard]:
        """Cards whose holders said "not me" and that nobody has looked at, oldest first."""
