"""`/api/v1/reservations/{id}/move` for readers, `/api/v1/staff/tasks` for what their reports give staff to do."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal
from booking.service.commands import MoveSeat
from booking.service.floor import SettleTask
from booking.web.api_floor import only_staff
from booking.web.models import ReservationOut
from booking.web.models_floor import TaskOut, TasksOut
from booking.web.problems import Refused
from booking.web.requests import REPLAYED, api_words, changed, own_reservation, request_key, view_of
from booking.web.sessions import Changing, Staff, context_of, submit
from booking.web.wishes import MoveIn

router = APIRouter(prefix="/api/v1")


@router.post("/reservations/{reservation_id}/move", summary="Move to another seat", tags=["reservations"])
async def move(
    request: Request, response: Response, reservation_id: str, wish: MoveIn, caller: Changing
) -> ReservationOut:
    """Change the seat in one step; attendance goes along. With `taken` staff are told that the old one is occupied."""
    context, words = context_of(request), api_words(request)
    own_reservation(context, caller.reader, reservation_id)
    outcome = await submit(
        context,
        MoveSeat(
            reader=caller.reader,
            at=words.now,
            reservation=reservation_id,
            seat=wish.seat,
            taken=wish.taken,
            channel=caller.channel,
            request=request_key(request, await request.body()),
        ),
    )
    done = changed(outcome)
    if done.repeated:
        response.headers[REPLAYED] = "true"
    return ReservationOut.of(view_of(context, done), words)


@router.get("/staff/tasks", summary="What is to be done on the floor", tags=["staff"])
async def tasks(request: Request, _caller: Staff) -> TasksOut:
    """List open tasks, oldest first, then settled ones."""
    words = api_words(request)
    return TasksOut(items=[TaskOut.of(task, words) for task in context_of(request).reads.tasks()])


@router.post("/staff/tasks/{task}/settle", summary="A task is done", tags=["staff"], status_code=204)
async def settle(request: Request, task: str, caller: Changing) -> None:
    """Keep who settled it and when; the seat is offered again."""
    only_staff(caller)
    context = context_of(request)
    outcome = await submit(context, SettleTask(task=task, staff=caller.reader, at=context.clock.now()))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
