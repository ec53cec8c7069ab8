"""The reader's page of their calendar feed: its address, a new one, or none."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import RefusalCode
from booking.web.api_calendar import feed_url, set_calendar
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.problems import refuse
from booking.web.sessions import context_of

router = APIRouter(include_in_schema=False)


@router.get("/me/calendar")
async def show(request: Request) -> Response:
    """Show the feed's address."""
    caller = page_caller(request)
    return render(request, "calendar.html", caller=caller, tab="me", url=feed_url(context_of(request), caller))


@router.post("/me/calendar/{what}")
async def change(request: Request, what: str) -> Response:
    """Give the feed a new address, or end it."""
    caller, _ = await form_caller(request)
    if what not in ("new", "off"):
        raise refuse(RefusalCode.NOT_FOUND)
    await set_calendar(context_of(request), caller, on=what == "new")
    return see("/me/calendar")
