"""`/api/v1/calendar`: the reader's reservations as a feed behind an address that only they know and can change.

The address is made from the server's master secret and can be shown again at any time; stored is only its hash.
"""

import hashlib
import hmac

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import RefusalCode
from booking.service.telling import SetCalendar
from booking.web.context import Context
from booking.web.ics import calendar
from booking.web.models_telling import CalendarOut
from booking.web.problems import refuse
from booking.web.requests import api_words
from booking.web.sessions import Caller, Changing, SignedIn, context_of, hash_of, submit
from messages import base32

router = APIRouter(prefix="/api/v1", tags=["calendar"])
SECRET_CHARS = 32
MOST_EVENTS = 200


@router.get("/calendar", summary="The address of my calendar feed")
async def get_calendar(request: Request, caller: SignedIn) -> CalendarOut:
    """Give the feed's address; null while there is none."""
    return CalendarOut(url=feed_url(context_of(request), caller))


@router.post("/calendar", summary="A new address for my calendar feed")
async def post_calendar(request: Request, caller: Changing) -> CalendarOut:
    """Make the feed, or give it a new address: the old one is gone at once."""
    context = context_of(request)
    await set_calendar(context, caller, on=True)
    return CalendarOut(url=feed_url(context, caller))


@router.delete("/calendar", summary="No calendar feed", status_code=204)
async def delete_calendar(request: Request, caller: Changing) -> None:
    """End the feed; its address is gone at once and for good."""
    await set_calendar(context_of(request), caller, on=False)


@router.get("/calendar/{secret}.ics", summary="My reservations (iCalendar)", response_class=Response)
async def feed(request: Request, secret: str) -> Response:
    """Give the reservations of whoever has this address; `Accept-Language` chooses the words."""
    context, words = context_of(request), api_words(request)
    reader = context.reads.reader_of_calendar(hash_of(secret))
    if reader is None:
        raise refuse(RefusalCode.NOT_FOUND)
    page = context.reads.reservations(reader, words.now, limit=MOST_EVENTS)
    body = calendar(context.site, page.items, words, context.public_url)
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'inline; filename="seats.ics"'}
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


async def set_calendar(context: Context, caller: Caller, *, on: bool) -> None:
    """Give the reader's feed a new address, or none."""
    turn = context.reads.calendar_turn(caller.reader)[0] + 1
    secret = hash_of(_secret(context, caller.reader, turn)) if on else None
    await submit(context, SetCalendar(reader=caller.reader, at=context.clock.now(), turn=turn, secret_hash=secret))


def feed_url(context: Context, caller: Caller) -> str | None:
    """Return the address of the reader's feed; None while there is none."""
    turn, is_on = context.reads.calendar_turn(caller.reader)
    return f"{context.public_url}/api/v1/calendar/{_secret(context, caller.reader, turn)}.ics" if is_on else None


def _secret(context: Context, reader: str, turn: int) -> str:
    digest = hmac.digest(context.master, f"calendar-v1 {turn} {reader}".encode(), hashlib.sha256)
    number = int.from_bytes(digest, "big") >> (8 * len(digest) - base32.BITS_PER_CHAR * SECRET_CHARS)
    return base32.encode(number, SECRET_CHARS).lower()
