"""What an evacuation needs of one open transaction, and what pages read of it; the store implements both."""

from datetime import datetime
from typing import Protocol

from booking.domain.freezing import Evacuation
from booking.domain.reservation import Reservation
from booking.service.gate_record import GateRecord


class EvacuationBook(Protocol):
    """The evacuations, and what they touch."""

    def at(self, venue: str, moment: datetime) -> Evacuation | None:
        """Return the evacuation of `venue` that was going on at `moment`."""

    def open_in(self, venue: str) -> Evacuation | None:
        """Return the evacuation of `venue` that goes on."""

    def one(self, evacuation: str) -> Evacuation | None:
        """Return one evacuation."""

    def begin(self, evacuation: Evacuation) -> None:
        """Insert an evacuation."""

    def finish(self, evacuation: str, by: str, at: datetime) -> None:
        """Note that staff ended it."""

    def exits_since(self, venue: str, moment: datetime) -> list[GateRecord]:
        """Return the passages out of `venue` at `moment` or later that changed a reservation, newest first."""

    def closed_by_time(self, areas: list[str], moment: datetime) -> list[Reservation]:
        """Return what was missed, lapsed or not signed out at `moment` or later in these areas."""


class EvacuationReads(Protocol):
    """The part of booking.service.ports.Reads that is about evacuations."""

    def evacuations(self, *, going_on: bool = False, limit: int = 50) -> list[Evacuation]:
        """Evacuations, newest first; `going_on`: those alone that staff have not ended."""
