"""`/api/v1/waits`: "tell me when it frees"."""

from fastapi import APIRouter, Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.waiting import Wait
from booking.service.telling import StartWaiting, StopWaiting, Waiting
from booking.web.context import Context
from booking.web.models_telling import WaitOut, WaitsOut
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words
from booking.web.sessions import Caller, Changing, SignedIn, context_of, submit
from booking.web.wishes import WaitIn

router = APIRouter(prefix="/api/v1", tags=["waits"])


@router.get("/waits", summary="What I wait for")
async def waits(request: Request, caller: SignedIn) -> WaitsOut:
    """List what the reader waits for, and what they were told of while it is their turn."""
    words = api_words(request)
    found = context_of(request).reads.waits(caller.reader, words.now)
    return WaitsOut(items=[WaitOut.of(wait, words) for wait in found])


@router.post("/waits", summary="Tell me when it frees", status_code=201)
async def post_wait(request: Request, caller: Changing, wish: WaitIn) -> WaitOut:
    """Wait for a seat, or for any seat of an area. The same wish twice is one."""
    return WaitOut.of(await wait_for(context_of(request), caller, wish), api_words(request))


@router.delete("/waits/{wait_id}", summary="Wait no longer", status_code=204)
async def delete_wait(request: Request, wait_id: str, caller: Changing) -> None:
    """Take a wish off the list."""
    await wait_no_longer(context_of(request), caller, wait_id)


async def wait_for(context: Context, caller: Caller, wish: WaitIn) -> Wait:
    """Put the reader on the list; Refused says why not."""
    outcome = await submit(
        context,
        StartWaiting(
            reader=caller.reader,
            at=context.clock.now(),
            seat=wish.seat,
            area=wish.area,
            start=wish.start,
            end=wish.end,
        ),
    )
    if isinstance(outcome, Waiting):
        return outcome.wait
    raise Refused(outcome) if isinstance(outcome, Refusal) else refuse(RefusalCode.FAULT)


async def wait_no_longer(context: Context, caller: Caller, wait: str) -> None:
    """Take a reader's own wish off the list; Refused for any other."""
    outcome = await submit(context, StopWaiting(reader=caller.reader, at=context.clock.now(), wait=wait))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
