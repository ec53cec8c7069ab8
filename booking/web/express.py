"""The express way of `POST /api/v1/reservations`: the one request that a whole campus sends in the same second.

It answers a plain booking itself, before the framework and without a task for it: an open session or a bound app, a body of the
usual form, an outcome that is new. Whatever is unusual goes the ordinary way (`api_reservations.reserve`), which knows every
case and says what is wrong: so no rule stands here twice. What was decided already, it only tells.
"""

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from starlette.requests import HTTPConnection
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Changed, Channel, Outcome, Reserve
from booking.service.request_key import RequestKey
from booking.service.views import SessionView
from booking.web.api_reservations import DECIDED, RESERVE
from booking.web.audit import NOTED
from booking.web.context import Context
from booking.web.gather import Gathered
from booking.web.language import Words, api_language
from booking.web.metrics import Metrics
from booking.web.middleware import MAX_BODY
from booking.web.models import reservation_json
from booking.web.problems import MEDIA_TYPE, problem, status_of
from booking.web.protocol import Otherwise
from booking.web.requests import KEY_HEADER, MAX_KEY_CHARS
from booking.web.sessions import MAX_TOKEN_CHARS, from_our_pages, hash_of, reader_of_app, token_in
from booking.web.wishes import can_be_told
from runtime.locales import CHINESE, language_of

METHOD, PATH = "POST", RESERVE.path
MOST_PROBLEMS = 4096
"""Encoded refusals that are kept: in a rush thousands of readers are told the same."""
_HEAD = f"{METHOD} {PATH}\n".encode()
_BEARER = b"bearer "
_KEY, _AUTHORIZATION, _LENGTH, _LANGUAGE, _COOKIE, _EXPECT = (
    KEY_HEADER.encode(),
    b"authorization",
    b"content-length",
    b"accept-language",
    b"cookie",
    b"expect",
)
_TOLD_ORDINARILY = NOTED | {str(RefusalCode.TOO_MANY_TRIES), str(RefusalCode.SIGN_IN_REQUIRED)}
"""Refusals with a line in the log that names the client, or with headers of their own."""

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    """`wishes.ReserveIn` as most clients write it: what this does not take, that one judges."""

    end: _Moment
    seat: _Name | None = None
    area: _Name | None = None
    start: _Moment | None = None


_WISH = msgspec.json.Decoder(_Wish)


def _wish_in(body: bytes) -> _Wish | None:
    """Return the wish of a body of the usual form, at times that a calendar can reckon with."""
    try:
        wish = _WISH.decode(body)
    except msgspec.MsgspecError:
        return None
    return wish if can_be_told(wish.end) and (wish.start is None or can_be_told(wish.start)) else None


@dataclass(slots=True)
class _Asked:
    """A booking that is asked for, before it is known by whom; and where its answer goes."""

    cycle: RequestResponseCycle
    otherwise: Otherwise
    token_hash: bytes
    by_cookie: bool
    wish: _Wish
    request: RequestKey | None
    language: str
    began: float


