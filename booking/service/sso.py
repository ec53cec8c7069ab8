"""Commands about sign-ins that the university vouched for, and how they ended. They carry hashes, never a ticket.

A person's role is the one of our own readers table; `is_staff` (the university names a group that the library's settings
map) lifts it for this one session and writes nothing.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenVouched:
    """Open a session for whom the university vouched for. With `admit_unknown` somebody new becomes a reader; else, and
    for a reader who is gone, it is refused. `handle_hash` and `subject_hash`: by these it is ended from there.
    """

    at: datetime
    kind: str
    reader: str
    name: str
    is_staff: bool
    admit_unknown: bool
    token_hash: bytes
    csrf: str
    expires_at: datetime
    handle_hash: bytes | None
    subject_hash: bytes | None
    id_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndVouched:
    """End the sessions of one sign-in at the university (`handle_hash`), or without one all of a person's."""

    at: datetime
    kind: str
    handle_hash: bytes | None
    subject_hash: bytes | None


@dataclass(frozen=True, slots=True)
class VouchedSession:
    """How a session came about: by which protocol, and what the provider wants to see at signing out."""

    kind: str
    id_token: str


SsoCommand = OpenVouched | EndVouched
"""Dispatched together."""
