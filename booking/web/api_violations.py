"""`/api/v1/violations`: the reader's own violations (违约记录), and their appeal."""

from fastapi import APIRouter, Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.request_key import RequestKey
from booking.service.violation_commands import Appeal
from booking.service.violation_views import ViolationView
from booking.web.context import Context
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words, request_key
from booking.web.sessions import Caller, Changing, SignedIn, context_of, submit
from booking.web.violation_models import AppealIn, ViolationOut, ViolationsOut

router = APIRouter(prefix="/api/v1", tags=["records"])


@router.get("/violations", summary="My violations (违约记录)")
async def violations(request: Request, caller: SignedIn) -> ViolationsOut:
    """List the reader's own violations with their evidence, newest first, and the suspension in force."""
    words = api_words(request)
    return ViolationsOut.of(context_of(request).reads.violations(caller.reader, words.now), words)


@router.post("/violations/{violation_id}/appeal", summary="Appeal against a violation")
async def appeal(request: Request, violation_id: str, wish: AppealIn, caller: Changing) -> ViolationOut:
    """Put a violation before staff, once."""
    context = context_of(request)
    key = request_key(request, await request.body())
    return ViolationOut.of(await put_appeal(context, caller, violation_id, wish.words, key), api_words(request))


async def put_appeal(
    context: Context, caller: Caller, violation: str, words: str, key: RequestKey | None
) -> ViolationView:
    """Store an appeal and return the violation as it stands then; Refused for another's violation."""
    own_violation(context, caller.reader, violation)
    outcome = await submit(
        context,
        Appeal(reader=caller.reader, at=context.clock.now(), violation=violation, words=words.strip(), request=key),
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return own_violation(context, caller.reader, violation)


def own_violation(context: Context, reader: str, violation: str) -> ViolationView:
    """Return one of the reader's own violations; Refused as not found for any other."""
    for known in context.reads.violations(reader, context.clock.now()).items:
        if known.id == violation:
            return known
    raise refuse(RefusalCode.NOT_FOUND)
