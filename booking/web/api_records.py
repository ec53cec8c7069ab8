"""`/api/v1/gate-records` and `/notifications`: the reader's own passages and what they were told."""

from fastapi import APIRouter, Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import AnswerGateRecord
from booking.service.request_key import RequestKey
from booking.service.views import GateRecordView
from booking.web.context import Context
from booking.web.models import GateRecordOut, GateRecordsOut, NotificationOut, NotificationsOut
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words, request_key
from booking.web.sessions import Caller, Changing, SignedIn, context_of, submit

router = APIRouter(prefix="/api/v1", tags=["records"])


@router.get("/gate-records", summary="My passages through the gates")
async def gate_records(
    request: Request,
    caller: SignedIn,
) -> GateRecordsOut:
    """List the reader's own passages, newest first."""
    words = api_words(request)
    found = context_of(request).reads.gate_records(caller.reader)
    return GateRecordsOut(items=[GateRecordOut.of(record, words) for record in found])


@router.post("/gate-records/{record_id}/confirm", summary="Confirm what a passage did")
async def confirm(request: Request, record_id: str, caller: Changing) -> GateRecordOut:
    """Say that it was right."""
    return await _answer(request, caller, record_id, confirm=True)


@router.post("/gate-records/{record_id}/dispute", summary="Undo what a passage did (更正)")
async def dispute(request: Request, record_id: str, caller: Changing) -> GateRecordOut:
    """Say that it was not the reader; the earlier state is restored where the seat is still free."""
    return await _answer(request, caller, record_id, confirm=False)


async def _answer(request: Request, caller: Caller, record: str, *, confirm: bool) -> GateRecordOut:
    context = context_of(request)
    key = request_key(request, await request.body())
    return GateRecordOut.of(await answer_record(context, caller, record, key, confirm=confirm), api_words(request))


async def answer_record(
    context: Context, caller: Caller, record: str, key: RequestKey | None, *, confirm: bool
) -> GateRecordView:
    """Store the reader's answer and return the record as it stands then; Refused for another's record."""
    known = own_record(context, caller.reader, record)
    outcome = await submit(
        context,
        AnswerGateRecord(reader=caller.reader, at=context.clock.now(), record=known.id, confirm=confirm, request=key),
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return own_record(context, caller.reader, record)


def own_record(context: Context, reader: str, record: str) -> GateRecordView:
    """Return one of the reader's own passages; Refused as not found for any other."""
    for known in context.reads.gate_records(reader):
        if known.id == record:
            return known
    raise refuse(RefusalCode.NOT_FOUND)


@router.get("/notifications", summary="What I was told")
async def notifications(
    request: Request,
    caller: SignedIn,
) -> NotificationsOut:
    """List the reader's own notifications, newest first."""
    words = api_words(request)
    found = context_of(request).reads.notifications(caller.reader)
    return NotificationsOut(items=[NotificationOut.of(note, words) for note in found])
