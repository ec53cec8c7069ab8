"""Who is asking: the session behind a cookie or bearer token, and whether a change really comes from our pages.

A session is an opaque 256-bit token; the store knows its SHA-256. A new one is made at every sign-in.
"""

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from booking.domain.refusals import RefusalCode
from booking.service.commands import Channel, CloseSession, Command, OpenSession, Outcome
from booking.service.identity import BindingStatus
from booking.service.views import ReaderView
from booking.web.audit import READER
from booking.web.context import Context
from booking.web.problems import refuse

SESSION_LASTS = timedelta(hours=12)
KIOSK_SESSION_LASTS = timedelta(seconds=90)
CSRF_FIELD = "csrf"
MAX_TOKEN_CHARS = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person and how their request proved it."""

    reader: str
    name: str
    role: str
    channel: Channel
    csrf: str
    token: str
    by_cookie: bool


@dataclass(frozen=True, slots=True)
class Token:
    """What a request sent to say who it is from."""

    token: str
    by_cookie: bool


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just opened; `token` is shown once."""

    token: str
    lasts: timedelta


def context_of(connection: HTTPConnection) -> Context:
    """Return the application's context."""
    context: Context = connection.app.state.context
    return context


def hash_of(token: str) -> bytes:
    """Return what the store knows of a token or one-time code."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def cookie_name(context: Context) -> str:
    """Return the session cookie's name: host-locked where browsers come over https."""
    return "__Host-seatgate" if context.secure else "seatgate"


async def submit(context: Context, command: Command) -> Outcome:
    """Have one command done and wait for its committed outcome."""
    outcomes = await asyncio.wrap_future(context.writer.submit([command]))
    return outcomes[0]


def caller_of(request: Request) -> Caller | None:
    """Return who asks; None for nobody or an expired session. A bearer token goes before a cookie."""
    context, sent = context_of(request), token_of(request)
    if not sent.token:
        return None
    session = context.reads.session(hash_of(sent.token), context.clock.now())
    if session is None:
        reader = None if sent.by_cookie else reader_of_app(context, hash_of(sent.token))
        return (
            Caller(reader.id, reader.name, "reader", Channel.APP, "", sent.token, by_cookie=False) if reader else None
        )
    request.scope[READER] = session.reader
    return Caller(
        session.reader, session.name, session.role, Channel(session.channel), session.csrf, sent.token, sent.by_cookie
    )


def token_of(request: Request) -> Token:
    """Return the token that came with a request; empty when none did, or one that is too long to be ours."""
    return token_in(context_of(request), request)


def token_in(context: Context, connection: HTTPConnection) -> Token:
    """Return the same for what is no request of the framework yet."""
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    by_cookie = scheme.lower() != "bearer"
    token = connection.cookies.get(cookie_name(context), "") if by_cookie else bearer.strip()
    return Token(token if len(token) <= MAX_TOKEN_CHARS else "", by_cookie)


def reader_of_app(context: Context, token_hash: bytes) -> ReaderView | None:
    """Return the reader behind a bound app's token. Whatever they may do elsewhere, an app acts as a reader."""
    reader, app = context.reads.app_of(token_hash, context.clock.now())
    return context.reads.reader(reader) if app is not None and app.status is BindingStatus.ACTIVE else None


def signed_in(request: Request) -> Caller:
    """Return who asks; Refused without a session."""
    caller = caller_of(request)
    if caller is None:
        raise refuse(_why_nobody(request))
    return caller


def _why_nobody(request: Request) -> RefusalCode:
    context, sent = context_of(request), token_of(request)
    _, app = context.reads.app_of(hash_of(sent.token), context.clock.now()) if sent.token else ("", None)
    waits = app is not None and app.status is BindingStatus.PENDING
    return RefusalCode.BINDING_PENDING if waits else RefusalCode.SIGN_IN_REQUIRED


def changing(request: Request) -> Caller:
    """Return who asks to change something: a cookie also needs our own Origin."""
    caller = signed_in(request)
    if caller.by_cookie:
        check_origin(request)
    return caller


def staff(request: Request) -> Caller:
    """Return the member of staff who asks."""
    caller = signed_in(request)
    if caller.role != "staff":
        raise refuse(RefusalCode.FORBIDDEN)
    return caller


async def _signed_in(request: Request) -> Caller:
    return signed_in(request)


async def _changing(request: Request) -> Caller:
    return changing(request)


async def _staff(request: Request) -> Caller:
    return staff(request)


SignedIn = Annotated[Caller, Depends(_signed_in)]
Changing = Annotated[Caller, Depends(_changing)]
Staff = Annotated[Caller, Depends(_staff)]
"""The three as parameters of a route; coroutines, because FastAPI would run plain functions in a thread each."""


def check_origin(request: Request) -> None:
    """Refuse a request that a browser did not send from one of our pages."""
    if not from_our_pages(context_of(request), request.headers):
        raise refuse(RefusalCode.CROSS_SITE)


def from_our_pages(context: Context, headers: Headers) -> bool:
    """Tell whether the headers of a change say that it comes from one of our pages."""
    try:
        ours, sent = urlsplit(context.public_url), urlsplit(headers.get("origin", ""))
    except ValueError:  # an address that is none, as "http://["
        return False
    same_host = sent.netloc != "" and sent.netloc == headers.get("host", "")
    same_public = sent.netloc != "" and (sent.scheme, sent.netloc) == (ours.scheme, ours.netloc)
    return (same_host or same_public) and sent.scheme in ("http", "https")


def check_form(request: Request, caller: Caller, token: object) -> None:
    """Refuse a form that did not come from a page that this session was shown."""
    check_origin(request)
    if not isinstance(token, str) or not hmac.compare_digest(token.encode(), caller.csrf.encode()):
        raise refuse(RefusalCode.CROSS_SITE)


async def open_session(
    context: Context, reader: ReaderView, *, channel: Channel = Channel.WEB, lasts: timedelta = SESSION_LASTS
) -> NewSession:
    """Open a new session for `reader`."""
    token, now = secrets.token_urlsafe(32), context.clock.now()
    role = "staff" if reader.role == "staff" else "reader"
    await submit(
        context,
        OpenSession(
            reader=reader.id,
            at=now,
            token_hash=hash_of(token),
            csrf=secrets.token_urlsafe(24),
            expires_at=now + lasts,
            role=role,
            channel=channel,
        ),
    )
    return NewSession(token, lasts)


async def close_session(context: Context, token: str) -> None:
    """Forget a session."""
    await submit(context, CloseSession(token_hash=hash_of(token), at=context.clock.now()))


def set_cookie(context: Context, response: Response, name: str, value: str, lasts: timedelta) -> None:
    """Set one of our cookies: never readable by script, never sent by another site's form."""
    response.set_cookie(
        name,
        value,
        max_age=int(lasts.total_seconds()),
        path="/",
        secure=context.secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(context: Context, response: Response, name: str) -> None:
    """Remove one of our cookies."""
    response.delete_cookie(name, path="/", secure=context.secure, httponly=True, samesite="lax")
