"""Kiosk PINs and the pairing of unknown cards, in the writer's transaction."""

from typing import Any

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Stored
from booking.service.identity import AuditLine
from booking.service.recognition import CountPinTry, PairCard, PinWasRight, RecognitionCommand, SetPin
from booking.store.identity_commands import audit
from booking.store.rows import us
from booking.store.sql import Connection
from messages.access import mask

LAST_OF_PORTAL = """
SELECT id, gate, portal, credential, occurred_us FROM gate_records r
WHERE kind = 'card' AND received_us > ?1 AND NOT EXISTS (
    SELECT 1 FROM gate_records later WHERE later.gate = r.gate AND later.portal = r.portal AND later.kind = 'card'
    AND later.received_us > ?1 AND (later.occurred_us, later.id) > (r.occurred_us, r.id))
AND NOT EXISTS (
    SELECT 1 FROM credentials c WHERE c.kind = 'card' AND c.value = r.credential
    AND (c.valid_until_us IS NULL OR c.valid_until_us > r.occurred_us))
ORDER BY occurred_us DESC
"""
"""The last card at each portal received after ?1, where nobody holds it then or later."""


def carry_out(db: Connection, command: RecognitionCommand) -> Stored | Refusal:
    """Do one command of this family."""
    match command:
        case SetPin():
            return _set_pin(db, command)
        case CountPinTry():
            return _count(db, command)
        case PinWasRight():
            db.execute("UPDATE kiosk_pins SET wrong_tries = 0 WHERE reader = ?", (command.reader,))
            return Stored()
        case PairCard():
            return _pair(db, command)


def _known(db: Connection, reader: str) -> bool:
    return db.execute("SELECT 1 FROM readers WHERE id = ? AND gone_us IS NULL", (reader,)).fetchone() is not None


def _set_pin(db: Connection, command: SetPin) -> Stored | Refusal:
    if not _known(db, command.reader):
        return Refusal(RefusalCode.UNKNOWN_READER)
    db.execute(
        "INSERT INTO kiosk_pins (reader, pin_hash, set_us) VALUES (?, ?, ?) ON CONFLICT (reader) "
        "DO UPDATE SET pin_hash = excluded.pin_hash, set_us = excluded.set_us, wrong_tries = 0",
        (command.reader, command.pin_hash, us(command.at)),
    )
    audit(db, AuditLine(command.at, command.actor, "pin-set", command.reader))
    return Stored()


def _count(db: Connection, command: CountPinTry) -> Stored | Refusal:
    row = db.execute("SELECT wrong_tries FROM kiosk_pins WHERE reader = ?", (command.reader,)).fetchone()
    if row is None:
        return Stored()
    tries = int(row[0])
    if tries >= command.most:
        return Refusal(RefusalCode.PIN_LOCKED, "policy.identity.pin_tries")
    db.execute("UPDATE kiosk_pins SET wrong_tries = ? WHERE reader = ?", (tries + 1, command.reader))
    if tries + 1 == command.most:
        audit(db, AuditLine(command.at, command.kiosk, "pin-last-try", command.reader))
    return Stored()


def _pair(db: Connection, command: PairCard) -> Stored | Refusal:
    if not _known(db, command.reader):
        return Refusal(RefusalCode.UNKNOWN_READER)
    rows: list[Any] = db.execute(LAST_OF_PORTAL, (us(command.read_after),)).fetchall()
    read = next((row for row in rows if row[0] == command.record), None)
    if read is None:
        return Refusal(RefusalCode.CARD_NOT_PAIRABLE, "policy.identity.pair_within")
    card, read_us = str(read[3]), int(read[4])
    db.execute("INSERT INTO credentials VALUES ('card', ?, ?, NULL, ?)", (card, read_us, command.reader))
    facts = {"card": mask(card), "portal": str(read[2])}
    audit(db, AuditLine(command.at, command.actor, "card-paired", command.reader, facts))
    return Stored()
