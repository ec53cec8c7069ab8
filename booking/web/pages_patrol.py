"""Patrol (巡视): the page and the path by which staff say that a seat in use is empty, or holds belongings alone."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.patrol import Found, MarkSeat
from booking.web.api_floor import only_staff
from booking.web.language import N_
from booking.web.pages import form_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import Refused, refuse
from booking.web.sessions import Caller, Changing, context_of, submit
from booking.web.wishes import PatrolIn
from messages.seats import SeatStatus

router = APIRouter()
FOUND = {Found.EMPTY: N_("Empty"), Found.BELONGINGS: N_("Belongings only")}


@router.post("/api/v1/staff/seats/{seat}/patrol", summary="What was found on a seat", tags=["staff"], status_code=204)
async def mark(request: Request, seat: str, wish: PatrolIn, caller: Changing) -> None:
    """Tell the reader who is checked in there, and start their away clock."""
    only_staff(caller)
    await _mark(request, caller, seat, Found(wish.found))


@router.get("/staff/patrol", include_in_schema=False)
async def patrol(request: Request) -> Response:
    """Show the seats of one area that are in use or away; no reader is named."""
    caller, context = staff_caller(request), context_of(request)
    seated = [area for area in context.site.areas if area.capacity is None]
    asked = request.query_params.get("area", "")
    area = next((one for one in seated if one.id == asked), seated[0] if seated else None)
    found = context.reads.area_map(area.id, context.clock.now()) if area else None
    there = [seat for seat in (found.seats if found else []) if seat.status in (SeatStatus.TAKEN, SeatStatus.AWAY)]
    return render(
        request, "staff_patrol.html", caller=caller, tab="staff", areas=seated, area=area, seats=there, found=FOUND,
        offered=context.site.policy.away.offered, limit=context.site.policy.away.limit,
    )  # fmt: skip


@router.post("/staff/patrol/{seat}", include_in_schema=False)
async def mark_by_form(request: Request, seat: str) -> Response:
    """Mark a seat, then show its area again."""
    caller, form = await form_caller(request)
    only_staff(caller)
    if form.get("found") not in set(Found):
        raise refuse(RefusalCode.INVALID_REQUEST)
    await _mark(request, caller, seat, Found(form["found"]))
    return see(f"/staff/patrol?area={seat.rpartition('-')[0]}")


async def _mark(request: Request, caller: Caller, seat: str, found: Found) -> None:
    context = context_of(request)
    outcome = await submit(context, MarkSeat(seat=seat, staff=caller.reader, at=context.clock.now(), found=found))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
