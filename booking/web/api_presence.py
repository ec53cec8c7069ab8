"""What a reader answers with one tap: "I am inside already", and "yes, give me that other seat"; as API and as forms."""

from fastapi import APIRouter, Request, Response

from booking.service.gate_commands import CheckInInside, TakeOffer
from booking.web.models import ReservationOut
from booking.web.pages import form_caller, see
from booking.web.requests import REPLAYED, api_words, changed, form_key, own_reservation, request_key, view_of
from booking.web.sessions import Changing, context_of, submit

router = APIRouter()


@router.post(
    "/api/v1/reservations/{reservation_id}/confirm-inside", summary="I am inside already", tags=["reservations"]
)
async def confirm_inside(request: Request, response: Response, reservation_id: str, caller: Changing) -> ReservationOut:
    """Check in without a code, because a gate has seen the reader come in today and not go out since."""
    context, words = context_of(request), api_words(request)
    own_reservation(context, caller.reader, reservation_id)
    key = request_key(request, await request.body())
    done = changed(
        await submit(
            context, CheckInInside(reader=caller.reader, at=words.now, reservation=reservation_id, request=key)
        )
    )
    if done.repeated:
        response.headers[REPLAYED] = "true"
    return ReservationOut.of(view_of(context, done), words)


@router.post(
    "/api/v1/reservations/{reservation_id}/take-offer",
    summary="Take another seat for the one that was given on",
    tags=["reservations"],
    status_code=201,
)
async def take_offer(request: Request, response: Response, reservation_id: str, caller: Changing) -> ReservationOut:
    """Book the best free seat of the area for what is left of a displaced reservation, checked in."""
    context, words = context_of(request), api_words(request)
    own_reservation(context, caller.reader, reservation_id)
    key = request_key(request, await request.body())
    wish = TakeOffer(
        reader=caller.reader, at=words.now, reservation=reservation_id, channel=caller.channel, request=key
    )
    done = changed(await submit(context, wish))
    if done.repeated:
        response.headers[REPLAYED] = "true"
    return ReservationOut.of(view_of(context, done), words)


@router.post("/reservations/{reservation_id}/confirm-inside", include_in_schema=False)
async def confirm_inside_form(request: Request, reservation_id: str) -> Response:
    """Check in with one tap."""
    caller, form = await form_caller(request)
    context = context_of(request)
    own_reservation(context, caller.reader, reservation_id)
    key = form_key(request, form["request"][:64], b"inside") if form.get("request") else None
    wish = CheckInInside(reader=caller.reader, at=context.clock.now(), reservation=reservation_id, request=key)
    changed(await submit(context, wish))
    return see(f"/reservations/{reservation_id}/done/checked-in")


@router.post("/reservations/{reservation_id}/take-offer", include_in_schema=False)
async def take_offer_form(request: Request, reservation_id: str) -> Response:
    """Take the offered seat with one tap."""
    caller, form = await form_caller(request)
    context = context_of(request)
    own_reservation(context, caller.reader, reservation_id)
    key = form_key(request, form["request"][:64], b"offer") if form.get("request") else None
    wish = TakeOffer(
        reader=caller.reader,
        at=context.clock.now(),
        reservation=reservation_id,
        channel=caller.channel,
        request=key,
    )
    done = changed(await submit(context, wish))
    return see(f"/reservations/{done.reservation.id}/done/booked")
