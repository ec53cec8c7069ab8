"""Pages behind a kiosk's code: `/c/{code}` swaps it for a grant, `/check-in` asks, and the POST signs in or out."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from booking.domain.refusals import Refusal
from booking.domain.reservation import Action, Status
from booking.service.commands import CheckInByCode, CheckOutByCode
from booking.service.views import ReservationView
from booking.web import grants
from booking.web.api_checkin import nearness_of, spend
from booking.web.context import Context
from booking.web.grants import Grant
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.problems import Refused, invalid
from booking.web.requests import form_key
from booking.web.sessions import context_of, drop_cookie, set_cookie
from booking.web.wishes import PositionIn

router = APIRouter(include_in_schema=False)
RECENT = 5
MAX_NUMBER_CHARS = 40
PRIVATE = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


@router.get("/c/{code}")
async def scanned(request: Request, code: str) -> Response:
    """Verify a scanned code, write nothing, leave a grant in this browser and go on without the code in the address."""
    context = context_of(request)
    grant = grants.grant_for(context, code)
    if isinstance(grant, Refusal):
        raise Refused(grant)
    response = see("/check-in")
    response.headers.update(PRIVATE)
    lasts = context.site.policy.check_in.grant_lasts
    set_cookie(context, response, grants.cookie_name(context), grants.seal(context, grant), lasts)
    return response


def _grant(request: Request) -> Grant | Refusal:
    context = context_of(request)
    return grants.unseal(context, request.cookies.get(grants.cookie_name(context), ""))


@router.get("/check-in")
async def ask(request: Request) -> Response:
    """Ask one thing: check in to this seat? Without a scan, say how to."""
    caller, context = page_caller(request), context_of(request)
    sealed = request.cookies.get(grants.cookie_name(context), "")
    if not sealed:
        current = context.reads.current(caller.reader, context.clock.now())
        return render(request, "how_to_scan.html", caller=caller, tab="records", view=current)
    grant = _grant(request)
    if isinstance(grant, Refusal):
        raise Refused(grant)
    current = _meant(context, caller.reader, grant.seen_at)
    kiosk = context.kiosk_by_number(grant.kiosk)
    venue = context.site.venue(kiosk.venue) if kiosk else None
    return render(
        request, "check_in.html", caller=caller, tab="records", view=current,
        possible=_possible(current, grant.seen_at), kiosk=kiosk, fence=venue.geofence if venue else None,
        leaving=context.site.policy.sign_out.required and current is not None and current.sign_out_until is not None,
    )  # fmt: skip


def _meant(context: Context, reader: str, seen_at: datetime) -> ReservationView | None:
    """Return the reservation that a scan at `seen_at` is for: as things stood then, even if it is missed by now."""
    current = context.reads.current(reader, seen_at)
    if current is not None:
        return current
    recent = context.reads.reservations(reader, context.clock.now(), limit=RECENT).items
    missed = (view for view in recent if view.status is Status.NO_SHOW)
    return next((view for view in missed if view.check_in_from <= seen_at < view.check_in_until), None)


def _possible(view: ReservationView | None, seen_at: datetime) -> bool:
    """Tell whether a scan can do something. Only what is offered hangs on this: the rules decide on the POST."""
    if view is None:
        return False
    in_window = view.check_in_from <= seen_at < view.check_in_until
    waits = view.status in (Status.RESERVED, Status.NO_SHOW)
    return view.status is Status.AWAY or Action.CHECK_IN in view.actions or (waits and in_window)


@router.post("/check-in")
async def check_in(request: Request) -> Response:
    """Check in, or come back, by the scan that this browser made."""
    return await _by_scan(request, CheckInByCode, "checked-in")


@router.post("/check-out")
async def check_out(request: Request) -> Response:
    """Sign out by the scan that this browser made."""
    return await _by_scan(request, CheckOutByCode, "signed-out")


async def _by_scan(request: Request, command: type[CheckInByCode | CheckOutByCode], what: str) -> Response:
    caller, form = await form_caller(request)
    context, grant = context_of(request), _grant(request)
    if isinstance(grant, Refusal):
        raise Refused(grant)
    key = form_key(request, form["request"][:64], str(grant.step).encode()) if form.get("request") else None
    done = await spend(context, caller, grant, key, command=command, near=nearness_of(context, grant, _position(form)))
    response = see(f"/reservations/{done.reservation.id}/done/{what}")
    drop_cookie(context, response, grants.cookie_name(context))
    return response


def _position(form: dict[str, str]) -> PositionIn | None:
    """Return the position that the page's script filled in; None without one, Refused for what is none."""
    given = {name: form[name][:MAX_NUMBER_CHARS] for name in PositionIn.model_fields if form.get(name)}
    if not given:
        return None
    try:
        return PositionIn.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from error
