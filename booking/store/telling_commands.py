"""The commands of booking.service.telling as SQL: notices, channels, deliveries."""

from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.telling import TellingChannel
from booking.service.commands import Stored
from booking.service.telling import (
    ClaimDelivery,
    Claimed,
    Delivery,
    DropChannel,
    SetCalendar,
    SetChannel,
    SettleDelivery,
    TellingCommand,
    WithdrawNotice,
    WriteNotice,
)
from booking.service.views import NotificationView
from booking.store.rows import facts_of_json, moment, us, us_or_none
from booking.store.sql import Connection

_MOST_DOUBLINGS = 20
"""2 to the 20th of any lease is longer than any longest pause."""


def carry_out(db: Connection, command: TellingCommand) -> Stored | Claimed | Refusal:
    """Carry out one command of this family."""
    match command:
        case WriteNotice():
            return _write_notice(db, command)
        case WithdrawNotice():
            return _withdraw_notice(db, command)
        case SetCalendar():
            db.execute(
                "INSERT INTO calendars VALUES (?, ?, ?) ON CONFLICT (reader) DO UPDATE SET turn = excluded.turn, "
                "secret_hash = excluded.secret_hash",
                (command.reader, command.turn, command.secret_hash),
            )
            return Stored()
        case SetChannel():
            return _set_channel(db, command)
        case DropChannel():
            return _drop_channel(db, command)
        case ClaimDelivery():
            return _claim(db, command)
        case SettleDelivery():
            return _settle(db, command)


def _write_notice(db: Connection, command: WriteNotice) -> Stored:
    notice = command.notice
    db.execute(
        "INSERT INTO notices (id, title_zh, title_en, text_zh, text_en, from_us, until_us, written_by, "
        "written_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
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


def _withdraw_notice(db: Connection, command: WithdrawNotice) -> Stored | Refusal:
    if db.execute("SELECT 1 FROM notices WHERE id = ?", (command.notice,)).fetchone() is None:
        return Refusal(RefusalCode.NOT_FOUND)
    db.execute(
        "UPDATE notices SET withdrawn_by = ?, withdrawn_us = ? WHERE id = ? AND withdrawn_us IS NULL",
        (command.by, us(command.at), command.notice),
    )
    return Stored()


def _set_channel(db: Connection, command: SetChannel) -> Stored | Refusal:
    known = db.execute(
        "SELECT address FROM channels WHERE reader = ? AND channel = ?", (command.reader, str(command.channel))
    ).fetchone()
    address = command.address or (known[0] if known else None)
    if address is None:
        return Refusal(RefusalCode.NOT_FOUND)
    db.execute(
        "INSERT INTO channels VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (reader, channel) DO UPDATE SET "
        "address = excluded.address, language = excluded.language, muted = excluded.muted, set_us = excluded.set_us",
        (
            command.reader,
            str(command.channel),
            address,
            command.language,
            ",".join(command.muted),
            us(command.at),
        ),
    )
    return Stored()


def _drop_channel(db: Connection, command: DropChannel) -> Stored:
    mine = (command.reader, str(command.channel))
    db.execute("DELETE FROM channels WHERE reader = ? AND channel = ?", mine)
    db.execute(
        "UPDATE deliveries SET state = 'dropped', settled_us = ? WHERE state = 'waiting' "
        "AND notification IN (SELECT id FROM notifications WHERE reader = ?) AND channel = ?",
        (us(command.at), *mine),
    )
    return Stored()


def _claim(db: Connection, command: ClaimDelivery) -> Claimed:
    row = db.execute(
        "SELECT d.n, d.channel, d.tries + 1, c.address, c.language, o.id, o.kind, o.at_us, o.reservation, o.facts "
        "FROM deliveries d JOIN notifications o ON o.id = d.notification "
        "JOIN channels c ON c.reader = o.reader AND c.channel = d.channel "
        "WHERE d.state = 'waiting' AND d.next_try_us <= ? ORDER BY d.next_try_us, d.n LIMIT 1",
        (us(command.at),),
    ).fetchone()
    if row is None:
        return Claimed(None)
    number, channel, tries = row[0], TellingChannel(row[1]), row[2]
    pause = min(command.lease * 2 ** min(tries - 1, _MOST_DOUBLINGS), command.longest)
    db.execute("UPDATE deliveries SET tries = ?, next_try_us = ? WHERE n = ?", (tries, us(command.at + pause), number))
    return Claimed(
        Delivery(
            n=number,
            key=f"{row[5]}-{channel}",
            channel=channel,
            address=row[3],
            language=row[4],
            tries=tries,
            note=NotificationView(row[5], row[6], moment(row[7]), row[8], facts_of_json(row[9])),
        )
    )


def _settle(db: Connection, command: SettleDelivery) -> Stored:
    state = "sent" if not command.error else "given-up" if command.last else "waiting"
    db.execute(
        "UPDATE deliveries SET state = ?, error = ?, settled_us = ? WHERE n = ? AND state = 'waiting'",
        (state, command.error, None if state == "waiting" else us(command.at), command.n),
    )
    return Stored()
