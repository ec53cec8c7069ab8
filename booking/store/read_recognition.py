"""Reads of how readers are recognised on site."""

from datetime import datetime
from typing import Any

from booking.service.recognition import UnknownRead
from booking.store.pool import ReaderPool
from booking.store.recognition_commands import LAST_OF_PORTAL
from booking.store.rows import moment, us
from messages.access import mask


class RecognitionReads:
    """booking.service.recognition.RecognitionReads over the pool."""

    def __init__(self, pool: ReaderPool) -> None:
        self._recognition = pool

    def pin_hash(self, reader: str) -> str | None:
        """The argon2 hash of a reader's kiosk PIN."""
        with self._recognition.lend() as db:
            row = db.execute(
                "SELECT pin_hash FROM kiosk_pins JOIN readers ON id = reader WHERE reader = ? AND gone_us IS NULL",
                (reader,),
            ).fetchone()
        return str(row[0]) if row else None

    def unknown_reads(self, after: datetime) -> list[UnknownRead]:
        """The last card of each portal since `after`, where nobody holds it; newest first."""
        with self._recognition.lend() as db:
            rows: list[Any] = db.execute(LAST_OF_PORTAL, (us(after),)).fetchall()
        return [UnknownRead(row[0], row[1], row[2], mask(row[3]), moment(row[4])) for row in rows]
