"""Demonstration accounts and enrolment codes: files that `seatgate run` or staff write, brought into the store at start."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from argon2 import PasswordHasher

from booking.errors import BookingError
from booking.service.commands import Card, LoadPeople, OfferEnrolment, Person
from runtime.secret_file import read_secret

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""argon2id with the smallest parameters that OWASP's password storage cheat sheet recommends."""

T = TypeVar("T")
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class DemoAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the demonstration accounts file."""

    reader: Short
    name: Short
    password: Annotated[str, msgspec.Meta(min_length=8, max_length=256)]
    card: Short
    role: Literal["reader", "staff"]
    face: Short | None = None


class EnrolmentCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the enrolment codes file."""

    kind: Literal["gate", "kiosk"]
    code: Annotated[str, msgspec.Meta(min_length=16, max_length=256)]


def demo_accounts(file: Path) -> list[DemoAccount]:
    """Read the demonstration accounts; BookingError says what is wrong with the file."""
    return _read(file, list[DemoAccount])


def people_of(accounts: Sequence[DemoAccount], at: datetime) -> LoadPeople:
    """Return the command that makes the accounts known, their passwords hashed."""
    people = [
        Person(
            reader=account.reader,
            name=account.name,
            role=account.role,
            password_hash=HASHER.hash(account.password),
            cards=(Card("card", account.card), *((Card("face", account.face),) if account.face else ())),
        )
        for account in accounts
    ]
    return LoadPeople(at=at, people=tuple(people))


def mark_of(master: bytes, accounts: Sequence[DemoAccount]) -> str:
    """Name these accounts without showing them, so that a later start need not hash the same passwords again."""
    return hmac.digest(master, b"demo-v1" + msgspec.json.encode(accounts), hashlib.sha256).hex()


def enrolments(file: Path, at: datetime) -> list[OfferEnrolment]:
    """Read the one-time codes; only their hashes go on from here."""
    codes = _read(file, dict[str, EnrolmentCode])
    return [
        OfferEnrolment(device=device, kind=code.kind, at=at, code_hash=hashlib.sha256(code.code.encode()).digest())
        for device, code in codes.items()
    ]


def _read(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(read_secret(file), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BookingError(f"{file} cannot be used: {error}") from error
