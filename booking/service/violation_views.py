"""Typed read rows about violations: what the reader's page and API show, and what staff decide on."""

from dataclasses import dataclass, field
from datetime import datetime

from booking.domain.violations import Because, Standing, Suspension
from booking.service.views import HistoryLine
from config.policy import ViolationKind
from config.values import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationView:
    """One violation with its evidence. Right for the `now` it was asked with, written down yet or not."""

    id: str
    reader: str
    kind: ViolationKind
    standing: Standing
    reservation: str
    area_name: Text
    label: str
    start: datetime
    end: datetime
    occurred_at: datetime
    policy_key: str
    suspended_until: datetime | None
    """What follows from it, also where that is over by now; None where nothing does."""
    lifted_because: Because | None
    appealed_at: datetime | None
    appeal: str
    decided_at: datetime | None
    appeal_until: datetime
    can_appeal: bool
    evidence: list[HistoryLine] = field(default_factory=list)
    """The ledger of its reservation, in the order in which we learned of it."""


@dataclass(frozen=True, slots=True)
class ViolationsView:
    """A reader's violations, newest first, and the suspension in force."""

    items: list[ViolationView]
    suspension: Suspension | None

    @property
    def count(self) -> int:
        """How many have not been lifted."""
        return sum(one.standing is not Standing.LIFTED for one in self.items)


@dataclass(frozen=True, slots=True)
class StaffActionView:
    """Something that staff did, for the audit."""

    at: datetime
    staff: str
    action: str
    subject: str
    facts: dict[str, str]
