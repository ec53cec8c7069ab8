"""Reads of what readers are told: notices, their channels, what is on its way."""

from datetime import datetime
from typing import Any

from booking.domain.notices import Notice
from booking.domain.telling import TellingChannel, masked
from booking.domain.waiting import Wait
from booking.service.telling import ChannelView, LostDelivery
from booking.store.pool import ReaderPool
from booking.store.rows import moment, moment_or_none, us
from booking.store.waits import COLUMNS, wait_of
from config.values import Text

_NOTICE = (
    "SELECT id, title_zh, title_en, text_zh, text_en, from_us, until_us, written_by, written_us, withdrawn_by, "
    "withdrawn_us FROM notices "
)


class TellingReads:
    """booking.service.telling.TellingReads over a pool of query-only connections."""

    def __init__(self, pool: ReaderPool) -> None:
        self._lent = pool.lend

    def notices(self, now: datetime) -> list[Notice]:
        """What is shown to everybody at `now`, newest first."""
        at = us(now)
        return self._notices(
            "WHERE from_us <= ? AND (until_us IS NULL OR until_us > ?) "
            "AND (withdrawn_us IS NULL OR withdrawn_us > ?) ORDER BY from_us DESC, id",
            (at, at, at),
        )

    def every_notice(self, *, limit: int = 50) -> list[Notice]:
        """All notices with who wrote and withdrew them, newest first: for staff."""
        return self._notices("ORDER BY written_us DESC, id LIMIT ?", (limit,))

    def waits(self, reader: str, now: datetime) -> list[Wait]:
        """What the reader waits for, and what they were told of in the last turn, oldest first."""
        rows = self._rows(
            f"SELECT {COLUMNS} FROM waits WHERE reader = ? AND closed_us IS NULL AND end_us > ? "  # noqa: S608
            "AND (told_us IS NULL OR turn_us > ?) ORDER BY created_us, id",
            (reader, us(now), us(now)),
        )
        return [wait_of(row) for row in rows]

    def calendar_turn(self, reader: str) -> tuple[int, bool]:
        """How often the reader's calendar feed was set, and whether there is one now."""
        rows = self._rows("SELECT turn, secret_hash IS NOT NULL FROM calendars WHERE reader = ?", (reader,))
        return (rows[0][0], bool(rows[0][1])) if rows else (0, False)

    def reader_of_calendar(self, secret_hash: bytes) -> str | None:
        """Whose feed has this secret."""
        rows = self._rows("SELECT reader FROM calendars WHERE secret_hash = ?", (secret_hash,))
        return rows[0][0] if rows else None

    def channels(self, reader: str) -> list[ChannelView]:
        """Where the reader wants to be told."""
        rows = self._rows(
            "SELECT channel, address, language, muted FROM channels WHERE reader = ? ORDER BY channel", (reader,)
        )
        return [
            ChannelView(
                channel=TellingChannel(row[0]),
                address=masked(TellingChannel(row[0]), row[1]),
                language=row[2],
                muted=frozenset(filter(None, row[3].split(","))),
            )
            for row in rows
        ]

    def next_delivery(self) -> datetime | None:
        """When the next delivery may be tried; None when none waits."""
        ((due,),) = self._rows("SELECT min(next_try_us) FROM deliveries WHERE state = 'waiting'")
        return moment_or_none(due)

    def lost_deliveries(self, *, limit: int = 20) -> tuple[int, int, list[LostDelivery]]:
        """How many deliveries wait, how many were given up, and the newest of those: for staff."""
        (waiting,) = self._rows("SELECT count(*) FROM deliveries WHERE state = 'waiting'")
        (given_up,) = self._rows("SELECT count(*) FROM deliveries WHERE state = 'given-up'")
        rows = self._rows(
            "SELECT o.reader, o.kind, d.channel, d.tries, d.settled_us, d.error FROM deliveries d "
            "JOIN notifications o ON o.id = d.notification WHERE d.state = 'given-up' "
            "ORDER BY d.settled_us DESC LIMIT ?",
            (limit,),
        )
        lost = [
            LostDelivery(
                reader=row[0],
                kind=row[1],
                channel=TellingChannel(row[2]),
                tries=row[3],
                given_up_at=moment(row[4]),
                error=row[5],
            )
            for row in rows
        ]
        return waiting[0], given_up[0], lost

    def _notices(self, condition: str, values: tuple[Any, ...]) -> list[Notice]:
        return [_notice(row) for row in self._rows(_NOTICE + condition, values)]

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lent() as db:
            return db.execute(sql, values).fetchall()


def _notice(row: Any) -> Notice:
    return Notice(
        id=row[0],
        title=Text(row[1], row[2]),
        text=Text(row[3], row[4]),
        shown_from=moment(row[5]),
        shown_until=moment_or_none(row[6]),
        written_by=row[7],
        written_at=moment(row[8]),
        withdrawn_by=row[9],
        withdrawn_at=moment_or_none(row[10]),
    )
