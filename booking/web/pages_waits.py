"""Forms of the waiting list: put on it from an area's page, taken off it where the reader's notices stand."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.web.api_waits import wait_for, wait_no_longer
from booking.web.pages import form_caller, see
from booking.web.problems import Refused
from booking.web.requests import moment_in
from booking.web.sessions import context_of
from booking.web.wishes import WaitIn

router = APIRouter(include_in_schema=False)
NOW = "now"


@router.post("/waits")
async def wait(request: Request) -> Response:
    """Put the reader on the list."""
    caller, form = await form_caller(request)
    start, end = form.get("start", NOW), moment_in("end", form.get("end"))
    if end is None:
        raise Refused(Refusal(RefusalCode.INVALID_REQUEST), status=422)
    wish = WaitIn.model_construct(
        seat=form.get("seat") or None,
        area=form.get("area") or None,
        start=None if start == NOW else moment_in("start", start),
        end=end,
    )
    await wait_for(context_of(request), caller, wish)
    return see("/notifications#waits")


@router.post("/waits/{wait_id}/stop")
async def stop(request: Request, wait_id: str) -> Response:
    """Take a wish off the list."""
    caller, _ = await form_caller(request)
    await wait_no_longer(context_of(request), caller, wait_id)
    return see("/notifications#waits")
