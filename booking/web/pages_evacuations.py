"""The page on which staff evacuate a venue and say when it is over."""

from datetime import datetime

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.gate_commands import BeginEvacuation, EndEvacuation
from booking.web.api_floor import only_staff
from booking.web.language import N_
from booking.web.pages import form_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import Refused
from booking.web.sessions import Caller, context_of, submit

router = APIRouter(include_in_schema=False)
UNPROCESSABLE = 422
NOT_TODAY = N_("It must have begun today, and not later than now.")


@router.get("/staff/evacuations")
async def evacuations(request: Request) -> Response:
    """Show what goes on in each venue, a way to begin and end, and the record."""
    return _page(request, staff_caller(request), "")


@router.post("/staff/evacuations")
async def begin(request: Request) -> Response:
    """Evacuate a venue, from now or from a time earlier today."""
    caller, form = await form_caller(request)
    only_staff(caller)
    context = context_of(request)
    now, since = context.clock.now(), None
    if form.get("since"):
        try:
            since = datetime.combine(
                now.astimezone(context.site.timezone).date(),
                datetime.strptime(form["since"], "%H:%M").time(),  # noqa: DTZ007 - a time of day; its zone is the site's
                context.site.timezone,
            )
        except ValueError:
            return _page(request, caller, NOT_TODAY)
    outcome = await submit(
        context, BeginEvacuation(staff=caller.reader, at=now, venue=form.get("venue", ""), since=since)
    )
    if isinstance(outcome, Refusal):
        if outcome.code is RefusalCode.INVALID_REQUEST:
            return _page(request, caller, NOT_TODAY)
        raise Refused(outcome)
    return see("/staff/evacuations")


@router.post("/staff/evacuations/{evacuation}/end")
async def end(request: Request, evacuation: str) -> Response:
    """Say that it is over."""
    caller, _ = await form_caller(request)
    only_staff(caller)
    context = context_of(request)
    command = EndEvacuation(staff=caller.reader, at=context.clock.now(), evacuation=evacuation)
    outcome = await submit(context, command)
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see("/staff/evacuations")


def _page(request: Request, caller: Caller, wrong: str) -> Response:
    context = context_of(request)
    found = context.reads.evacuations()
    return render(
        request, "staff_evacuations.html", caller=caller, tab="staff", status=UNPROCESSABLE if wrong else 200,
        wrong=wrong, record=[one for one in found if one.end], going={one.venue: one for one in found if not one.end},
        venues=context.site.venues,
    )  # fmt: skip
