"""Reads of what readers are told: notices."""

from datetime import datetime
from typing import Any

from booking.domain.notices import Notice
from booking.store.pool import ReaderPool
from booking.store.rows import moment, moment_or_none, us
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

    def _notices(self, condition: str, values: tuple[Any, ...]) -> list[Notice]:
        with self._lent() as db:
            return [_notice(row) for row in db.execute(_NOTICE + condition, values).fetchall()]


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
