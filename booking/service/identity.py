"""Commands about who somebody is: activation codes and the apps they bind, budgets of tries, device nonces, audit.

No rule of reservations is in them. They carry hashes, never a code or token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from booking.domain.refusals import Refusal
from booking.service.sso import VouchedSession
from booking.service.views import SessionView


class BindingStatus(StrEnum):
    """How far an app has come."""

    PENDING = "pending"
    """It knew the code; the web session that made the code has not answered yet."""
    ACTIVE = "active"
    REFUSED = "refused"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `tries` within `window` for each name."""

    kind: str
    tries: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Spent:
    """One try of `name` against a budget."""

    budget: Budget
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendTries:
    """Count one try against each budget; refused, with nothing counted, when one of them is spent."""

    at: datetime
    spent: tuple[Spent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgiveTries:
    """Forget the tries of a name: it succeeded."""

    at: datetime
    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseNonce:
    """A device's signed request counts once; kept until `forget_at`, when its signature is too old anyway."""

    device: str
    nonce: str
    at: datetime
    forget_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferActivation:
    """A reader asks for a code on the web. An earlier code of theirs no longer works."""

    reader: str
    at: datetime
    code_hash: bytes
    link_hash: bytes
    session_hash: bytes
    expires_at: datetime
    spent: tuple[Spent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBinding:
    """An app gives a code: `reader` with `code_hash` (six digits), or `link_hash` alone.

    A wrong code counts against `spent` and, when the reader has a code, against that code's own `tries`.
    """

    reader: str | None
    at: datetime
    code_hash: bytes | None
    link_hash: bytes | None
    app: str
    token_hash: bytes
    confirm_until: datetime
    tries: int
    spent: tuple[Spent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBinding:
    """The web session that made the code says yes or no to the app that used it."""

    reader: str
    at: datetime
    binding: str
    session_hash: bytes
    confirm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeBinding:
    """The reader ends an app's access; a second time changes nothing."""

    reader: str
    at: datetime
    binding: str


@dataclass(frozen=True, slots=True)
class BindingAsked:
    """An app waits for the reader's answer."""

    id: str
    reader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingView:
    """An app that is bound, or asks to be. `status` is right for the moment it was read."""

    id: str
    app: str
    status: BindingStatus
    asked_at: datetime
    confirm_until: datetime
    answered_at: datetime | None
    mine: bool = False
    """Whether the session that reads is the one that may answer."""


@dataclass(frozen=True, slots=True)
class ActivationView:
    """A reader's open code, as far as anybody may know it."""

    created_at: datetime
    expires_at: datetime
    wrong_tries: int


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to whom. `actor` is a reader, "staff …", an address or a command."""

    at: datetime
    actor: str
    action: str
    subject: str
    facts: dict[str, str] = field(default_factory=dict)


class IdentityReads(Protocol):
    """What pages and API read about who somebody is."""

    def app_of(self, token_hash: bytes, now: datetime) -> tuple[str, BindingView | None]:
        """The reader and the binding behind an app's token, in whatever state; ("", None) for no app's token."""

    def sessions(self, token_hashes: Sequence[bytes], now: datetime) -> dict[bytes, SessionView]:
        """Open sessions that have not expired, by their token's hash: those of many requests in one go."""

    def binding(self, reader: str, binding: str, now: datetime) -> BindingView | None:
        """One of the reader's own apps, in whatever state."""

    def bindings(self, reader: str, now: datetime, session_hash: bytes = b"") -> list[BindingView]:
        """A reader's apps that are bound or ask to be, newest first."""

    def tries_blocked(self, spent: Sequence[Spent], now: datetime) -> Refusal | None:
        """Why nobody of these may try now; None when every budget has a try left."""

    def activation(self, reader: str, now: datetime) -> ActivationView | None:
        """A reader's open activation code."""

    def has_vouched(self, kind: str, handle_hash: bytes | None, subject_hash: bytes | None) -> bool:
        """Whether a session is open that one sign-in at the university began, or without `handle_hash` one person's."""

    def vouched_session(self, token_hash: bytes) -> VouchedSession | None:
        """How a session came about that the university vouched for; None for any other."""

    def identity_audit(self, *, limit: int = 100) -> list[AuditLine]:
        """The newest lines of who did what, newest first: for staff."""


IdentityCommand = SpendTries | ForgiveTries | UseNonce | OfferActivation | AskBinding | AnswerBinding | RevokeBinding
