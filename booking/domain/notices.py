"""What staff tell all readers (通知公告): in both languages, from a moment, until another or until withdrawn."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config.values import Text


class NoticeState(StrEnum):
    """Where a notice stands at a moment."""

    PLANNED = "planned"
    SHOWN = "shown"
    OVER = "over"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice with its record: who wrote it and who withdrew it, when. `shown_until` None: until withdrawn."""

    id: str
    title: Text
    text: Text
    shown_from: datetime
    shown_until: datetime | None
    written_by: str
    written_at: datetime
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None

    def state(self, now: datetime) -> NoticeState:
        """Return where it stands at `now`."""
        if self.withdrawn_at is not None and self.withdrawn_at <= now:
            return NoticeState.WITHDRAWN
        if now < self.shown_from:
            return NoticeState.PLANNED
        over = self.shown_until is not None and self.shown_until <= now
        return NoticeState.OVER if over else NoticeState.SHOWN
