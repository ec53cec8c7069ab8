"""`/api/v1/reservations`: book, list, one with its history, and the reader's actions on it."""

from concurrent.futures import Future
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from starlette.responses import Response as PlainResponse
from starlette.routing import Route

from booking.domain.reservation import Action
from booking.service.commands import Act, Changed, Entered, Outcome, Reserve
from booking.web import sentences
from booking.web.models import (
    HistoryOut,
    ReservationDetailOut,
    ReservationOut,
    ReservationsOut,
    detail_of,
    reservation_json,
)
from booking.web.models_draws import EnteredOut
from booking.web.problems import invalid
from booking.web.requests import REPLAYED, api_words, changed, own_reservation, request_key, view_of
from booking.web.sessions import Caller, Changing, SignedIn, changing, context_of, submit
from booking.web.wishes import ExtendIn, ReserveIn

router = APIRouter(prefix="/api/v1", tags=["reservations"])
MAX_PAGE = 100
JSON = "application/json"
DECIDED = "seatgate.decided"
"""Where the scope of a booking has the outcome (a done Future) that the express way leaves to be told here."""


async def reserve(request: Request) -> PlainResponse:
    """Book: the one endpoint that a whole campus calls in the same second."""
    caller = changing(request)
    body = await request.body()
    try:
        wish = ReserveIn.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from error
    context = context_of(request)
    command = Reserve(
        reader=caller.reader,
        at=context.clock.now(),
        seat=wish.seat,
        area=wish.area,
        start=wish.start,
        end=wish.end,
        channel=caller.channel,
        request=request_key(request, body),
    )
    decided: Future[Outcome] | None = request.scope.get(DECIDED)
    outcome = await submit(context, command) if decided is None else decided.result()
    if isinstance(outcome, Entered):
        entered = EnteredOut.just(outcome.entry, outcome.closes, api_words(request))
        return PlainResponse(entered.model_dump_json(), 202, media_type=JSON)
    done = changed(outcome)
    view = view_of(context, done)
    answer = reservation_json(view, api_words(request))  # byte for byte what booking.web.express answered before
    headers = {"Location": f"/api/v1/reservations/{view.id}"} | ({REPLAYED: "true"} if done.repeated else {})
    return PlainResponse(answer, 201, headers, JSON)


RESERVE = Route("/api/v1/reservations", reserve, methods=["POST"])
"""A plain route with FastAPI's types: twice the throughput of an ordinary endpoint."""


@router.get("/reservations", summary="My reservations, newest first")
async def reservations(
    request: Request,
    caller: SignedIn,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> ReservationsOut:
    """List a page of the reader's own reservations."""
    context, words = context_of(request), api_words(request)
    page = context.reads.reservations(caller.reader, words.now, limit=limit, cursor=cursor)
    return ReservationsOut(items=[ReservationOut.of(view, words) for view in page.items], next=page.next)


@router.get("/reservations/{reservation_id}", summary="One of my reservations, explained")
async def reservation(
    request: Request,
    reservation_id: str,
    caller: SignedIn,
) -> ReservationDetailOut:
    """Show one reservation with what happened to it, when and through what."""
    words = api_words(request)
    view = own_reservation(context_of(request), caller.reader, reservation_id)
    history = [HistoryOut.of(line, words, sentences.history(line, words)) for line in view.history]
    return detail_of(view, words, history)


async def _act(
    request: Request, response: Response, caller: Caller, name: str, action: Action, *, wish: ExtendIn | None = None
) -> ReservationOut:
    context, words = context_of(request), api_words(request)
    own_reservation(context, caller.reader, name)
    outcome = await submit(
        context,
        Act(
            reader=caller.reader,
            at=words.now,
            reservation=name,
            action=action,
            until=wish.until if wish else None,
            channel=caller.channel,
            request=request_key(request, await request.body()),
        ),
    )
    done: Changed = changed(outcome)
    if done.repeated:
        response.headers[REPLAYED] = "true"
    return ReservationOut.of(view_of(context, done), words)


@router.post("/reservations/{reservation_id}/cancel", summary="Cancel")
async def cancel(request: Request, response: Response, reservation_id: str, caller: Changing) -> ReservationOut:
    """Give the seat back before the stay."""
    return await _act(request, response, caller, reservation_id, Action.CANCEL)


@router.post("/reservations/{reservation_id}/check-in", summary="Check in at a kiosk")
async def check_in(request: Request, response: Response, reservation_id: str, caller: Changing) -> ReservationOut:
    """Be there: with the session of a kiosk that has just seen its reader's card or code. A phone scans a code instead."""
    return await _act(request, response, caller, reservation_id, Action.CHECK_IN)


@router.post("/reservations/{reservation_id}/step-away", summary="Step away")
async def step_away(request: Request, response: Response, reservation_id: str, caller: Changing) -> ReservationOut:
    """Leave the seat for a while; it is kept until `away_until`."""
    return await _act(request, response, caller, reservation_id, Action.STEP_AWAY)


@router.post("/reservations/{reservation_id}/return", summary="Come back")
async def come_back(request: Request, response: Response, reservation_id: str, caller: Changing) -> ReservationOut:
    """Be at the seat again."""
    return await _act(request, response, caller, reservation_id, Action.RETURN)


@router.post("/reservations/{reservation_id}/extend", summary="Extend")
async def extend(
    request: Request,
    response: Response,
    reservation_id: str,
    caller: Changing,
    wish: ExtendIn | None = None,
) -> ReservationOut:
    """Stay longer: until the given end, else one step more."""
    return await _act(request, response, caller, reservation_id, Action.EXTEND, wish=wish)


@router.post("/reservations/{reservation_id}/end", summary="End")
async def end(request: Request, response: Response, reservation_id: str, caller: Changing) -> ReservationOut:
    """Finish and free the seat."""
    return await _act(request, response, caller, reservation_id, Action.END)
