"""The pages on which staff close an area or a seat and open it again, and settle what readers reported."""

from datetime import datetime
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.floor import CloseFloor, OpenFloor, SettleTask
from booking.web import refusal_words
from booking.web.api_floor import closure_id, only_staff
from booking.web.language import N_
from booking.web.pages import form_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import Refused
from booking.web.requests import page_words
from booking.web.sessions import Caller, context_of, submit
from config.values import Text

router = APIRouter(include_in_schema=False)
MAX_REASON, MAX_LABEL = 80, 16
UNPROCESSABLE = 422
NO_REASON = N_("A closure needs its reason in both languages: readers are told it.")
NOT_A_TIME = N_("It must end after it begins.")


class _Draft(NamedTuple):
    """What the form held, and what is wrong with it ("" when nothing is)."""

    start: datetime | None
    end: datetime | None
    reason: Text
    wrong: str


@router.get("/staff/closures")
async def closures(request: Request) -> Response:
    """Show all closures with who made and lifted them, and the form for a new one."""
    return _page(request, staff_caller(request), {}, "")


@router.post("/staff/closures")
async def close(request: Request) -> Response:
    """Close an area or a seat."""
    caller, form = await form_caller(request)
    only_staff(caller)
    context, words = context_of(request), page_words(request)
    draft = _read(form, words.now, request)
    if draft.wrong:
        return _page(request, caller, form, words(draft.wrong))
    area, label = form.get("area", ""), _line(form, "seat", MAX_LABEL)
    command = CloseFloor(
        id=closure_id(caller.reader, form.get("request", "")),
        staff=caller.reader,
        at=words.now,
        area=area,
        seat=f"{area}-{label}" if label else None,
        start=draft.start,
        end=draft.end,
        reason=draft.reason,
    )
    outcome = await submit(context, command)
    if isinstance(outcome, Refusal):
        if outcome.code in (RefusalCode.UNKNOWN_SEAT, RefusalCode.UNKNOWN_AREA, RefusalCode.INVALID_REQUEST):
            return _page(request, caller, form, refusal_words.reason(outcome, words, context.site.policy))
        raise Refused(outcome)
    return see("/staff/closures")


@router.post("/staff/closures/{closure}/lift")
async def lift(request: Request, closure: str) -> Response:
    """Open again."""
    caller, _ = await form_caller(request)
    only_staff(caller)
    context = context_of(request)
    outcome = await submit(context, OpenFloor(closure=closure, staff=caller.reader, at=context.clock.now()))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see("/staff/closures")


@router.get("/staff/tasks")
async def tasks(request: Request) -> Response:
    """Show what readers reported, open tasks first."""
    caller, context = staff_caller(request), context_of(request)
    areas = {area.id: area for area in context.site.areas}
    return render(request, "staff_tasks.html", caller=caller, tab="staff", tasks=context.reads.tasks(), areas=areas)


@router.post("/staff/tasks/{task}/settle")
async def settle(request: Request, task: str) -> Response:
    """Say that a task is done."""
    caller, _ = await form_caller(request)
    only_staff(caller)
    context = context_of(request)
    outcome = await submit(context, SettleTask(task=task, staff=caller.reader, at=context.clock.now()))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see("/staff/tasks")


def _page(request: Request, caller: Caller, form: dict[str, str], wrong: str) -> Response:
    context = context_of(request)
    return render(
        request, "staff_closures.html", caller=caller, tab="staff", status=UNPROCESSABLE if wrong else 200, form=form,
        wrong=wrong, closures=context.reads.every_closure(), areas={area.id: area for area in context.site.areas},
        most=MAX_REASON,
    )  # fmt: skip


def _read(form: dict[str, str], now: datetime, request: Request) -> _Draft:
    reason = Text(_line(form, "reason_zh", MAX_REASON), _line(form, "reason_en", MAX_REASON))
    if not (reason.zh and reason.en):
        return _Draft(None, None, reason, NO_REASON)
    zone = context_of(request).site.timezone
    try:
        start, end = (
            datetime.fromisoformat(form[name]).replace(tzinfo=zone) if form.get(name) else None
            for name in ("start", "end")
        )
    except ValueError:
        return _Draft(None, None, reason, NOT_A_TIME)
    if end is not None and end <= max(start or now, now):
        return _Draft(None, None, reason, NOT_A_TIME)
    return _Draft(start, end, reason, "")


def _line(form: dict[str, str], name: str, most: int) -> str:
    """Return a field without what no page shows; longer than its limit counts as not given."""
    text = "".join(sign for sign in form.get(name, "") if sign.isprintable()).strip()
    return text if len(text) <= most else ""
