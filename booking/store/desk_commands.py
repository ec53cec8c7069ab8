"""Commands with no rule of reservations in them: sessions, reader codes, people, devices, dead letters, housekeeping."""

from datetime import timedelta

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import (
    CloseSession,
    EnrolDevice,
    Identified,
    IssueReaderCode,
    KeepDeadLetter,
    LoadPeople,
    MarkTold,
    OfferEnrolment,
    OpenSession,
    Person,
    Recorded,
    RecordGateEvent,
    Stored,
    UseReaderCode,
)
from booking.store.many import Insert
from booking.store.rows import us
from booking.store.sql import Connection

ANSWERS_KEPT = timedelta(days=7)
"""A request repeated under its Idempotency-Key gets its first answer for this long."""

INBOX = Insert("inbox (gate, epoch, sequence, digest, payload, received_us)", 6)


def open_session(db: Connection, command: OpenSession) -> Stored:
    """Store a session."""
    db.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            command.token_hash,
            command.reader,
            command.role,
            command.csrf,
            str(command.channel),
            us(command.at),
            us(command.expires_at),
        ),
    )
    return Stored()


def close_session(db: Connection, command: CloseSession) -> Stored:
    """Forget a session."""
    db.execute("DELETE FROM sessions WHERE token_hash = ?", (command.token_hash,))
    return Stored()


def issue_reader_code(db: Connection, command: IssueReaderCode) -> Stored:
    """Store a reader's fresh code; the reader's earlier ones no longer work."""
    db.execute("DELETE FROM reader_codes WHERE reader = ? AND used_us IS NULL", (command.reader,))
    db.execute(
        "INSERT INTO reader_codes (code_hash, reader, expires_us) VALUES (?, ?, ?)",
        (command.code_hash, command.reader, us(command.expires_at)),
    )
    return Stored()


def use_reader_code(db: Connection, command: UseReaderCode) -> Identified | Refusal:
    """Use a reader's code, once and before it expires."""
    row = db.execute(
        "UPDATE reader_codes SET used_us = ?, kiosk = ? WHERE code_hash = ? AND used_us IS NULL AND expires_us > ? "
        "RETURNING reader",
        (us(command.at), command.kiosk, command.code_hash, us(command.at)),
    ).fetchall()
    if not row:
        return Refusal(RefusalCode.READER_CODE_INVALID, "policy.check_in.reader_code_lasts")
    return Identified(str(row[0][0]))


def keep_dead_letter(db: Connection, command: KeepDeadLetter) -> Recorded:
    """Keep what cannot be applied; the inbox learns its identity, so that a replay is known."""
    known = remember(db, command, command.epoch, command.sequence)
    if not known.replay:
        bury(db, command, command.epoch, command.sequence, "digest-conflict" if known.conflict else command.reason)
    return known


def gate_event_known(db: Connection, command: RecordGateEvent) -> Recorded:
    """Insert a gate event's identity into the inbox; one that was another event's is buried."""
    event = command.event
    known = remember(db, command, event.epoch, event.sequence)
    if known.conflict:
        bury(db, command, event.epoch, event.sequence, "digest-conflict")
    return known


def bury(db: Connection, command: RecordGateEvent | KeepDeadLetter, epoch: int, sequence: int, reason: str) -> None:
    """Insert a dead letter; the same one twice is one."""
    db.execute(
        "INSERT INTO dead_letters (gate, epoch, sequence, digest, payload, reason, received_us) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (command.gate, epoch, sequence, command.digest, command.payload, reason, us(command.at)),
    )


def remember(db: Connection, command: RecordGateEvent | KeepDeadLetter, epoch: int, sequence: int) -> Recorded:
    """Insert an identity into the inbox, or say that it was known: the same (replay) or another (conflict)."""
    known = db.execute(
        "SELECT digest FROM inbox WHERE gate = ? AND epoch = ? AND sequence = ?", (command.gate, epoch, sequence)
    ).fetchone()
    if known is not None:
        return Recorded(replay=known[0] == command.digest, conflict=known[0] != command.digest)
    INBOX.one(db, (command.gate, epoch, sequence, command.digest, command.payload, us(command.at)))
    return Recorded()


