"""What the API takes and gives about violations, as pydantic types. Times carry the site's offset."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from booking.domain.violations import Because, Standing, Suspension
from booking.service.violation_views import ViolationsView, ViolationView
from booking.web import sentences
from booking.web.language import Words
from booking.web.models import HistoryOut, TextOut
from booking.web.wishes import Wish
from config.policy import ViolationKind

MAX_APPEAL = 1000


class AppealIn(Wish):
    """Why it should be lifted, in the reader's own words."""

    words: Annotated[str, Field(min_length=1, max_length=MAX_APPEAL)]


class ViolationOut(BaseModel):
    """A violation of the reader who asks. `suspended_until` is what followed from it, over by now or not."""

    id: str
    kind: ViolationKind
    standing: Standing
    reservation: str
    area_name: TextOut
    label: str
    start: datetime
    end: datetime
    occurred_at: datetime
    policy_key: str
    suspended_until: datetime | None
    lifted_because: Because | None
    appealed_at: datetime | None
    appeal: str
    decided_at: datetime | None
    appeal_until: datetime
    can_appeal: bool
    evidence: list[HistoryOut]

    @classmethod
    def of(cls, view: ViolationView, words: Words) -> "ViolationOut":
        """Take over a view; times in the site's zone."""
        fields = {name: getattr(view, name) for name in cls.model_fields if name not in {"area_name", "evidence"}}
        local = {name: words.local(value) for name, value in fields.items() if isinstance(value, datetime)}
        evidence = [HistoryOut.of(line, words, sentences.history(line, words)) for line in view.evidence]
        return cls(**(fields | local), area_name=TextOut.of(view.area_name), evidence=evidence)


class SuspensionOut(BaseModel):
    """No booking before `until`: `count` violations in one stretch of the site's policy."""

    until: datetime
    count: int
    violation: str
    policy_key: str

    @classmethod
    def of(cls, suspension: Suspension, words: Words) -> "SuspensionOut":
        """Take over a suspension."""
        return cls(
            until=words.local(suspension.until),
            count=suspension.count,
            violation=suspension.violation,
            policy_key=suspension.policy_key,
        )


class ViolationsOut(BaseModel):
    """Violations, newest first, and the suspension in force."""

    items: list[ViolationOut]
    suspension: SuspensionOut | None

    @classmethod
    def of(cls, view: ViolationsView, words: Words) -> "ViolationsOut":
        """Take over a reader's violations."""
        suspension = None if view.suspension is None else SuspensionOut.of(view.suspension, words)
        return cls(items=[ViolationOut.of(one, words) for one in view.items], suspension=suspension)
