"""Pages for staff: occupancy, kiosks with their pictures. Their own role; readers are named by number only."""

import secrets
from datetime import timedelta

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.web.pages import page_caller, render
from booking.web.problems import Refused, refuse
from booking.web.sessions import Caller, Staff, context_of

router = APIRouter(include_in_schema=False)
PICTURE_WAIT = timedelta(seconds=5)
GATEWAY_TIMEOUT = 504


def staff_caller(request: Request) -> Caller:
    """Return the member of staff who opens a page; Refused for anybody else."""
    caller = page_caller(request)
    if caller.role != "staff":
        raise refuse(RefusalCode.FORBIDDEN)
    return caller


@router.get("/staff")
async def occupancy(request: Request) -> Response:
    """Show how full each area is now."""
    caller, context = staff_caller(request), context_of(request)
    now = context.clock.now()
    areas = context.reads.areas(now.astimezone(context.site.timezone).date(), now)
    return render(
        request, "staff_occupancy.html", caller=caller, tab="staff", areas=areas,
        free=sum(area.free for area in areas), total=sum(area.total for area in areas),
        inside=context.reads.inside(now),
    )  # fmt: skip


@router.get("/staff/kiosks")
async def kiosks(request: Request) -> Response:
    """List the kiosks with what they show now."""
    caller, context = staff_caller(request), context_of(request)
    enrolled = {device.id: device for device in context.reads.devices() if device.kind == "kiosk"}
    return render(
        request, "staff_kiosks.html", caller=caller, tab="staff", kiosks=context.site.kiosks, enrolled=enrolled
    )


@router.get("/staff/kiosks/{kiosk_id}/screen.png")
async def screen(request: Request, kiosk_id: str, _caller: Staff) -> Response:
    """Ask a kiosk for its picture and wait for it."""
    context, command = context_of(request), secrets.token_urlsafe(12)
    if context.kiosk(kiosk_id) is None:
        raise refuse(RefusalCode.NOT_FOUND)
    if context.faults():
        raise refuse(RefusalCode.UNAVAILABLE, status=GATEWAY_TIMEOUT)
    picture = await context.screens.picture(kiosk_id, command, PICTURE_WAIT)
    if isinstance(picture, Refusal):
        raise Refused(picture)
    if picture is None:
        raise refuse(RefusalCode.UNAVAILABLE, status=GATEWAY_TIMEOUT)
    return Response(picture, media_type="image/png", headers={"Cache-Control": "no-store"})
