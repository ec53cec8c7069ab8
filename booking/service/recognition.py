"""Commands about how a reader is recognised on site: the kiosk PIN, and pairing the last unknown card. Facts only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPin:
    """Give a reader a kiosk PIN (its argon2 hash); wrong tries start again from none."""

    reader: str
    at: datetime
    actor: str
    pin_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountPinTry:
    """Count one try before it is looked at; refused when `most` have been wrong since the last right one."""

    reader: str
    at: datetime
    kiosk: str
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinWasRight:
    """Forget a reader's wrong tries."""

    reader: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCard:
    """Staff give the card of an unknown read to a reader, from that read on. Only the last card at its portal counts."""

    reader: str
    at: datetime
    actor: str
    record: str
    read_after: datetime


@dataclass(frozen=True, slots=True)
class UnknownRead:
    """The last card at a portal, when nobody holds it; `card` is masked."""

    record: str
    gate: str
    portal: str
    card: str
    occurred_at: datetime


class RecognitionReads(Protocol):
    """What pages and API read about how readers are recognised."""

    def pin_hash(self, reader: str) -> str | None:
        """The argon2 hash of a reader's kiosk PIN."""

    def unknown_reads(self, after: datetime) -> list[UnknownRead]:
        """The last card of each portal since `after`, where nobody holds it; newest first."""


RecognitionCommand = SetPin | CountPinTry | PinWasRight | PairCard
