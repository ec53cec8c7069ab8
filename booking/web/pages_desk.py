"""Pages for the kiosk PIN (the reader's own) and for the desk, where staff set one and pair an unknown card."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Channel
from booking.service.gate_commands import ClearFlag
from booking.service.recognition import PairCard
from booking.web import pins, refusal_words
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import refuse, status_of
from booking.web.requests import page_words
from booking.web.sessions import Caller, context_of, submit

router = APIRouter(include_in_schema=False)


@router.get("/me/pin")
async def pin_page(request: Request) -> Response:
    """Ask for a new PIN."""
    return _pin(request, _on_the_web(page_caller(request)), None)


@router.post("/me/pin")
async def set_own_pin(request: Request) -> Response:
    """Set the reader's own PIN; both fields must agree."""
    caller, form = await form_caller(request)
    pin = form.get("pin", "")
    if pin != form.get("again", ""):
        return _pin(request, _on_the_web(caller), Refusal(RefusalCode.PIN_DIFFERS))
    refusal = await pins.set_pin(context_of(request), _on_the_web(caller).reader, pin, caller.reader)
    return _pin(request, caller, refusal, done=refusal is None)


@router.get("/staff/desk")
async def desk(request: Request) -> Response:
    """Show the last unknown cards, and the form for a PIN."""
    return _desk(request, staff_caller(request), None)


@router.post("/staff/desk/pair")
async def pair(request: Request) -> Response:
    """Give the last unknown card of a portal to a reader."""
    caller, form = await _staff_form(request)
    context = context_of(request)
    now = context.clock.now()
    outcome = await submit(
        context,
        PairCard(
            reader=form.get("reader", "").strip().upper(),
            at=now,
            actor=f"staff {caller.reader}",
            record=form.get("record", ""),
            read_after=now - context.site.policy.identity.pair_within,
        ),
    )
    return _desk(request, caller, outcome) if isinstance(outcome, Refusal) else see("/staff/desk?done=paired")


@router.post("/staff/desk/pin")
async def set_pin(request: Request) -> Response:
    """Set a PIN for a reader who stands at the desk; it unlocks a locked one."""
    caller, form = await _staff_form(request)
    refusal = await pins.set_pin(
        context_of(request), form.get("reader", ""), form.get("pin", ""), f"staff {caller.reader}"
    )
    return _desk(request, caller, refusal) if refusal else see("/staff/desk?done=pin")


@router.post("/staff/desk/flags/{record}")
async def clear_flag(request: Request, record: str) -> Response:
    """Say that staff looked at a card whose holder said "not me"."""
    caller, _ = await _staff_form(request)
    context = context_of(request)
    outcome = await submit(context, ClearFlag(staff=caller.reader, at=context.clock.now(), record=record))
    return _desk(request, caller, outcome) if isinstance(outcome, Refusal) else see("/staff/desk?done=seen")


async def _staff_form(request: Request) -> tuple[Caller, dict[str, str]]:
    caller, form = await form_caller(request)
    if caller.role != "staff":
        raise refuse(RefusalCode.FORBIDDEN)
    return caller, form


def _on_the_web(caller: Caller) -> Caller:
    if caller.channel is not Channel.WEB:
        raise refuse(RefusalCode.FORBIDDEN)
    return caller


def _pin(request: Request, caller: Caller, refusal: Refusal | None, *, done: bool = False) -> Response:
    return render(
        request, "pin.html", caller=caller, tab="me", done=done, wrong=_why(request, refusal), code=_code(refusal),
        known=context_of(request).reads.pin_hash(caller.reader) is not None, status=_status(refusal),
    )  # fmt: skip


def _desk(request: Request, caller: Caller, refusal: Refusal | None) -> Response:
    context = context_of(request)
    after = context.clock.now() - context.site.policy.identity.pair_within
    return render(
        request, "staff_desk.html", caller=caller, tab="staff", reads=context.reads.unknown_reads(after),
        flagged=context.reads.flagged_cards(),
        done=request.query_params.get("done", ""), wrong=_why(request, refusal), code=_code(refusal),
        status=_status(refusal),
    )  # fmt: skip


def _code(refusal: Refusal | None) -> str:
    return str(refusal.code) if refusal else ""


def _why(request: Request, refusal: Refusal | None) -> str:
    if refusal is None:
        return ""
    request.scope["seatgate.refusal"] = str(refusal.code)
    return refusal_words.reason(refusal, page_words(request), context_of(request).site.policy)


def _status(refusal: Refusal | None) -> int:
    return status_of(refusal.code) if refusal else 200
