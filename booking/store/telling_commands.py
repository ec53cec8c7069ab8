"""The commands of booking.service.telling as SQL: notices."""

import apsw

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Stored
from booking.service.telling import TellingCommand, WithdrawNotice, WriteNotice
from booking.store.rows import us, us_or_none


def carry_out(db: apsw.Connection, command: TellingCommand) -> Stored | Refusal:
    """Carry out one command of this family."""
    match command:
        case WriteNotice():
            return _write_notice(db, command)
        case WithdrawNotice():
            return _withdraw_notice(db, command)


def _write_notice(db: apsw.Connection, command: WriteNotice) -> Stored:
    notice = command.notice
    db.execute(
        "INSERT OR IGNORE INTO notices (id, title_zh, title_en, text_zh, text_en, from_us, until_us, written_by, "
        "written_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            notice.id,
            notice.title.zh,
            notice.title.en,
            notice.text.zh,
            notice.text.en,
            us(notice.shown_from),
            us_or_none(notice.shown_until),
            notice.written_by,
            us(command.at),
        ),
    )
    return Stored()


def _withdraw_notice(db: apsw.Connection, command: WithdrawNotice) -> Stored | Refusal:
    if db.execute("SELECT 1 FROM notices WHERE id = ?", (command.notice,)).fetchone() is None:
        return Refusal(RefusalCode.NOT_FOUND)
    db.execute(
        "UPDATE notices SET withdrawn_by = ?, withdrawn_us = ? WHERE id = ? AND withdrawn_us IS NULL",
        (command.by, us(command.at), command.notice),
    )
    return Stored()
