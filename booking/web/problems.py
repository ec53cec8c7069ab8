"""Refusals and faults as HTTP answers: RFC 9457 problems for the API, a page for browsers. Translated here, once."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from booking.domain.refusals import Refusal, RefusalCode
from booking.errors import BookingError
from booking.web import refusal_words
from booking.web.context import Context
from booking.web.language import Words, api_language
from runtime.locales import CHINESE, ENGLISH

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
RETRY_AFTER_SECONDS = 5
"""What could not be stored may be asked again after this."""

_STATUS = {
    RefusalCode.UNKNOWN_SEAT: 404,
    RefusalCode.UNKNOWN_AREA: 404,
    RefusalCode.UNKNOWN_RESERVATION: 404,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.OUTSIDE_OPENING_HOURS: 422,
    RefusalCode.CLOSED: 422,
    RefusalCode.NOT_ELIGIBLE: 403,
    RefusalCode.TOO_FAR_AHEAD: 422,
    RefusalCode.IN_THE_PAST: 422,
    RefusalCode.OFF_GRID: 422,
    RefusalCode.TOO_SHORT: 422,
    RefusalCode.TOO_LONG: 422,
    RefusalCode.KEY_REUSED: 422,
    RefusalCode.CODE_MALFORMED: 400,
    RefusalCode.CODE_FORGED: 403,
    RefusalCode.CODE_STALE: 410,
    RefusalCode.GRANT_EXPIRED: 410,
    RefusalCode.READER_CODE_INVALID: 403,
    RefusalCode.ACTIVATION_CODE_INVALID: 403,
    RefusalCode.PIN_WRONG: 403,
    RefusalCode.PIN_LOCKED: 403,
    RefusalCode.PIN_WEAK: 422,
    RefusalCode.PIN_DIFFERS: 422,
    RefusalCode.UNKNOWN_READER: 404,
    RefusalCode.BINDING_PENDING: 403,
    RefusalCode.BINDING_ELSEWHERE: 403,
    RefusalCode.BINDING_OVER: 410,
    RefusalCode.SIGN_IN_REQUIRED: 401,
    RefusalCode.SIGN_IN_FAILED: 401,
    RefusalCode.SIGN_IN_ELSEWHERE: 403,
    RefusalCode.UNIVERSITY_DOWN: 503,
    RefusalCode.UNIVERSITY_DENIED: 403,
    RefusalCode.UNIVERSITY_ONLY: 403,
    RefusalCode.SIGN_IN_OVER: 403,
    RefusalCode.TOO_MANY_TRIES: 429,
    RefusalCode.FORBIDDEN: 403,
    RefusalCode.CROSS_SITE: 403,
    RefusalCode.INVALID_REQUEST: 400,
    RefusalCode.UNAVAILABLE: 503,
    RefusalCode.FAULT: 500,
}
CONFLICT = 409


RefusalPage = Callable[[Request, "Refused", Mapping[str, str]], Response]
"""Makes the page that says no; booking.web.app gives it, because pages answer through this module too."""


class Refused(Exception):  # noqa: N818 - an expected "no" on its way to the edge of the program
    """Ends a request with a refusal; raised in routes and their dependencies only."""

    def __init__(
        self, refusal: Refusal, *, status: int | None = None, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.status = status or status_of(refusal.code)
        self.errors = errors or []


def refuse(code: RefusalCode, *, status: int | None = None) -> Refused:
    """Return the exception for a plain refusal."""
    return Refused(Refusal(code), status=status)


def status_of(code: RefusalCode) -> int:
    """Return the HTTP status of a refusal; what another state of things could allow is a conflict."""
    return _STATUS.get(code, CONFLICT)


def problem(
    context: Context,
    refusal: Refusal,
    *,
    language: str,
    errors: list[dict[str, str]] | None = None,
    status: int | None = None,
) -> dict[str, Any]:
    """Return the members of a problem. `detail` is in the asked language, `sentences` has both."""
    now = context.clock.now()
    both = {name: Words(tag, context.site.timezone, now) for name, tag in (("zh", CHINESE), ("en", ENGLISH))}
    said = {name: refusal_words.reason(refusal, words, context.site.policy) for name, words in both.items()}
    body: dict[str, Any] = {
        "type": f"/docs#{refusal.code}",
        "title": refusal_words.title(refusal, both["en"]),
        "status": status or status_of(refusal.code),
        "detail": said["zh" if language == CHINESE else "en"],
        "code": str(refusal.code),
        "policy_key": refusal.policy_key,
        "next_allowed_at": None,
        "sentences": said,
    }
    if refusal.next_allowed_at is not None:
        body["next_allowed_at"] = refusal.next_allowed_at.astimezone(context.site.timezone).isoformat()
    if errors:
        body["errors"] = errors[:MAX_ERRORS]
    return body


def answer(request: Request, refused: Refused) -> Response:
    """Answer a refusal: a problem to API clients, a page to a browser."""
    context: Context = request.app.state.context
    request.scope["seatgate.refusal"] = str(refused.refusal.code)
    headers = _headers(context, refused.refusal)
    if not wants_page(request):
        body = problem(
            context, refused.refusal, language=api_language(request), errors=refused.errors, status=refused.status
        )
        if refused.refusal.code is RefusalCode.SIGN_IN_ELSEWHERE:
            body["sign_ins"] = _sign_ins(context)
        return JSONResponse(body, refused.status, headers=headers, media_type=MEDIA_TYPE)
    page: RefusalPage = request.app.state.refusal_page
    return page(request, refused, headers)


def _sign_ins(context: Context) -> list[dict[str, Any]]:
    return [
        {
            "kind": str(provider.kind),
            "url": f"{context.public_url.rstrip('/')}/sign-in/{provider.kind}",
            "label": {"zh": provider.label.zh, "en": provider.label.en},
        }
        for provider in context.sign_in.providers
    ]


def wants_page(request: Request) -> bool:
    """Tell whether a person in a browser asks: everything outside the API that accepts HTML."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def _headers(context: Context, refusal: Refusal) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if refusal.code is RefusalCode.TOO_MANY_TRIES and refusal.next_allowed_at is not None:
        wait = (refusal.next_allowed_at - context.clock.now()).total_seconds()
        headers["Retry-After"] = str(max(1, int(wait)))
    if refusal.code is RefusalCode.SIGN_IN_REQUIRED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


