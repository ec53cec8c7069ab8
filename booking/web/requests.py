"""What routes share in reading a request and answering it: the idempotency key, the words, the reader's view."""

import hashlib
from datetime import date, datetime

from starlette.requests import Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Changed, Outcome
from booking.service.request_key import RequestKey
from booking.service.views import ReservationView
from booking.web.context import Context
from booking.web.language import Words, api_language, page_language
from booking.web.problems import Refused, refuse

KEY_HEADER = "idempotency-key"
MAX_KEY_CHARS = 128
REPLAYED = "Idempotency-Replayed"


def page_words(request: Request) -> Words:
    """Return the words of a page."""
    context: Context = request.app.state.context
    return Words(page_language(request), context.site.timezone, context.clock.now())


def api_words(request: Request) -> Words:
    """Return the words of an API answer."""
    context: Context = request.app.state.context
    return Words(api_language(request), context.site.timezone, context.clock.now())


def request_key(request: Request, body: bytes) -> RequestKey | None:
    """Return the `Idempotency-Key` with the digest of method, path and body; None when the client sent none."""
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isprintable():
        raise Refused(
            Refusal(RefusalCode.INVALID_REQUEST),
            errors=[{"field": KEY_HEADER, "problem": f"must have 1-{MAX_KEY_CHARS} printable characters"}],
        )
    return form_key(request, key, body)


def form_key(request: Request, key: str, body: bytes) -> RequestKey:
    """Return the request key of a form's own hidden number."""
    head = f"{request.method} {request.scope['path']}\n".encode()
    return RequestKey(key, hashlib.sha256(head + body).digest())


def changed(outcome: Outcome) -> Changed:
    """Return the change, or raise the refusal that came instead."""
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    if not isinstance(outcome, Changed):
        raise TypeError(f"a reservation was expected, not {type(outcome).__name__}")
    return outcome


def own_reservation(context: Context, reader: str, reservation: str) -> ReservationView:
    """Return the reader's own reservation; anyone else's is as unknown as none."""
    view = context.reads.reservation(reader, reservation, context.clock.now())
    if view is None:
        raise refuse(RefusalCode.UNKNOWN_RESERVATION)
    return view


def view_of(context: Context, done: Changed) -> ReservationView:
    """Return the reader's view of what was just committed; of a repeated request, the reservation as it is by now."""
    if done.repeated:
        return own_reservation(context, done.reservation.reader, done.reservation.id)
    return context.reads.view_of(done.reservation, context.clock.now())


def day_in(context: Context, text: str | None) -> date:
    """Return the asked day, today without one; Refused for what is no date."""
    if not text:
        return context.clock.now().astimezone(context.site.timezone).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(
            Refusal(RefusalCode.INVALID_REQUEST),
            status=422,
            errors=[{"field": "date", "problem": "write it as 2023-07-17"}],
        ) from None


def moment_in(name: str, text: str | None) -> datetime | None:
    """Return an asked moment with its zone; Refused for what is none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(
            Refusal(RefusalCode.INVALID_REQUEST),
            status=422,
            errors=[{"field": name, "problem": "write it with its offset: 2023-07-17T16:00:00+08:00"}],
        )
    return moment
