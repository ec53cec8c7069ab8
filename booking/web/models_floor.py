"""What the API gives staff of the floor: closures and tasks. A pydantic type each; times carry the site's offset."""

from datetime import datetime

from pydantic import BaseModel

from booking.domain.closures import Closure
from booking.domain.tasks import Task
from booking.web.language import Words
from booking.web.models import TextOut


class ClosureOut(BaseModel):
    """One closure with its record. `seat` null: the whole area; `end` null: until it is lifted."""

    id: str
    area: str
    seat: str | None
    start: datetime
    end: datetime | None
    reason: TextOut
    made_by: str
    made_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None

    @classmethod
    def of(cls, closure: Closure, words: Words) -> "ClosureOut":
        """Take over a closure."""
        return cls(
            id=closure.id,
            area=closure.area,
            seat=closure.seat,
            start=words.local(closure.start),
            end=words.local(closure.end) if closure.end else None,
            reason=TextOut.of(closure.reason),
            made_by=closure.made_by,
            made_at=words.local(closure.made_at),
            lifted_by=closure.lifted_by,
            lifted_at=words.local(closure.lifted_at) if closure.lifted_at else None,
        )


class ClosuresOut(BaseModel):
    """Closures, newest first."""

    items: list[ClosureOut]


class TaskOut(BaseModel):
    """One task: `kind` is "seat-taken" (占座). It names no reader. `settled_by` null: still open."""

    id: str
    kind: str
    area: str
    seat: str
    made_at: datetime
    settled_by: str | None
    settled_at: datetime | None

    @classmethod
    def of(cls, task: Task, words: Words) -> "TaskOut":
        """Take over a task."""
        return cls(
            id=task.id,
            kind=task.kind,
            area=task.area,
            seat=task.seat,
            made_at=words.local(task.made_at),
            settled_by=task.settled_by,
            settled_at=words.local(task.settled_at) if task.settled_at else None,
        )


class TasksOut(BaseModel):
    """Tasks, open ones first."""

    items: list[TaskOut]