def enrol_device(db: Connection, command: EnrolDevice) -> Stored | Refusal:
    """Let a device join with its one-time code; the same code with the same key again is a repeated request."""
    code = db.execute(
        "SELECT device, kind, used_us FROM enrolment_codes WHERE code_hash = ?", (command.code_hash,)
    ).fetchone()
    if code is None or (code[0], code[1]) != (command.device, command.kind):
        return Refusal(RefusalCode.FORBIDDEN, facts={"reason": "unknown-code"})
    if code[2] is not None:
        same = db.execute(
            "SELECT 1 FROM devices WHERE id = ? AND public_key = ?", (command.device, command.public_key)
        ).fetchone()
        return Stored() if same else Refusal(RefusalCode.FORBIDDEN, facts={"reason": "code-used"})
    db.execute("UPDATE enrolment_codes SET used_us = ? WHERE code_hash = ?", (us(command.at), command.code_hash))
    db.execute(
        "INSERT INTO devices VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, "
        "kid = excluded.kid, public_key = excluded.public_key, enrolled_us = excluded.enrolled_us",
        (command.device, command.kind, command.kid, command.public_key, us(command.at)),
    )
    return Stored()


def offer_enrolment(db: Connection, command: OfferEnrolment) -> Stored:
    """Open a one-time code for a device; a code that was offered before stays as it is."""
    db.execute(
        "INSERT INTO enrolment_codes (code_hash, device, kind, offered_us) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (command.code_hash, command.device, command.kind, us(command.at)),
    )
    return Stored()


def load_people(db: Connection, command: LoadPeople) -> Stored:
    """Add people and cards or bring them up to date."""
    for person in command.people:
        db.execute(
            "INSERT INTO readers (id, name, role, password_hash, groups) VALUES (?1, ?2, ?3, ?4, coalesce(CAST(?5 AS TEXT), '')) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role, "
            "password_hash = coalesce(excluded.password_hash, readers.password_hash), groups = coalesce(?5, readers.groups)",
            (
                person.reader.upper(),
                person.name,
                person.role,
                person.password_hash,
                None if person.groups is None else " ".join(person.groups),
            ),
        )
        _load_cards(db, person, us(command.at))
    return Stored()


def _load_cards(db: Connection, person: Person, at_us: int) -> None:
    reader = person.reader.upper()
    for card in person.cards:
        held = db.execute(
            "SELECT reader, valid_from_us FROM credentials WHERE kind = ? AND value = ? "
            "AND (valid_until_us IS NULL OR valid_until_us > ?)",
            (card.kind, card.value, at_us),
        ).fetchone()
        if held is not None and held[0] == reader:
            continue
        start = us(card.valid_from) if card.valid_from else (at_us if held else 0)
        if held is not None:
            db.execute(
                "UPDATE credentials SET valid_until_us = ? WHERE kind = ? AND value = ? AND valid_from_us = ?",
                (max(start, held[1] + 1), card.kind, card.value, held[1]),
            )
        db.execute(
            "INSERT INTO credentials VALUES (?, ?, ?, ?, ?)",
            (card.kind, card.value, start, us(card.valid_until) if card.valid_until else None, reader),
        )


def mark_told(db: Connection, command: MarkTold) -> Stored:
    """Remember how far the notifications have been handed to the broker."""
    db.execute(
        "INSERT INTO facts VALUES ('told', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value "
        "WHERE facts.value < excluded.value",
        (command.upto,),
    )
    return Stored()


def forget_old(db: Connection, now_us: int) -> None:
    """Delete sessions and codes that have expired, and answers too old to be asked for again."""
    db.execute("DELETE FROM sessions WHERE expires_us <= ?", (now_us,))
    db.execute("DELETE FROM reader_codes WHERE expires_us <= ? AND used_us IS NULL", (now_us,))
    db.execute("DELETE FROM idempotency WHERE created_us <= ?", (now_us - ANSWERS_KEPT // timedelta(microseconds=1),))
