"""Pages of what the reader holds and did: the home page, a reservation and its actions, passages, notifications."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import RefusalCode
from booking.domain.reservation import Action, Status
from booking.service.commands import Act
from booking.service.views import GateRecordView, ReservationView
from booking.web.api_records import answer_record, own_record
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.problems import refuse
from booking.web.requests import changed, form_key, own_reservation
from booking.web.sessions import Caller, context_of, submit

router = APIRouter(include_in_schema=False)
PAGE = 10
DONE = {
    "booked": None,
    "checked-in": None,
    "signed-out": None,
    "moved": None,
    "cancel": Action.CANCEL,
    "step-away": Action.STEP_AWAY,
    "return": Action.RETURN,
    "extend": Action.EXTEND,
    "end": Action.END,
}
ASKED = (Action.CANCEL, Action.END)
"""What cannot be taken back is asked once more."""
LIVE = (Status.RESERVED, Status.IN_USE, Status.AWAY)


@router.get("/")
async def home(request: Request) -> Response:
    """Show the seat held now with what can be done, then all reservations."""
    caller, context = page_caller(request), context_of(request)
    now = context.clock.now()
    cursor = (request.query_params.get("cursor") or "")[:200] or None
    current = None if cursor else context.reads.current(caller.reader, now)
    page = context.reads.reservations(caller.reader, now, limit=PAGE, cursor=cursor)
    views = [view for view in page.items if current is None or view.id != current.id]
    today = now.astimezone(context.site.timezone).date()
    wishes = [one for one in context.reads.own_entries(caller.reader) if not one.outcome and one.day >= today]
    return render(
        request, "home.html", caller=caller, tab="records", current=current, wishes=[] if cursor else wishes, views=views, next=page.next,
        assisted=_assisted(request, caller, current), first=cursor is None, record=context.reads.violations(caller.reader, now),
    )  # fmt: skip


def _assisted(request: Request, caller: Caller, current: ReservationView | None) -> GateRecordView | None:
    """Return the passage that last changed the current reservation, while the reader can still answer for it."""
    context = context_of(request)
    if current is None:
        return None
    for record in context.reads.gate_records(caller.reader, limit=5):
        if record.reservation == current.id and record.effect and record.answer is None:
            return record if record.answer_until > context.clock.now() else None
    return None


@router.get("/reservations/{reservation_id}")
async def reservation(request: Request, reservation_id: str) -> Response:
    """Show one reservation with its explained history."""
    caller = page_caller(request)
    view = own_reservation(context_of(request), caller.reader, reservation_id)
    return render(request, "reservation.html", caller=caller, tab="records", view=view)


@router.get("/reservations/{reservation_id}/done/{what}")
async def done(request: Request, reservation_id: str, what: str) -> Response:
    """Say what happened, then what to do by when."""
    caller = page_caller(request)
    view = own_reservation(context_of(request), caller.reader, reservation_id)
    if what not in DONE:
        raise refuse(RefusalCode.NOT_FOUND)
    return render(request, "done.html", caller=caller, tab="records", view=view, what=what)


@router.get("/reservations/{reservation_id}/{what}")
async def ask(request: Request, reservation_id: str, what: str) -> Response:
    """Ask once more before cancelling or ending."""
    caller = page_caller(request)
    view = own_reservation(context_of(request), caller.reader, reservation_id)
    action = DONE.get(what)
    if action not in ASKED:
        raise refuse(RefusalCode.NOT_FOUND)
    if action not in view.actions:
        raise refuse(RefusalCode.NOT_POSSIBLE_NOW)
    return render(
        request, "confirm.html", caller=caller, tab="records", question=what, view=view, danger=True,
        action=f"/reservations/{view.id}/{what}", back=f"/reservations/{view.id}",
    )  # fmt: skip


@router.post("/reservations/{reservation_id}/{what}")
async def act(request: Request, reservation_id: str, what: str) -> Response:
    """Do one of the reader's actions."""
    caller, form = await form_caller(request)
    context, action = context_of(request), DONE.get(what)
    if action is None:
        raise refuse(RefusalCode.NOT_FOUND)
    own_reservation(context, caller.reader, reservation_id)
    changed(
        await submit(
            context,
            Act(
                reader=caller.reader,
                at=context.clock.now(),
                reservation=reservation_id,
                action=action,
                channel=caller.channel,
                request=form_key(request, form["request"][:64], what.encode()) if form.get("request") else None,
            ),
        )
    )
    return see(f"/reservations/{reservation_id}/done/{what}")


@router.get("/gate-records")
async def gate_records(request: Request) -> Response:
    """Show the reader's passages."""
    caller, context = page_caller(request), context_of(request)
    return render(
        request, "gate_records.html", caller=caller, tab="me", records=context.reads.gate_records(caller.reader),
        now=context.clock.now(),
    )  # fmt: skip


@router.get("/gate-records/{record_id}/dispute")
async def ask_dispute(request: Request, record_id: str) -> Response:
    """Explain what correcting a passage does, and ask."""
    caller = page_caller(request)
    record = own_record(context_of(request), caller.reader, record_id)
    return render(request, "dispute.html", caller=caller, tab="me", record=record)


@router.post("/gate-records/{record_id}/{answer}")
async def answer(request: Request, record_id: str, answer: str) -> Response:
    """Store the reader's answer."""
    caller, _ = await form_caller(request)
    if answer not in ("confirm", "dispute"):
        raise refuse(RefusalCode.NOT_FOUND)
    await answer_record(context_of(request), caller, record_id, None, confirm=answer == "confirm")
    return see("/gate-records")


@router.get("/notifications")
async def notifications(request: Request) -> Response:
    """Show the notices that stand, what the reader was told, and the rules (通知公告)."""
    caller, context = page_caller(request), context_of(request)
    notes = context.reads.notifications(caller.reader)
    standing = context.reads.notices(context.clock.now())
    return render(
        request,
        "notifications.html",
        caller=caller,
        tab="notes",
        notes=notes,
        notices=standing,
        waits=context.reads.waits(caller.reader, context.clock.now()),
    )
