"""Commands about gates and who is in the house: evacuations, patrols, prompts, offers, alerts, dead letters. Facts only."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginEvacuation:
    """Staff evacuate a venue; `since` None means now. Where one goes on there, nothing changes."""

    staff: str
    at: datetime
    venue: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvacuation:
    """Staff say that an evacuation is over. Ended before: nothing changes."""

    staff: str
    at: datetime
    evacuation: str


GateCommand = BeginEvacuation | EndEvacuation
