"""`/api/v1/staff/evacuations`: staff evacuate a venue and say when it is over. Each keeps who did so and when."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel

from booking.domain.freezing import Evacuation
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.gate_commands import BeginEvacuation, EndEvacuation
from booking.web.api_floor import only_staff
from booking.web.language import Words
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words
from booking.web.sessions import Changing, Staff, context_of, submit
from booking.web.wishes import Moment, Name, Wish

router = APIRouter(prefix="/api/v1/staff", tags=["staff"])


class EvacuateIn(Wish):
    """A venue to be evacuated. No `since` means now; it may lie earlier today, never later."""

    venue: Name
    since: Moment | None = None


class EvacuationOut(BaseModel):
    """One evacuation with its record. `started_by` empty: an alarm input of `gate` did; `end` null: it goes on."""

    id: str
    venue: str
    start: datetime
    started_by: str
    gate: str
    end: datetime | None
    ended_by: str | None

    @classmethod
    def of(cls, one: Evacuation, words: Words) -> "EvacuationOut":
        """Take over an evacuation."""
        return cls(
            id=one.id,
            venue=one.venue,
            start=words.local(one.start),
            started_by=one.started_by,
            gate=one.gate,
            end=words.local(one.end) if one.end else None,
            ended_by=one.ended_by,
        )


class EvacuationsOut(BaseModel):
    """Evacuations, newest first."""

    items: list[EvacuationOut]


@router.get("/evacuations", summary="Evacuations with their record, newest first")
async def evacuations(request: Request, _caller: Staff) -> EvacuationsOut:
    """List them, those that are over included."""
    words = api_words(request)
    return EvacuationsOut(items=[EvacuationOut.of(one, words) for one in context_of(request).reads.evacuations()])


@router.post("/evacuations", summary="Evacuate a venue", status_code=201)
async def begin(request: Request, wish: EvacuateIn, caller: Changing) -> EvacuationOut:
    """Stop the clocks of its reservations and tell their readers. Where one goes on, that one is the answer."""
    only_staff(caller)
    words = api_words(request)
    command = BeginEvacuation(staff=caller.reader, at=words.now, venue=wish.venue, since=wish.since)
    outcome = await submit(context_of(request), command)
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    open_ones = context_of(request).reads.evacuations(going_on=True)
    return next(EvacuationOut.of(one, words) for one in open_ones if one.venue == wish.venue)


@router.post("/evacuations/{evacuation}/end", summary="Say that an evacuation is over")
async def end(request: Request, evacuation: str, caller: Changing) -> EvacuationOut:
    """Let the clocks run on and tell the readers until when; one that was ended before stays as it is."""
    only_staff(caller)
    words, context = api_words(request), context_of(request)
    outcome = await submit(context, EndEvacuation(staff=caller.reader, at=words.now, evacuation=evacuation))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    found = next((one for one in context.reads.evacuations(limit=1000) if one.id == evacuation), None)
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND)
    return EvacuationOut.of(found, words)
