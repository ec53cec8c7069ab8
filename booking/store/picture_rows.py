"""Pictures of kiosks as rows that live for seconds: asked for, given, seen, gone."""

from datetime import datetime

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Stored
from booking.service.pictures import AskPicture, ForgetPicture, KeepPicture, PictureCommand, WantedPicture
from booking.store.pool import ReaderPool
from booking.store.rows import moment, us
from booking.store.sql import Connection

MOST_WAITING = 16
"""At one time, of all kiosks and staff."""


def carry_out(db: Connection, command: PictureCommand) -> Stored | Refusal:
    """Carry out one command of this family."""
    match command:
        case AskPicture():
            forget_old(db, command.at)
            row = db.execute("SELECT count(*) FROM kiosk_pictures").fetchone()
            if row[0] >= MOST_WAITING:
                return Refusal(RefusalCode.TOO_MANY_TRIES)
            db.execute(
                "INSERT INTO kiosk_pictures (command, kiosk, deadline_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (command.command, command.kiosk, us(command.deadline)),
            )
        case KeepPicture():
            row = db.execute(
                "SELECT count(*) FROM kiosk_pictures WHERE command = ? AND kiosk = ? AND picture IS NULL "
                "AND deadline_us >= ?",
                (command.command, command.kiosk, us(command.at)),
            ).fetchone()
            if not row[0]:
                return Refusal(RefusalCode.NOT_FOUND)
            db.execute("UPDATE kiosk_pictures SET picture = ? WHERE command = ?", (command.picture, command.command))
        case ForgetPicture():
            db.execute("DELETE FROM kiosk_pictures WHERE command = ?", (command.command,))
    return Stored()


def forget_old(db: Connection, now: datetime) -> None:
    """Delete what nobody waits for any more."""
    db.execute("DELETE FROM kiosk_pictures WHERE deadline_us < ?", (us(now),))


class PictureRows:
    """The pictures of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool) -> None:
        self._picture_pool = pool

    def wanted_pictures(self, now: datetime) -> list[WantedPicture]:
        """The pictures that somebody waits for at `now` and no kiosk has given."""
        with self._picture_pool.lend() as db:
            rows = db.execute(
                "SELECT command, kiosk, deadline_us FROM kiosk_pictures WHERE picture IS NULL AND deadline_us >= ? "
                "ORDER BY deadline_us",
                (us(now),),
            ).fetchall()
        return [WantedPicture(command, kiosk, moment(deadline)) for command, kiosk, deadline in rows]

    def picture(self, command: str) -> bytes | None:
        """The picture that was given for `command`."""
        with self._picture_pool.lend() as db:
            row = db.execute("SELECT picture FROM kiosk_pictures WHERE command = ?", (command,)).fetchone()
        return None if row is None or row[0] is None else bytes(row[0])