class Express:
    """booking.web.protocol.FastLane. It belongs to one event loop."""

    def __init__(self, context: Context, metrics: Metrics, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._context = context
        self._metrics = metrics
        self._open = not context.site.policy.draw.collect  # where a wish may go into a draw, each is unusual
        self._bookings: Gathered[_Asked, Outcome | None] = Gathered(self._decide, self._tell)
        self._headers = b"".join(_line(name, value) for name, value in headers)
        self._problems: dict[tuple[object, ...], bytes] = {}
        self._now = context.clock.now()  # of the last turn: what it decided is told within milliseconds
        self._today = self._now.astimezone(context.site.timezone).date()

    def wants(self, cycle: RequestResponseCycle) -> bool:
        """Tell by its head whether a request may be a plain booking."""
        scope: Any = cycle.scope
        if scope["path"] != PATH or scope["method"] != METHOD or not self._open or cycle.waiting_for_100_continue:
            return False
        length = next((value for name, value in scope["headers"] if name == _LENGTH), b"")
        return length.isdigit() and int(length) <= MAX_BODY

    def take(self, cycle: RequestResponseCycle, otherwise: Otherwise) -> bool:
        """Answer a plain booking later; False for what is none."""
        scope: Any = cycle.scope
        sent: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # of several of a name the first counts, as ever
        language, by_cookie = _language(sent.get(_LANGUAGE, b"")), False
        authorization = sent.get(_AUTHORIZATION, b"")
        token = authorization[7:].strip() if authorization[:7].lower() == _BEARER else b""
        if _COOKIE in sent:
            connection = HTTPConnection(scope)
            language = api_language(connection)
            said = token_in(self._context, connection)
            by_cookie = said.by_cookie
            if by_cookie and not from_our_pages(self._context, connection.headers):
                return False
            token_hash = hash_of(said.token) if said.token else b""
        else:
            token_hash = hashlib.sha256(token).digest() if 1 <= len(token) <= MAX_TOKEN_CHARS else b""
        key = sent.get(_KEY)
        text = "" if key is None else key.decode("latin-1")
        if not token_hash or (key is not None and not (1 <= len(text) <= MAX_KEY_CHARS and text.isprintable())):
            return False
        body = bytes(cycle.body)
        wish = _wish_in(body)
        if wish is None:
            return False
        request = RequestKey(text, hashlib.sha256(_HEAD + body).digest()) if text else None
        began = time.perf_counter()
        self._bookings.ask(_Asked(cycle, otherwise, token_hash, by_cookie, wish, request, language, began))
        return True

    def _decide(self, asked: Sequence[_Asked]) -> "Future[list[Outcome | None]]":
        """Have what one turn of the loop asks decided; None, and nothing done, for a token of nobody's."""
        now = self._now = self._context.clock.now()
        self._today = now.astimezone(self._context.site.timezone).date()
        sessions = self._context.reads.sessions([one.token_hash for one in asked], now)
        known = [self._who(one, sessions.get(one.token_hash)) for one in asked]
        commands = [
            Reserve(
                reader=who[0],
                at=now,
                seat=one.wish.seat,
                area=one.wish.area,
                start=one.wish.start,
                end=one.wish.end,
                channel=who[1],
                request=one.request,
            )
            for one, who in zip(asked, known, strict=True)
            if who is not None
        ]
        answers: Future[list[Outcome | None]] = Future()
        if not commands:
            answers.set_result([None] * len(asked))
            return answers

        def decided(done: "Future[list[Outcome]]") -> None:
            if (error := done.exception()) is not None:
                answers.set_exception(error)
                return
            outcomes = iter(done.result())
            answers.set_result([next(outcomes) if who else None for who in known])

        self._context.writer.submit(commands).add_done_callback(decided)
        return answers

    def _who(self, asked: _Asked, session: SessionView | None) -> tuple[str, Channel] | None:
        """Return who asks through what: by an open session, or by an app that is bound; a cookie is never an app's."""
        if session is not None:
            return session.reader, Channel(session.channel)
        reader = None if asked.by_cookie else reader_of_app(self._context, asked.token_hash)
        return (reader.id, Channel.APP) if reader is not None else None

    def _tell(self, asked: Sequence[_Asked], done: "Future[list[Outcome | None]]") -> None:
        """Answer each; what cannot be told here is told the ordinary way, which also knows how to tell of a fault."""
        if (error := done.exception()) is not None:
            for one in asked:
                _hand_on(one, error=error)
            return
        for one, outcome in zip(asked, done.result(), strict=True):
            try:
                self._answer(one, outcome)
            except Exception as fault:  # noqa: BLE001 - it is this one's alone: the next is answered all the same
                _hand_on(one, error=fault)

    def _answer(self, asked: _Asked, outcome: Outcome | None) -> None:
        if isinstance(outcome, Refusal) and outcome.code not in _TOLD_ORDINARILY:
            content = self._refused(outcome, asked.language)
            self._send(asked, status_of(outcome.code), _PROBLEM, content, str(outcome.code))
        elif isinstance(outcome, Changed) and not outcome.repeated:
            view = self._context.reads.view_of(outcome.reservation, self._now)
            content = reservation_json(view, Words(CHINESE, self._context.site.timezone, self._now))
            self._send(asked, 201, _JSON + _line(b"location", f"{PATH}/{view.id}".encode()), content)
        else:
            _hand_on(asked, outcome)

    def _send(self, asked: _Asked, status: int, lines: bytes, content: bytes, refusal: str | None = None) -> None:
        """Write an answer as uvicorn would, with the headers of every answer, and count it."""
        cycle = asked.cycle
        if not cycle.disconnected:
            closing = b"" if cycle.keep_alive else b"connection: close\r\n"
            default = b"".join([_line(name, value) for name, value in cycle.default_headers])
            length = b"content-length: %d\r\n" % len(content)
            cycle.transport.write(
                b"".join([STATUS_LINE[status], default, lines, length, self._headers, closing, b"\r\n", content])
            )
            cycle.response_started = cycle.response_complete = True
            if not cycle.keep_alive:
                cycle.transport.close()
            cycle.on_response()
            cycle.on_response = _nothing  # as uvicorn does: the connection keeps it, and it would keep the connection
        self._metrics.request(METHOD, PATH, status, time.perf_counter() - asked.began, refusal)

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


def _nothing() -> None:
    """Do nothing."""


def _line(name: bytes, value: bytes) -> bytes:
    return b"%s: %s\r\n" % (name, value)


_JSON = _line(b"content-type", b"application/json")
_PROBLEM = _line(b"content-type", MEDIA_TYPE.encode())


@lru_cache(maxsize=1024)
def _language(tags: bytes) -> str:
    return language_of(tags.decode("latin-1"))


def _hand_on(asked: _Asked, outcome: Outcome | None = None, *, error: BaseException | None = None) -> None:
    """Let a request be answered the ordinary way: what was decided is not decided again. Who left is told nothing."""
    if asked.cycle.disconnected:
        return
    if outcome is not None or error is not None:
        decided: Future[Outcome] = Future()
        if outcome is not None:
            decided.set_result(outcome)
        else:
            decided.set_exception(error)
        scope: Any = asked.cycle.scope
        scope[DECIDED] = decided
    asked.otherwise(asked.cycle)
