"""`/api/v1/kiosks`: what an enrolled kiosk asks under its own signature: a session for who stands there, a picture handed in."""

from fastapi import APIRouter, Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Channel, Identified, UseReaderCode
from booking.service.pictures import KeepPicture
from booking.web.context import Context
from booking.web.device_auth import signed_device
from booking.web.models import ReservationOut
from booking.web.models_devices import KioskReaderOut, KioskSessionOut, ReceivedOut
from booking.web.pins import reader_by_pin
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words
from booking.web.sessions import KIOSK_SESSION_LASTS, context_of, hash_of, open_session, submit
from booking.web.wishes import KioskSessionIn

router = APIRouter(prefix="/api/v1", tags=["kiosks"])
MAX_ID_CHARS = 64
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


@router.post("/kiosks/{kiosk_id}/sessions", summary="Identify a reader at a kiosk (device-signed)", status_code=201)
async def kiosk_sessions(request: Request, kiosk_id: str, wish: KioskSessionIn) -> KioskSessionOut:
    """Open a 90-second session for the owner of a reader code, card or PIN."""
    context, words = context_of(request), api_words(request)
    await signed_device(request, kiosk_id, "kiosk")
    reader_id = await _identify(context, kiosk_id, wish)
    person = context.reads.reader(reader_id)
    if person is None:
        raise refuse(RefusalCode.READER_CODE_INVALID)
    opened = await open_session(context, person, channel=Channel.KIOSK, lasts=KIOSK_SESSION_LASTS)
    current = context.reads.current(person.id, words.now)
    return KioskSessionOut(
        token=opened.token,
        expires_at=words.local(words.now + opened.lasts),
        reader=KioskReaderOut(name=person.name),
        current=ReservationOut.of(current, words) if current else None,
    )


async def _identify(context: Context, kiosk: str, wish: KioskSessionIn) -> str:
    now = context.clock.now()
    ways = (wish.reader_code is not None, wish.card is not None, wish.reader is not None)
    if sum(ways) != 1 or (wish.reader is None) != (wish.pin is None):
        errors = [{"field": "reader_code", "problem": "give either reader_code, or card, or reader with pin"}]
        raise Refused(Refusal(RefusalCode.INVALID_REQUEST), status=422, errors=errors)
    if wish.reader_code is not None:
        outcome = await submit(context, UseReaderCode(at=now, code_hash=hash_of(wish.reader_code), kiosk=kiosk))
        if isinstance(outcome, Identified):
            return outcome.reader
        raise Refused(outcome if isinstance(outcome, Refusal) else Refusal(RefusalCode.READER_CODE_INVALID))
    if wish.reader is not None:
        found = await reader_by_pin(context, kiosk, wish.reader, wish.pin or "")
        if isinstance(found, Refusal):
            raise Refused(found)
        return found
    reader = context.reads.reader_of_card("card", wish.card or "", now)
    if reader is None:
        raise refuse(RefusalCode.READER_CODE_INVALID)
    return reader


@router.post("/kiosks/{kiosk_id}/screens/{command_id}", summary="Hand in a picture (device-signed)", status_code=202)
async def screens(request: Request, kiosk_id: str, command_id: str) -> ReceivedOut:
    """Take the PNG that a `screenshot` command asked for."""
    context = context_of(request)
    await signed_device(request, kiosk_id, "kiosk")
    picture = await request.body()
    if not picture.startswith(PNG_MAGIC):
        raise Refused(
            Refusal(RefusalCode.INVALID_REQUEST), status=422, errors=[{"field": "body", "problem": "is no PNG"}]
        )
    kept = KeepPicture(command=command_id[:MAX_ID_CHARS], kiosk=kiosk_id, at=context.clock.now(), picture=picture)
    outcome = await submit(context, kept)
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return ReceivedOut()
