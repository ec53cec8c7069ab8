"""Reads of who somebody is: people, sessions and bound apps, activation codes, the audit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booking.domain.refusals import Refusal
from booking.service.identity import ActivationView, AuditLine, BindingStatus, BindingView, Spent
from booking.service.sso import VouchedSession
from booking.service.views import SessionView
from booking.store.identity_commands import blocked
from booking.store.many import rows_of
from booking.store.pool import ReaderPool
from booking.store.rows import facts_of_json, moment, moment_or_none, us

_BINDING = "id, app, status, asked_us, confirm_until_us, answered_us, session_hash"


class IdentityReads:
    """The identity part of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool) -> None:
        self._identity = pool

    def app_of(self, token_hash: bytes, now: datetime) -> tuple[str, BindingView | None]:
        """The reader and the binding behind an app's token, in whatever state; ("", None) for no app's token."""
        with self._identity.lend() as db:
            row = db.execute(
                f"SELECT {_BINDING}, reader FROM bindings WHERE token_hash = ?",  # noqa: S608 - a constant
                (token_hash,),
            ).fetchone()
        return (row[7], _binding(row, now)) if row else ("", None)

    def sessions(self, token_hashes: Sequence[bytes], now: datetime) -> dict[bytes, SessionView]:
        """Open sessions that have not expired, by their token's hash: those of many requests in one go."""
        sql = (
            "SELECT s.token_hash, s.reader, r.name, s.role, s.csrf, s.channel, s.expires_us "
            "FROM sessions s CROSS JOIN readers r WHERE s.token_hash IN {wanted} AND r.id = s.reader AND s.expires_us > ? AND r.gone_us IS NULL"
        )
        with self._identity.lend() as db:
            rows = list(rows_of(db, sql, token_hashes, (us(now),)))
        return {row[0]: SessionView(row[1], row[2], row[3], row[4], row[5], moment(row[6])) for row in rows}

    def binding(self, reader: str, binding: str, now: datetime) -> BindingView | None:
        """One of the reader's own apps, in whatever state."""
        with self._identity.lend() as db:
            row = db.execute(
                f"SELECT {_BINDING} FROM bindings WHERE id = ? AND reader = ?",  # noqa: S608 - a constant
                (binding, reader),
            ).fetchone()
        return _binding(row, now) if row else None

    def bindings(self, reader: str, now: datetime, session_hash: bytes = b"") -> list[BindingView]:
        """A reader's apps that are bound or ask to be, newest first."""
        with self._identity.lend() as db:
            rows: list[Any] = db.execute(
                f"SELECT {_BINDING} FROM bindings WHERE reader = ? AND (status = 'active' "  # noqa: S608 - a constant
                "OR (status = 'pending' AND confirm_until_us > ?)) ORDER BY asked_us DESC",
                (reader, us(now)),
            ).fetchall()
        return [_binding(row, now, session_hash) for row in rows]

    def tries_blocked(self, spent: Sequence[Spent], now: datetime) -> Refusal | None:
        """Why nobody of these may try now; None when every budget has a try left."""
        with self._identity.lend() as db:
            return blocked(db, spent, now)

    def activation(self, reader: str, now: datetime) -> ActivationView | None:
        """A reader's open activation code."""
        with self._identity.lend() as db:
            row = db.execute(
                "SELECT created_us, expires_us, wrong_tries FROM activation_codes WHERE reader = ? AND expires_us > ?",
                (reader, us(now)),
            ).fetchone()
        return ActivationView(moment(row[0]), moment(row[1]), row[2]) if row else None

    def has_vouched(self, kind: str, handle_hash: bytes | None, subject_hash: bytes | None) -> bool:
        """Whether a session is open that one sign-in at the university began, or without `handle_hash` one person's."""
        column, value = ("handle_hash", handle_hash) if handle_hash else ("subject_hash", subject_hash)
        with self._identity.lend() as db:
            row = db.execute(
                f"SELECT 1 FROM vouched_sessions WHERE kind = ? AND {column} = ? LIMIT 1",  # noqa: S608 - one of two columns
                (kind, value),
            ).fetchone()
        return row is not None

    def vouched_session(self, token_hash: bytes) -> VouchedSession | None:
        """How a session came about that the university vouched for; None for any other."""
        with self._identity.lend() as db:
            row = db.execute(
                "SELECT kind, id_token FROM vouched_sessions WHERE token_hash = ?", (token_hash,)
            ).fetchone()
        return VouchedSession(row[0], row[1]) if row else None

    def identity_audit(self, *, limit: int = 100) -> list[AuditLine]:
        """The newest lines of who did what, newest first: for staff."""
        with self._identity.lend() as db:
            rows: list[Any] = db.execute(
                "SELECT at_us, actor, action, subject, facts FROM identity_audit ORDER BY n DESC LIMIT ?", (limit,)
            ).fetchall()
        return [AuditLine(moment(row[0]), row[1], row[2], row[3], facts_of_json(row[4])) for row in rows]


def _binding(row: Any, now: datetime, mine: bytes = b"") -> BindingView:
    status, confirm_until = BindingStatus(row[2]), moment(row[4])
    if status is BindingStatus.PENDING and confirm_until <= now:
        status = BindingStatus.REFUSED
    return BindingView(
        id=row[0],
        app=row[1],
        status=status,
        asked_at=moment(row[3]),
        confirm_until=confirm_until,
        answered_at=moment_or_none(row[5]),
        mine=row[6] == mine,
    )
