"""Pages of the draw (抽签): the reader's own wish, and what anybody can check."""

from datetime import date

from fastapi import APIRouter, Request, Response

from booking.domain.draw import Entry
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import WithdrawEntry
from booking.service.draws import GRANTED
from booking.web import refusal_words
from booking.web.context import Context
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.problems import Refused, refuse
from booking.web.requests import page_words
from booking.web.sessions import context_of, submit
from config.schema import Area

router = APIRouter(include_in_schema=False)
MOST_SHOWN = 500


@router.get("/draws/{day}")
async def draw(request: Request, day: date) -> Response:
    """Show a draw: the reader's wish in it, when it is decided, and afterwards every ticket by its place."""
    caller, context, words = page_caller(request), context_of(request), page_words(request)
    found = context.reads.draw(day)
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND)
    view, entries = found
    own = next((entry for entry in context.reads.own_entries(caller.reader) if entry.day == day), None)
    why = ""
    if own is not None and own.outcome not in ("", GRANTED):
        why = refusal_words.reason(Refusal(RefusalCode(own.outcome)), words, context.site.policy)
    seat = context.reads.reservation(caller.reader, own.reservation, words.now) if own and own.reservation else None
    area, label = _wished(context, own) if own else (None, "")
    return render(
        request, "draw.html", caller=caller, tab="records", view=view, entries=entries[:MOST_SHOWN],
        more=max(0, len(entries) - MOST_SHOWN), own=own, why=why, seat=seat, area=area, label=label, granted=GRANTED,
        open=view.draw.opens <= words.now < view.draw.closes,
    )  # fmt: skip


def _wished(context: Context, entry: Entry) -> tuple[Area | None, str]:
    """Return the wished area, and the number of the wished seat where it was one."""
    if entry.seat is None:
        return context.site.area(entry.area or ""), ""
    area, _, label = entry.seat.rpartition("-")
    return context.site.area(area), label


@router.post("/draws/{day}/withdraw")
async def withdraw(request: Request, day: date) -> Response:
    """Take the reader's wish out."""
    caller, _ = await form_caller(request)
    context = context_of(request)
    outcome = await submit(context, WithdrawEntry(reader=caller.reader, at=context.clock.now(), day=day))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see(f"/draws/{day}")
