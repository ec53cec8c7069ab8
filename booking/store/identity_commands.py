"""Activation codes, bound apps, budgets of tries and device nonces, in the writer's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Stored
from booking.service.identity import (
    AnswerBinding,
    AskBinding,
    AuditLine,
    BindingAsked,
    BindingStatus,
    ForgiveTries,
    IdentityCommand,
    OfferActivation,
    RevokeBinding,
    SpendTries,
    Spent,
    UseNonce,
)
from booking.store.rows import facts_json, moment, new_id, us
from booking.store.sql import Connection

_INVALID = Refusal(RefusalCode.ACTIVATION_CODE_INVALID)


def carry_out(db: Connection, command: IdentityCommand) -> Stored | BindingAsked | Refusal:
    """Do one command of this family."""
    match command:
        case SpendTries():
            return spend(db, command.spent, command.at) or Stored()
        case ForgiveTries():
            db.execute("DELETE FROM tries WHERE budget = ? AND name = ?", (command.kind, command.name))
            return Stored()
        case UseNonce():
            return _use_nonce(db, command)
        case OfferActivation():
            return _offer(db, command)
        case AskBinding():
            return _ask(db, command)
        case AnswerBinding():
            return _answer(db, command)
        case RevokeBinding():
            return _revoke(db, command)


def audit(db: Connection, line: AuditLine) -> None:
    """Add a line; it is never changed."""
    db.execute(
        "INSERT INTO identity_audit (at_us, actor, action, subject, facts) VALUES (?, ?, ?, ?, ?)",
        (us(line.at), line.actor, line.action, line.subject, facts_json(line.facts)),
    )


def blocked(db: Connection, spent: Sequence[Spent], at: datetime) -> Refusal | None:
    """Say when the first spent budget gives a try again; None when every one has a try left."""
    waits = []
    for one in spent:
        budget = one.budget
        rows: list[Any] = db.execute(
            "SELECT at_us FROM tries WHERE budget = ? AND name = ? AND at_us > ? ORDER BY at_us DESC, n DESC LIMIT ?",
            (budget.kind, one.name, us(at - budget.window), budget.tries),
        ).fetchall()
        if len(rows) >= budget.tries:
            waits.append(moment(rows[-1][0]) + budget.window)
    return Refusal(RefusalCode.TOO_MANY_TRIES, next_allowed_at=max(waits)) if waits else None


def count(db: Connection, spent: Sequence[Spent], at: datetime) -> None:
    """Count one try against each budget, and forget what no budget counts any more."""
    db.execute("DELETE FROM tries WHERE forgotten_us <= ?", (us(at),))
    for one in spent:
        db.execute(
            "INSERT INTO tries SELECT ?1, ?2, ?3, coalesce(max(n), 0) + 1, ?4 FROM tries "
            "WHERE budget = ?1 AND name = ?2 AND at_us = ?3",
            (one.budget.kind, one.name, us(at), us(at + one.budget.window)),
        )


def spend(db: Connection, spent: Sequence[Spent], at: datetime) -> Refusal | None:
    """Count one try against each budget unless one of them is spent."""
    refusal = blocked(db, spent, at)
    if refusal is None:
        count(db, spent, at)
    return refusal


def _use_nonce(db: Connection, command: UseNonce) -> Stored | Refusal:
    db.execute("DELETE FROM device_nonces WHERE forgotten_us <= ?", (us(command.at),))
    fresh = db.execute(
        "INSERT INTO device_nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
        (command.device, command.nonce, us(command.forget_at)),
    ).fetchall()
    return Stored() if fresh else Refusal(RefusalCode.FORBIDDEN, facts={"reason": "nonce-used"})


def _offer(db: Connection, command: OfferActivation) -> Stored | Refusal:
    refusal = spend(db, command.spent, command.at)
    if refusal is not None:
        return refusal
    db.execute(
        "INSERT INTO activation_codes (reader, code_hash, link_hash, session_hash, created_us, expires_us) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (reader) DO UPDATE SET code_hash = excluded.code_hash, "
        "link_hash = excluded.link_hash, session_hash = excluded.session_hash, created_us = excluded.created_us, "
        "expires_us = excluded.expires_us, wrong_tries = 0",
        (
            command.reader,
            command.code_hash,
            command.link_hash,
            command.session_hash,
            us(command.at),
            us(command.expires_at),
        ),
    )
    audit(db, AuditLine(command.at, command.reader, "activation-code-made", command.reader))
    return Stored()


def _ask(db: Connection, command: AskBinding) -> BindingAsked | Refusal:
    refusal = blocked(db, command.spent, command.at)
    if refusal is not None:
        return refusal
    row = _open_code(db, command)
    right = row is not None and row[1] < command.tries and command.code_hash in {None, row[3]}
    if row is None or not right:
        return _wrong(db, command, row[0] if row else None)
    db.execute("DELETE FROM activation_codes WHERE reader = ?", (row[0],))
    binding = new_id(command.at)
    db.execute(
        "INSERT INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            binding,
            row[0],
            command.app,
            command.token_hash,
            row[2],
            str(BindingStatus.PENDING),
            us(command.at),
            us(command.confirm_until),
        ),
    )
    audit(db, AuditLine(command.at, command.app, "binding-asked", row[0], {"binding": binding}))
    return BindingAsked(binding, row[0])


def _open_code(db: Connection, command: AskBinding) -> tuple[str, int, bytes, bytes] | None:
    column, value = ("link_hash", command.link_hash) if command.link_hash else ("reader", command.reader)
    row: tuple[str, int, bytes, bytes] | None = db.execute(
        "SELECT reader, wrong_tries, session_hash, code_hash FROM activation_codes "  # noqa: S608 - one of two columns
        f"WHERE {column} = ? AND expires_us > ?",
        (value, us(command.at)),
    ).fetchone()
    return row


def _wrong(db: Connection, command: AskBinding, reader: str | None) -> Refusal:
    """Count a wrong code. Whether the reader has one, and how often it may still be tried, is nobody else's business."""
    count(db, command.spent, command.at)
    if reader is not None:
        db.execute("UPDATE activation_codes SET wrong_tries = wrong_tries + 1 WHERE reader = ?", (reader,))
    named = {one.budget.kind: one.name for one in command.spent if one.name}
    audit(db, AuditLine(command.at, command.app, "activation-code-wrong", reader or command.reader or "", named))
    return _INVALID


