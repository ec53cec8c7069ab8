"""Signing in at the university: the way there, the way back, and its word that a sign-in is over.

The way there begins with a link, because our pages' `form-action 'self'` lets no form lead away.
"""

import logging
import secrets

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.identity import Spent
from booking.service.sso import EndVouched, OpenVouched
from booking.sso.vouching import Kind, Over, Provider, SsoDeniedError, SsoError, Vouched
from booking.web import budgets, sessions
from booking.web.metrics import Metrics
from booking.web.pages import safe_next, see
from booking.web.pages_session import ask_who, close_old, first_page
from booking.web.problems import refuse
from booking.web.sessions import caller_of, context_of, hash_of, submit
from booking.web.university import LASTS, Begun, university_of
from messages.access import mask

_log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)
FOUND = 302
MAX_PARAMETERS = 20


@router.get("/sign-in/{kind}")
async def leave(request: Request, kind: str) -> Response:
    """Send the browser to the university, and remember in it that it began there."""
    provider, onward = _provider(request, kind), safe_next(request.query_params.get("next"))
    if caller_of(request) is not None:
        return see(onward)
    university = university_of(request)
    begun = university.begin(provider.kind, onward)
    try:
        address = await university.ask(lambda: provider.begin(university.attempt(begun)))
    except SsoError as error:
        return _failed(request, provider.kind, onward, error)
    response = RedirectResponse(address, FOUND, {"Cache-Control": "no-store"})
    sessions.set_cookie(context_of(request), response, university.cookie, university.seal(begun), LASTS)
    return response


@router.get("/sign-in/{kind}/back")
async def come_back(request: Request, kind: str) -> Response:
    """Ask the university who came back, and open a session for them."""
    provider, university = _provider(request, kind), university_of(request)
    begun = university.unseal(request.cookies.get(university.cookie, ""), provider.kind)
    if begun is None:
        if caller_of(request) is not None:
            return see("/")  # the page that a sign-in ended on was loaded again
        return _refused(request, provider.kind, "/", Refusal(RefusalCode.SIGN_IN_OVER), "no try of this browser")
    response = await _arrive(request, provider, begun)
    sessions.drop_cookie(context_of(request), response, university.cookie)
    return response


async def _arrive(request: Request, provider: Provider, begun: Begun) -> Response:
    context, university = context_of(request), university_of(request)
    spent = await budgets.spend(context, Spent(budgets.UNIVERSITY_ADDRESS, budgets.address_of(request)))
    if spent is not None:
        return _refused(request, provider.kind, begun.onward, spent, "too many from one address")
    answer = dict(request.query_params)
    try:
        if len(request.query_params.multi_items()) != len(answer) or len(answer) > MAX_PARAMETERS:
            raise SsoDeniedError("an answer that says something twice")
        vouched = await university.ask(lambda: provider.vouch(university.attempt(begun), answer))
    except SsoError as error:
        return _failed(request, provider.kind, begun.onward, error)
    return await _open(request, vouched, begun.onward)


async def _open(request: Request, vouched: Vouched, onward: str) -> Response:
    context = context_of(request)
    token, now = secrets.token_urlsafe(32), context.clock.now()
    done = await submit(
        context,
        OpenVouched(
            at=now,
            kind=vouched.kind,
            reader=vouched.reader,
            name=vouched.name,
            is_staff=vouched.is_staff,
            admit_unknown=context.sign_in.admit_unknown,
            token_hash=hash_of(token),
            csrf=secrets.token_urlsafe(24),
            expires_at=now + sessions.SESSION_LASTS,
            handle_hash=hash_of(vouched.handle) if vouched.handle else None,
            subject_hash=hash_of(vouched.subject) if vouched.subject else None,
            id_token=vouched.id_token,
        ),
    )
    if isinstance(done, Refusal):
        return _refused(request, vouched.kind, onward, done, f"reader {mask(vouched.reader)}")
    opened = context.reads.session(hash_of(token), now)
    if opened is None:
        raise TypeError("a session that was just opened is not there")
    await close_old(request)
    _log.info("sign-in by %s: reader %s", vouched.kind, mask(opened.reader))
    _count(request, vouched.kind, "ok")
    response = see(first_page(request, onward, opened.reader, opened.role))
    sessions.set_cookie(context, response, sessions.cookie_name(context), token, sessions.SESSION_LASTS)
    return response


@router.post("/sign-in/cas/back")
async def cas_over(request: Request) -> Response:
    """Take a single-logout message of the CAS server: it names the ticket, which nobody else knows."""
    await _end(request, Kind.CAS)
    return Response(status_code=200)  # whether the ticket was known is nobody's business


@router.post("/sign-in/oidc/over")
async def oidc_over(request: Request) -> Response:
    """Take a logout token of the OpenID provider (Back-Channel Logout 1.0)."""
    return Response(status_code=200 if await _end(request, Kind.OIDC) else 400)


async def _end(request: Request, kind: Kind) -> bool:
    provider, context = _provider(request, kind), context_of(request)
    sent = await request.form(max_files=0, max_fields=MAX_PARAMETERS)
    form = {name: value for name, value in sent.items() if isinstance(value, str)}
    try:
        over: Over | None = await university_of(request).ask(lambda: provider.over(form))
    except SsoError as error:
        _log.warning("a sign-out message of %s could not be checked: %s", kind, error)
        return False
    if over is None:
        return False
    handle, subject = _hash_of(over.handle), _hash_of(over.subject)
    if context.reads.has_vouched(kind, handle, subject):  # else a stranger's messages would keep the writer busy
        command = EndVouched(at=context.clock.now(), kind=kind, handle_hash=handle, subject_hash=subject)
        await submit(context, command)
        _log.info("sign-out by %s: sessions ended", kind)
    return True


def _hash_of(name: str) -> bytes | None:
    return hash_of(name) if name else None


def _provider(request: Request, kind: str) -> Provider:
    provider = context_of(request).sign_in.provider(kind)
    if provider is None:
        raise refuse(RefusalCode.NOT_FOUND)
    return provider


def _failed(request: Request, kind: Kind, onward: str, error: SsoError) -> Response:
    denied = isinstance(error, SsoDeniedError)
    code = RefusalCode.UNIVERSITY_DENIED if denied else RefusalCode.UNIVERSITY_DOWN
    return _refused(request, kind, onward, Refusal(code), str(error))


def _refused(request: Request, kind: Kind, onward: str, refusal: Refusal, why: str) -> Response:
    _log.warning("sign-in by %s failed: %s (%s)", kind, refusal.code, why)
    _count(request, kind, str(refusal.code))
    return ask_who(request, onward, refusal, failed=kind)


def _count(request: Request, kind: Kind, outcome: str) -> None:
    metrics: Metrics = request.app.state.metrics
    metrics.sign_in(kind, outcome)
