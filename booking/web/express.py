"""The express way of `POST /api/v1/reservations`: the one request that a whole campus sends in the same second.

It answers a plain booking itself, without the framework around the routes: a bearer token of an open session, a body of
the usual form, an outcome that is new. Whatever is unusual goes the ordinary way (`api_reservations.reserve`), which
knows every case and says what is wrong: so no rule stands here twice.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking.domain.refusals import Refusal
from booking.service.commands import Changed, Channel, Outcome, Reserve
from booking.service.request_key import RequestKey
from booking.web.api_reservations import RESERVE
from booking.web.audit import READER, REFUSAL
from booking.web.context import Context
from booking.web.gather import Gathered
from booking.web.language import Words
from booking.web.middleware import MAX_BODY
from booking.web.models import reservation_json
from booking.web.problems import MEDIA_TYPE, problem, status_of
from booking.web.requests import KEY_HEADER, MAX_KEY_CHARS
from booking.web.sessions import MAX_TOKEN_CHARS
from runtime.locales import CHINESE, language_of

METHOD, PATH = "POST", RESERVE.path
MOST_PROBLEMS = 4096
"""Encoded refusals that are kept: in a rush thousands of readers are told the same."""
_HEAD = f"{METHOD} {PATH}\n".encode()
_BEARER = b"bearer "
_KEY, _AUTHORIZATION, _LENGTH, _LANGUAGE, _COOKIE = (
    KEY_HEADER.encode(),
    b"authorization",
    b"content-length",
    b"accept-language",
    b"cookie",
)
_JSON = [(b"content-type", b"application/json")]
_PROBLEM = [(b"content-type", MEDIA_TYPE.encode())]

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    """`wishes.ReserveIn` as most clients write it: what this does not take, that one judges."""

    end: _Moment
    seat: _Name | None = None
    area: _Name | None = None
    start: _Moment | None = None


_WISH = msgspec.json.Decoder(_Wish)


class _Asked(msgspec.Struct, frozen=True):
    """What the headers of a plain request say."""

    token: bytes
    key: str
    language: str


class _Question(NamedTuple):
    """A booking that is asked for, before it is known by whom."""

    token_hash: bytes
    wish: _Wish
    request: RequestKey | None


_Decided = tuple[str, Outcome]
"""Who asked, and what became of it."""


class Express:
    """ASGI in front of `ordinary`. It belongs to one event loop."""

    def __init__(self, ordinary: ASGIApp, context: Context) -> None:
        self._ordinary = ordinary
        self._context = context
        self._open = not context.site.policy.draw.collect  # where a wish may go into a draw, each is unusual
        self._bookings: Gathered[_Question, _Decided | None] = Gathered(self._decide)
        self._problems: dict[tuple[object, ...], bytes] = {}
        self._now = context.clock.now()  # of the last turn: what it decided is told within milliseconds
        self._today = self._now.astimezone(context.site.timezone).date()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain booking, or hand the request on."""
        plain = self._open and scope["type"] == "http" and scope["path"] == PATH and scope["method"] == METHOD
        asked = _asked(scope) if plain else None
        if asked is None:
            await self._ordinary(scope, receive, send)
            return
        body, receive = await _read(receive)
        try:
            wish = _WISH.decode(body)
        except msgspec.MsgspecError:
            await self._ordinary(scope, receive, send)
            return
        request = RequestKey(asked.key, hashlib.sha256(_HEAD + body).digest()) if asked.key else None
        decided = await self._bookings.ask(_Question(hashlib.sha256(asked.token).digest(), wish, request))
        if decided is None:
            await self._ordinary(scope, receive, send)
            return
        scope[READER], outcome = decided
        if isinstance(outcome, Changed) and not outcome.repeated:
            content, extra, status = self._booked(outcome)
        elif isinstance(outcome, Refusal):
            content, extra, status = self._refused(outcome, asked.language), _PROBLEM, status_of(outcome.code)
            scope[REFUSAL] = str(outcome.code)
        else:
            await self._ordinary(scope, receive, send)
            return
        scope["endpoint"] = RESERVE.endpoint
        headers = [*extra, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _decide(self, questions: Sequence[_Question]) -> "Future[list[_Decided | None]]":
        """Have what one turn of the loop asks decided; None, and nothing done, for a token of no open session."""
        now = self._now = self._context.clock.now()
        self._today = now.astimezone(self._context.site.timezone).date()
        sessions = self._context.reads.sessions([question.token_hash for question in questions], now)
        known = [sessions.get(question.token_hash) for question in questions]
        commands = [
            Reserve(
                reader=session.reader,
                at=now,
                seat=question.wish.seat,
                area=question.wish.area,
                start=question.wish.start,
                end=question.wish.end,
                channel=Channel(session.channel),
                request=question.request,
            )
            for question, session in zip(questions, known, strict=True)
            if session is not None
        ]
        answers: Future[list[_Decided | None]] = Future()
        if not commands:
            answers.set_result([None] * len(questions))
            return answers

        def decided(done: "Future[list[Outcome]]") -> None:
            if (error := done.exception()) is not None:
                answers.set_exception(error)
                return
            outcomes = iter(done.result())
            answers.set_result([(session.reader, next(outcomes)) if session else None for session in known])

        self._context.writer.submit(commands).add_done_callback(decided)
        return answers

    def _booked(self, done: Changed) -> tuple[bytes, list[tuple[bytes, bytes]], int]:
        context = self._context
        view = context.reads.view_of(done.reservation, self._now)
        extra = [(b"content-type", b"application/json"), (b"location", f"{PATH}/{view.id}".encode())]
        return reservation_json(view, Words(CHINESE, context.site.timezone, self._now)), extra, 201

    def _refused(self, refusal: Refusal, language: str) -> bytes:
        facts = tuple(refusal.facts.items())
        known = (refusal.code, refusal.policy_key, refusal.next_allowed_at, facts, language, self._today)
        content = self._problems.get(known)
        if content is None:
            if len(self._problems) >= MOST_PROBLEMS:
                self._problems.clear()
            content = msgspec.json.encode(problem(self._context, refusal, language=language))
            self._problems[known] = content
        return content


def _asked(scope: Scope) -> _Asked | None:
    """Return what a plain request asks; None for one with cookies, without a bearer token, or of no sound length."""
    sent: dict[bytes, bytes] = dict(scope["headers"])
    scheme, token = sent.get(_AUTHORIZATION, b"")[:7].lower(), sent.get(_AUTHORIZATION, b"")[7:].strip()
    length = sent.get(_LENGTH, b"")
    if _COOKIE in sent or scheme != _BEARER or not 1 <= len(token) <= MAX_TOKEN_CHARS:
        return None
    if not length.isdigit() or int(length) > MAX_BODY:
        return None
    key = sent.get(_KEY)
    text = "" if key is None else key.decode("latin-1")
    if key is not None and not (1 <= len(text) <= MAX_KEY_CHARS and text.isprintable()):
        return None
    return _Asked(token, text, language_of(sent.get(_LANGUAGE, b"").decode("latin-1")))


async def _read(receive: Receive) -> tuple[bytes, Callable[[], Awaitable[Message]]]:
    """Return the whole body, and what gives it again to whoever reads next; uvicorn keeps it to its announced length."""
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    whole: list[Message] = [{"type": message["type"], "body": body, "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return body, again
