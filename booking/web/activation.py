"""Activation codes as readers and apps see them: made on the web, spent by an app, confirmed where they were made.

Six digits are few: they count only with the student number, five tries, ten minutes, within budgets. The link form has
40 bits of its own. The store gets keyed hashes, because a plain hash of six digits hides nothing.
"""

import asyncio
import contextlib
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Channel
from booking.service.identity import AnswerBinding, AskBinding, BindingAsked, BindingView, OfferActivation, Spent
from booking.web import budgets
from booking.web.context import Context
from booking.web.problems import Refused, refuse
from booking.web.sessions import Caller, context_of, hash_of, submit
from messages import base32

DIGITS = 6
LINK_CHARS = 8
"""40 bits."""
TOKEN_BYTES = 32
LOOK_AGAIN_SECONDS = 1.0
_KEY_LABEL = b"activation-v1"
_SPACES = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class Activation:
    """A fresh code, shown once: six digits, the same right as a link, and its end."""

    code: str
    link: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewBinding:
    """An app that knew a code; `token` is shown once and counts as soon as the reader has confirmed."""

    id: str
    token: str
    confirm_until: datetime


class Bells:
    """Requests that wait for something to happen to a reader's apps; `ring` wakes them. One event loop only."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}

    async def wait(self, reader: str, seconds: float, look: Callable[[], object]) -> None:
        """Return at the next ring for `reader`, when `look` sees something else than now, or when the time is over.

        Another process rings its own bells: what happened there is seen within a second.
        """
        seen = look()
        bell = self._waiting.setdefault(reader, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                while not bell.is_set() and look() == seen:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(bell.wait(), LOOK_AGAIN_SECONDS)
        except TimeoutError:
            return

    def ring(self, reader: str) -> None:
        """Wake everybody who waits for `reader`."""
        bell = self._waiting.pop(reader, None)
        if bell is not None:
            bell.set()


async def make(request: Request, caller: Caller) -> Activation:
    """Make a code for who is signed in on the web; an earlier one of theirs no longer works."""
    context = context_of(request)
    if caller.channel is not Channel.WEB:
        raise refuse(RefusalCode.FORBIDDEN)
    now, lasts = context.clock.now(), context.site.policy.identity.activation_code_lasts
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    link = base32.encode(secrets.randbits(LINK_CHARS * base32.BITS_PER_CHAR), LINK_CHARS)
    outcome = await submit(
        context,
        OfferActivation(
            reader=caller.reader,
            at=now,
            code_hash=_keyed(context, "code", caller.reader, code),
            link_hash=_keyed(context, "link", link),
            session_hash=hash_of(caller.token),
            expires_at=now + lasts,
            spent=(Spent(budgets.ACTIVATION_MADE, caller.reader),),
        ),
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return Activation(code, f"{context.public_url}/a/{link}", now + lasts)


async def ask(request: Request, *, reader: str | None, code: str | None, link: str | None, app: str) -> NewBinding:
    """Spend a code for an app. Refused alike for a wrong, used or expired code and for a reader who has none."""
    context = context_of(request)
    now, policy = context.clock.now(), context.site.policy.identity
    folded = reader.strip().upper() if reader else None
    token, confirm_until = secrets.token_urlsafe(TOKEN_BYTES), now + policy.binding_confirm_for
    outcome = await submit(
        context,
        AskBinding(
            reader=folded,
            at=now,
            code_hash=_keyed(context, "code", folded or "", _SPACES.sub("", code)) if code else None,
            link_hash=_keyed(context, "link", _link_chars(link)) if link else None,
            app=app,
            token_hash=hash_of(token),
            confirm_until=confirm_until,
            tries=policy.activation_code_tries,
            spent=(Spent(budgets.ACTIVATION_ADDRESS, budgets.address_of(request)), Spent(budgets.ACTIVATION_ALL, "")),
        ),
    )
    if isinstance(outcome, BindingAsked):
        ring(request, outcome.reader)
        return NewBinding(outcome.id, token, confirm_until)
    raise Refused(outcome if isinstance(outcome, Refusal) else Refusal(RefusalCode.FAULT))


async def answer(request: Request, caller: Caller, binding: str, *, confirm: bool) -> None:
    """Say yes or no to an app, from the web session that made its code."""
    context = context_of(request)
    outcome = await submit(
        context,
        AnswerBinding(
            reader=caller.reader,
            at=context.clock.now(),
            binding=binding,
            session_hash=hash_of(caller.token),
            confirm=confirm,
        ),
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    ring(request, caller.reader)


def asking(context: Context, caller: Caller) -> list[BindingView]:
    """Return the reader's apps, those that wait for this session's answer marked as its own."""
    return context.reads.bindings(caller.reader, context.clock.now(), hash_of(caller.token))


def bells_of(request: Request) -> Bells:
    """Return the application's bells."""
    bells: Bells = request.app.state.bells
    return bells


def ring(request: Request, reader: str) -> None:
    """Wake the pages and apps that wait for something about this reader's apps."""
    bells_of(request).ring(reader)


def _link_chars(link: str) -> str:
    """Return the last part of a link, or what was typed of it, in one case."""
    return _SPACES.sub("", link.rstrip("/").rpartition("/")[2]).upper()


def _keyed(context: Context, *parts: str) -> bytes:
    key = hmac.digest(context.master, _KEY_LABEL, hashlib.sha256)
    return hmac.digest(key, "\0".join(parts).encode("utf-8", "surrogateescape"), hashlib.sha256)
