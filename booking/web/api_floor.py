"""`/api/v1/staff/closures`: staff close an area or a seat and open it again. Each closure keeps who did so and when."""

import hashlib
import secrets

from fastapi import APIRouter, Request

from booking.domain.closures import Closure
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.floor import CloseFloor, OpenFloor
from booking.web.language import Words
from booking.web.models_floor import ClosureOut, ClosuresOut
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words, request_key
from booking.web.sessions import Caller, Changing, Staff, context_of, submit
from booking.web.wishes import CloseIn
from config.values import Text

router = APIRouter(prefix="/api/v1/staff", tags=["staff"])
MAX_ID_CHARS = 24


def closure_id(staff: str, key: str) -> str:
    """Return the id of the closure that this request makes: the same request twice makes one."""
    return hashlib.sha256(f"{staff}\n{key}".encode()).hexdigest()[:MAX_ID_CHARS]


@router.get("/closures", summary="Closures with their record, newest first")
async def closures(request: Request, _caller: Staff) -> ClosuresOut:
    """List what staff have closed, those that are over or lifted included."""
    words = api_words(request)
    return ClosuresOut(items=[ClosureOut.of(one, words) for one in context_of(request).reads.every_closure()])


@router.post("/closures", summary="Close an area or a seat", status_code=201)
async def close(request: Request, wish: CloseIn, caller: Changing) -> ClosureOut:
    """Refuse new bookings there; end or shorten those that stand, without blame, and tell their readers."""
    only_staff(caller)
    context, words = context_of(request), api_words(request)
    key = request_key(request, await request.body())
    command = CloseFloor(
        id=closure_id(caller.reader, key.key if key else secrets.token_hex()),
        staff=caller.reader,
        at=words.now,
        area=wish.area,
        seat=wish.seat,
        start=wish.start,
        end=wish.end,
        reason=Text(wish.reason.zh, wish.reason.en),
    )
    outcome = await submit(context, command)
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return _one(request, command.id, words)


@router.post("/closures/{closure}/lift", summary="Open again")
async def lift(request: Request, closure: str, caller: Changing) -> ClosureOut:
    """Lift a closure; one that was lifted before stays as it is."""
    only_staff(caller)
    words = api_words(request)
    outcome = await submit(context_of(request), OpenFloor(closure=closure, staff=caller.reader, at=words.now))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return _one(request, closure, words)


def only_staff(caller: Caller) -> None:
    """Refuse everybody but staff."""
    if caller.role != "staff":
        raise refuse(RefusalCode.FORBIDDEN)


def _one(request: Request, name: str, words: Words) -> ClosureOut:
    found: Closure | None = context_of(request).reads.closure(name)
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND)
    return ClosureOut.of(found, words)
