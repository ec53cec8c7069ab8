"""`/api/v1/draws`: what is granted by lot, for everybody to check; and the reader's own wishes in it."""

from datetime import date

from fastapi import APIRouter, Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import WithdrawEntry
from booking.web.models_draws import DrawDetailOut, DrawOut, DrawsOut, EntriesOut, EntryOut
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words
from booking.web.sessions import Changing, SignedIn, context_of, submit

router = APIRouter(prefix="/api/v1", tags=["draws"])


@router.get("/draws", summary="The newest draws")
async def draws(request: Request) -> DrawsOut:
    """List draws with the hash of each seed; the seed once it was held."""
    words = api_words(request)
    return DrawsOut(items=[DrawOut.of(view, words) for view in context_of(request).reads.draws()])


@router.get("/draws/{day}", summary="One draw, with its tickets once it was held")
async def draw(request: Request, day: date) -> DrawDetailOut:
    """Show everything that it takes to check a draw."""
    found = context_of(request).reads.draw(day)
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND)
    return DrawDetailOut.whole(*found, api_words(request))


@router.get("/draw-entries", summary="My wishes in draws")
async def entries(request: Request, caller: SignedIn) -> EntriesOut:
    """List the reader's own wishes and what became of them."""
    words = api_words(request)
    return EntriesOut(
        items=[EntryOut.of(entry, words) for entry in context_of(request).reads.own_entries(caller.reader)]
    )


@router.delete("/draw-entries/{day}", summary="Take my wish out of a draw", status_code=204)
async def withdraw(request: Request, day: date, caller: Changing) -> None:
    """Withdraw a wish while wishes are collected."""
    context = context_of(request)
    outcome = await submit(context, WithdrawEntry(reader=caller.reader, at=context.clock.now(), day=day))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
