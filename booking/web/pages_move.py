"""The pages of changing seats: another free seat, or "my seat is taken" with the best free one offered."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action
from booking.service.commands import MoveSeat
from booking.service.views import ReservationView
from booking.web import refusal_words
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.problems import refuse, status_of
from booking.web.requests import form_key, own_reservation, page_words
from booking.web.sessions import Caller, context_of, submit
from messages.seats import SeatStatus

router = APIRouter(include_in_schema=False)


@router.get("/reservations/{reservation_id}/move")
async def choose(request: Request, reservation_id: str) -> Response:
    """Show what is free for the rest of the stay, in its own area or another."""
    caller = page_caller(request)
    view = own_reservation(context_of(request), caller.reader, reservation_id)
    if Action.MOVE not in view.actions:
        raise refuse(RefusalCode.NOT_POSSIBLE_NOW)
    return _page(request, caller, view, request.query_params.get("area") or view.area)


@router.post("/reservations/{reservation_id}/move")
async def move(request: Request, reservation_id: str) -> Response:
    """Move; a refusal shows its reason over what is free now."""
    caller, form = await form_caller(request)
    context = context_of(request)
    view = own_reservation(context, caller.reader, reservation_id)
    seat, taken = form.get("seat") or None, form.get("taken") == "yes"
    outcome = await submit(
        context,
        MoveSeat(
            reader=caller.reader,
            at=context.clock.now(),
            reservation=reservation_id,
            seat=seat,
            taken=taken,
            channel=caller.channel,
            request=form_key(request, form["request"][:64], f"{seat}|{taken}".encode())
            if form.get("request")
            else None,
        ),
    )
    if isinstance(outcome, Refusal):
        request.scope["seatgate.refusal"] = str(outcome.code)
        return _page(request, caller, view, form.get("area") or view.area, refusal=outcome)
    return see(f"/reservations/{reservation_id}/done/moved")


def _page(
    request: Request, caller: Caller, view: ReservationView, area_id: str, *, refusal: Refusal | None = None
) -> Response:
    context, words = context_of(request), page_words(request)
    area = context.site.area(area_id)
    if area is None or area.capacity is not None:
        raise refuse(RefusalCode.UNKNOWN_AREA)
    begins = max(view.start, words.now)
    seats = context.reads.seats(area.id, begins, view.end, words.now) or []
    return render(
        request, "move.html", caller=caller, tab="records", status=status_of(refusal.code) if refusal else 200,
        view=view, area=area, areas=[one for one in context.site.areas if one.capacity is None],
        seats=[seat for seat in seats if seat.status is SeatStatus.FREE], begins=begins,
        refusal=refusal_words.reason(refusal, words, context.site.policy) if refusal else "",
    )  # fmt: skip