def _answer(db: Connection, command: AnswerBinding) -> Stored | Refusal:
    row = db.execute(
        "SELECT status, confirm_until_us, session_hash FROM bindings WHERE id = ? AND reader = ?",
        (command.binding, command.reader),
    ).fetchone()
    if row is None:
        return Refusal(RefusalCode.NOT_FOUND)
    if row[2] != command.session_hash:
        return Refusal(RefusalCode.BINDING_ELSEWHERE)
    wanted = BindingStatus.ACTIVE if command.confirm else BindingStatus.REFUSED
    if row[0] == wanted:
        return Stored()
    if row[0] != BindingStatus.PENDING or row[1] <= us(command.at):
        return Refusal(RefusalCode.BINDING_OVER, "policy.identity.binding_confirm_for")
    _close(db, command.binding, wanted, command.at)
    action = "binding-confirmed" if command.confirm else "binding-refused"
    audit(db, AuditLine(command.at, command.reader, action, command.reader, {"binding": command.binding}))
    return Stored()


def _revoke(db: Connection, command: RevokeBinding) -> Stored | Refusal:
    row = db.execute(
        "SELECT status FROM bindings WHERE id = ? AND reader = ?", (command.binding, command.reader)
    ).fetchone()
    if row is None:
        return Refusal(RefusalCode.NOT_FOUND)
    if row[0] in {BindingStatus.PENDING, BindingStatus.ACTIVE}:
        _close(db, command.binding, BindingStatus.REVOKED, command.at)
        audit(
            db, AuditLine(command.at, command.reader, "binding-revoked", command.reader, {"binding": command.binding})
        )
    return Stored()


def _close(db: Connection, binding: str, status: BindingStatus, at: datetime) -> None:
    db.execute("UPDATE bindings SET status = ?, answered_us = ? WHERE id = ?", (str(status), us(at), binding))
