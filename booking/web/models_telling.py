"""What the API gives about telling: notices and channels."""

from datetime import datetime

from pydantic import BaseModel

from booking.domain.notices import Notice
from booking.domain.telling import TellingChannel, Topic
from booking.domain.waiting import Wait
from booking.web.language import Words
from booking.web.models import TextOut


class ChannelOut(BaseModel):
    """A channel that the library offers. `address` (masked) and `language` are null until the reader sets it."""

    channel: TellingChannel
    address: str | None
    language: str | None
    topics: list[Topic]


class ChannelsOut(BaseModel):
    """The offered channels."""

    items: list[ChannelOut]


class NoticeOut(BaseModel):
    """What staff tell all readers (通知公告). `shown_until` null: until it is withdrawn."""

    id: str
    title: TextOut
    text: TextOut
    shown_from: datetime
    shown_until: datetime | None

    @classmethod
    def of(cls, notice: Notice, words: Words) -> "NoticeOut":
        """Take over a notice; who wrote it is for staff alone."""
        return cls(
            id=notice.id,
            title=TextOut.of(notice.title),
            text=TextOut.of(notice.text),
            shown_from=words.local(notice.shown_from),
            shown_until=words.local(notice.shown_until) if notice.shown_until else None,
        )


class NoticesOut(BaseModel):
    """Notices that stand now, newest first."""

    items: list[NoticeOut]


class WaitOut(BaseModel):
    """Something the reader waits for. `found` is the seat they were told of ("" for a place without a number)."""

    id: str
    area: str
    seat: str | None
    start: datetime
    end: datetime
    found: str | None
    told_at: datetime | None

    @classmethod
    def of(cls, wait: Wait, words: Words) -> "WaitOut":
        """Take over a wait; times in the site's zone."""
        return cls(
            id=wait.id,
            area=wait.area,
            seat=wait.seat,
            start=words.local(wait.start),
            end=words.local(wait.end),
            found=wait.found,
            told_at=words.local(wait.told_at) if wait.told_at else None,
        )


class WaitsOut(BaseModel):
    """The reader's waits, oldest first."""

    items: list[WaitOut]


class CalendarOut(BaseModel):
    """The address of the reader's calendar feed; null while there is none."""

    url: str | None
