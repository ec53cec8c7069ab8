"""`/api/v1/check-ins`, `/api/v1/check-outs` and `/api/v1/reader-codes`: the two directions of a scan."""

import secrets
from datetime import datetime

from fastapi import APIRouter, Request, Response

from booking.domain.geofence import Position, nearness
from booking.domain.refusals import Refusal
from booking.service.commands import Changed, CheckInByCode, CheckOutByCode, IssueReaderCode
from booking.service.request_key import RequestKey
from booking.web import grants, pictures
from booking.web.context import Context
from booking.web.grants import Grant
from booking.web.models import ReaderCodeOut, ReservationOut
from booking.web.problems import Refused
from booking.web.requests import REPLAYED, api_words, changed, request_key, view_of
from booking.web.sessions import Caller, Changing, context_of, drop_cookie, hash_of, submit
from booking.web.wishes import PositionIn, ScanIn
from messages import checkin

router = APIRouter(prefix="/api/v1", tags=["check-in"])
READER_CODE_BYTES = 16


@router.post("/check-ins", summary="Check in with a scanned code", status_code=201)
async def check_in(
    request: Request, response: Response, caller: Changing, wish: ScanIn | None = None
) -> ReservationOut:
    """Check in, or come back, with a kiosk's code: given here, or scanned by this browser just before (`policy.check_in.grant_lasts`)."""
    return await _by_scan(request, response, caller, wish or ScanIn(), CheckInByCode)


@router.post("/check-outs", summary="Sign out with a scanned code", status_code=201)
async def check_out(
    request: Request, response: Response, caller: Changing, wish: ScanIn | None = None
) -> ReservationOut:
    """End the stay (签退) with a code of the library: given here, or scanned by this browser just before (`policy.check_in.grant_lasts`)."""
    return await _by_scan(request, response, caller, wish or ScanIn(), CheckOutByCode)


async def _by_scan(
    request: Request, response: Response, caller: Caller, wish: ScanIn, command: type[CheckInByCode | CheckOutByCode]
) -> ReservationOut:
    context, words = context_of(request), api_words(request)
    sealed = request.cookies.get(grants.cookie_name(context), "")
    grant = grants.grant_for(context, wish.code) if wish.code else grants.unseal(context, sealed)
    if isinstance(grant, Refusal):
        raise Refused(grant)
    # the key is bound to the code alone: where a reader was is kept nowhere, not even in a digest
    key = request_key(request, (wish.code or sealed).encode())
    done = await spend(context, caller, grant, key, command=command, near=nearness_of(context, grant, wish.position))
    if done.repeated:
        response.headers[REPLAYED] = "true"
    drop_cookie(context, response, grants.cookie_name(context))
    return ReservationOut.of(view_of(context, done), words)


def nearness_of(context: Context, grant: Grant, position: PositionIn | None) -> str | None:
    """Judge a position by the range of the library whose code was scanned; None where there is neither. Refused."""
    kiosk = context.kiosk_by_number(grant.kiosk)
    venue = context.site.venue(kiosk.venue) if kiosk else None
    if venue is None or venue.geofence is None or position is None:
        return None
    where = Position(position.lat, position.lon, position.accuracy)
    near = nearness(venue.geofence, where, context.site.policy.check_in)
    if isinstance(near, Refusal):
        raise Refused(near)
    return near


async def spend(
    context: Context,
    caller: Caller,
    grant: Grant,
    key: RequestKey | None,
    *,
    command: type[CheckInByCode | CheckOutByCode],
    near: str | None,
) -> Changed:
    """Spend a grant: it counts at the moment of the scan. Refused when it does not count."""
    return changed(
        await submit(
            context,
            command(
                reader=caller.reader,
                at=context.clock.now(),
                seen_at=grant.seen_at,
                kiosk=grant.kiosk,
                step=grant.step,
                near=near,
                channel=caller.channel,
                request=key,
            ),
        )
    )


@router.post("/reader-codes", summary="A code for the kiosk's camera", status_code=201)
async def reader_codes(
    request: Request,
    caller: Changing,
) -> ReaderCodeOut:
    """Make a fresh code that identifies the reader to a kiosk, once, for a minute."""
    context, words = context_of(request), api_words(request)
    code, expires_at = await issue_reader_code(context, caller)
    return ReaderCodeOut(code=code, expires_at=words.local(expires_at), picture=pictures.code_data_url(code))


async def issue_reader_code(context: Context, caller: Caller) -> tuple[str, datetime]:
    """Return a fresh code and its end. Only its hash is stored."""
    now = context.clock.now()
    code = checkin.reader_code(secrets.token_bytes(READER_CODE_BYTES))
    expires_at = now + context.site.policy.check_in.reader_code_lasts
    outcome = await submit(
        context, IssueReaderCode(reader=caller.reader, at=now, code_hash=hash_of(code), expires_at=expires_at)
    )
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return code, expires_at
