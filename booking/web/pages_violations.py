"""Pages about violations: the reader's record (违约记录) with the appeal, and what staff decide and excuse."""

from datetime import datetime

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.violation_commands import DecideViolation, GrantAmnesty
from booking.web import violation_words
from booking.web.api_violations import own_violation, put_appeal
from booking.web.language import N_
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import Refused, refuse
from booking.web.requests import form_key
from booking.web.sessions import Caller, context_of, submit
from booking.web.violation_models import MAX_APPEAL

router = APIRouter(include_in_schema=False)
MAX_NOTE = 500
UNPROCESSABLE = 422
NOT_A_SPAN = N_("It needs a beginning, a later end and a reason.")


@router.get("/violations")
async def violations(request: Request) -> Response:
    """Show the reader's violations and what follows from them."""
    caller, context = page_caller(request), context_of(request)
    record = context.reads.violations(caller.reader, context.clock.now())
    return render(
        request, "violations.html", caller=caller, tab="records", record=record, policy=context.site.policy,
        VIOLATIONS=violation_words,
    )  # fmt: skip


@router.get("/violations/{violation_id}/appeal")
async def ask_appeal(request: Request, violation_id: str) -> Response:
    """Show one violation with its evidence, and the form of the appeal."""
    caller, context = page_caller(request), context_of(request)
    view = own_violation(context, caller.reader, violation_id)
    return render(
        request, "appeal.html", caller=caller, tab="records", view=view, policy=context.site.policy, most=MAX_APPEAL,
        VIOLATIONS=violation_words,
    )  # fmt: skip


@router.post("/violations/{violation_id}/appeal")
async def appeal(request: Request, violation_id: str) -> Response:
    """Store the appeal."""
    caller, form = await form_caller(request)
    said = form.get("words", "").strip()
    if not 1 <= len(said) <= MAX_APPEAL:
        raise refuse(RefusalCode.INVALID_REQUEST, status=UNPROCESSABLE)
    key = form_key(request, form["request"][:64], said.encode()) if form.get("request") else None
    await put_appeal(context_of(request), caller, violation_id, said, key)
    return see("/violations")


@router.get("/staff/violations")
async def staff_violations(request: Request) -> Response:
    """Show what waits for staff, the form that excuses an outage, and what staff did."""
    return _staff_page(request, staff_caller(request), {}, "")


@router.post("/staff/violations/{violation_id}/{decision}")
async def decide(request: Request, violation_id: str, decision: str) -> Response:
    """Uphold or lift a violation."""
    caller, form = await _staff_form(request)
    if decision not in ("uphold", "lift"):
        raise refuse(RefusalCode.NOT_FOUND)
    context = context_of(request)
    outcome = await submit(
        context,
        DecideViolation(
            staff=caller.reader,
            at=context.clock.now(),
            violation=violation_id,
            uphold=decision == "uphold",
            note=form.get("note", "")[:MAX_NOTE],
        ),
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see("/staff/violations")


@router.post("/staff/amnesties")
async def amnesty(request: Request) -> Response:
    """Excuse an outage of ours."""
    caller, form = await _staff_form(request)
    context, reason = context_of(request), form.get("reason", "").strip()[:MAX_NOTE]
    start, end = (_moment(request, form.get(name, "")) for name in ("start", "end"))
    if start is None or end is None or start >= end or not reason:
        return _staff_page(request, caller, form, NOT_A_SPAN)
    outcome = await submit(
        context,
        GrantAmnesty(
            staff=caller.reader,
            at=context.clock.now(),
            start=start,
            end=end,
            reason=reason,
            venue=form.get("venue", ""),
        ),
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see("/staff/violations")


async def _staff_form(request: Request) -> tuple[Caller, dict[str, str]]:
    caller, form = await form_caller(request)
    if caller.role != "staff":
        raise refuse(RefusalCode.FORBIDDEN)
    return caller, form


def _moment(request: Request, text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=context_of(request).site.timezone)
    except ValueError:
        return None


def _staff_page(request: Request, caller: Caller, form: dict[str, str], wrong: str) -> Response:
    context = context_of(request)
    return render(
        request, "staff_violations.html", caller=caller, tab="staff", status=UNPROCESSABLE if wrong else 200,
        waiting=context.reads.contested(context.clock.now()), actions=context.reads.staff_actions(limit=20),
        form=form, wrong=wrong, policy=context.site.policy, VIOLATIONS=violation_words, most=MAX_NOTE,
    )  # fmt: skip