async def on_refused(request: Request, error: Exception) -> Response:
    """Answer a `Refused`."""
    if not isinstance(error, Refused):
        raise error
    return answer(request, error)


async def on_http(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: an unknown address, a wrong method, a body too large."""
    if not isinstance(error, HTTPException):
        raise error
    codes = {404: RefusalCode.NOT_FOUND, 403: RefusalCode.FORBIDDEN, 503: RefusalCode.UNAVAILABLE}
    response = answer(
        request, refuse(codes.get(error.status_code, RefusalCode.INVALID_REQUEST), status=error.status_code)
    )
    response.headers.update(error.headers or {})
    return response


async def on_invalid(request: Request, error: Exception) -> Response:
    """Answer a body, query or path of a wrong form, naming each wrong field."""
    if not isinstance(error, RequestValidationError | ValidationError):
        raise error
    return answer(request, invalid(error))


def invalid(error: RequestValidationError | ValidationError) -> Refused:
    """Return the refusal for a wrong form. What was sent is not repeated: it may be a password."""
    unparsed = any(one["type"] in ("json_invalid", "missing_body") for one in error.errors())
    errors = [
        {"field": ".".join(str(part) for part in one["loc"]), "problem": str(one["msg"])} for one in error.errors()
    ]
    return Refused(Refusal(RefusalCode.INVALID_REQUEST), status=400 if unparsed else 422, errors=errors)


def on_fault(scope: Scope, error: Exception) -> Response:
    """Answer what nobody expected, and what could not be stored; the reason is in the log, never in the answer."""
    request = Request(scope)
    if isinstance(error, BookingError):
        _log.error("not stored path=%s error=%s", request.url.path, error)
        response = answer(request, refuse(RefusalCode.UNAVAILABLE))
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    _log.error("fault path=%s error=%s", request.url.path, type(error).__name__, exc_info=error)
    return answer(request, refuse(RefusalCode.FAULT))
