"""Sign-ins that the university vouched for, in the writer's transaction."""

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Identified, OpenSession, Stored
from booking.service.identity import AuditLine
from booking.service.sso import EndVouched, OpenVouched, SsoCommand
from booking.store.desk_commands import open_session
from booking.store.identity_commands import audit
from booking.store.sql import Connection


def carry_out(db: Connection, command: SsoCommand) -> Identified | Stored | Refusal:
    """Do one command of this family."""
    return _open(db, command) if isinstance(command, OpenVouched) else _end(db, command)


def _open(db: Connection, command: OpenVouched) -> Identified | Refusal:
    row = db.execute("SELECT role, gone_us FROM readers WHERE id = ?", (command.reader,)).fetchone()
    if row is None and command.admit_unknown:
        own_role = "reader"
        db.execute(
            "INSERT INTO readers (id, name, role) VALUES (?, ?, 'reader')",
            (command.reader, command.name or command.reader),
        )
        audit(db, AuditLine(command.at, f"sign-in by {command.kind}", "reader-admitted", command.reader))
    elif row is None or row[1] is not None:
        return Refusal(RefusalCode.UNIVERSITY_ONLY)
    else:
        own_role = str(row[0])
    role = "staff" if command.is_staff or own_role == "staff" else "reader"
    open_session(
        db,
        OpenSession(
            reader=command.reader,
            at=command.at,
            token_hash=command.token_hash,
            csrf=command.csrf,
            expires_at=command.expires_at,
            role=role,
        ),
    )
    db.execute(
        "INSERT INTO vouched_sessions (token_hash, kind, handle_hash, subject_hash, id_token) VALUES (?, ?, ?, ?, ?)",
        (command.token_hash, command.kind, command.handle_hash, command.subject_hash, command.id_token),
    )
    return Identified(command.reader)


def _end(db: Connection, command: EndVouched) -> Stored:
    column, value = (
        ("handle_hash", command.handle_hash) if command.handle_hash else ("subject_hash", command.subject_hash)
    )
    rows = db.execute(
        "SELECT s.token_hash, s.reader FROM vouched_sessions v JOIN sessions s ON s.token_hash = v.token_hash "  # noqa: S608 - one of two columns
        f"WHERE v.kind = ? AND v.{column} = ?",
        (command.kind, value),
    ).fetchall()
    for row in rows:
        db.execute("DELETE FROM sessions WHERE token_hash = ?", (row[0],))
        audit(db, AuditLine(command.at, f"sign-out by {command.kind}", "session-ended", str(row[1])))
    return Stored()
