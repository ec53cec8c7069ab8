"""What readers' reports give staff to do on the floor. A task names a seat, never whoever reported it."""

from dataclasses import dataclass
from datetime import datetime

SEAT_TAKEN = "seat-taken"
"""占座: somebody sits, or left their things, on a seat that another reader holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task with its record. `settled_by` None: still open; until then nobody is offered the seat."""

    id: str
    kind: str
    area: str
    seat: str
    reservation: str
    made_at: datetime
    settled_by: str | None = None
    settled_at: datetime | None = None
