"""`/api/v1/devices`: a gate or kiosk joins with a one-time code; a kiosk fetches its keys."""

from fastapi import APIRouter, Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import EnrolDevice
from booking.service.identity import Spent
from booking.web import budgets
from booking.web.context import Context
from booking.web.device_auth import signed_device
from booking.web.models_devices import EnrolOut, KeysOut
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words
from booking.web.sessions import context_of, hash_of, submit
from booking.web.wishes import EnrolIn
from messages import access_list, checkin
from runtime import signing

router = APIRouter(prefix="/api/v1", tags=["devices"])
KEY_DAYS = 8
"""Today's key and the next seven."""


@router.post("/devices/enroll", summary="Join with a one-time code", status_code=201)
async def enroll(request: Request, wish: EnrolIn) -> EnrolOut:
    """Store a device's public key; give it ours, and a kiosk its number and keys."""
    context, now = context_of(request), context_of(request).clock.now()
    tried = Spent(budgets.ENROL_ADDRESS, budgets.address_of(request))
    refusal = context.reads.tries_blocked((tried,), now)
    if refusal is not None:
        raise Refused(refusal)
    public_key = signing.from_text(wish.public_key)
    if public_key is None or len(public_key) != signing.PUBLIC_KEY_BYTES or signing.kid_of(public_key) != wish.kid:
        errors = [{"field": "public_key", "problem": "must be 32 bytes in base64url, named by kid"}]
        raise Refused(Refusal(RefusalCode.INVALID_REQUEST), status=422, errors=errors)
    if not _known(context, wish.device, wish.kind):
        await budgets.spend(context, tried)
        raise refuse(RefusalCode.FORBIDDEN)
    outcome = await submit(
        context,
        EnrolDevice(
            device=wish.device,
            kind=wish.kind,
            at=now,
            code_hash=hash_of(wish.code),
            kid=wish.kid,
            public_key=public_key,
        ),
    )
    if isinstance(outcome, Refusal):
        await budgets.spend(context, tried)
        raise Refused(outcome)
    number = _number(context, wish.device) if wish.kind == "kiosk" else None
    return EnrolOut(
        server_kid=context.key.kid,
        server_public_key=signing.to_text(context.key.public_bytes),
        kiosk_number=number,
        day_keys=_day_keys(context, number),
        server_time=api_words(request).local(now),
    )


@router.get("/devices/{device_id}/keys", summary="A kiosk's next keys, or a gate's (device-signed)")
async def keys(request: Request, device_id: str) -> KeysOut:
    """Give a kiosk its keys for today and the next seven days, a gate the secret by which its access list names credentials."""
    context = context_of(request)
    device = await signed_device(request, device_id)
    number = _number(context, device.id) if device.kind == "kiosk" else None
    secret = signing.to_text(access_list.gate_key(context.master, device.id)) if device.kind == "gate" else ""
    return KeysOut(day_keys=_day_keys(context, number), access_list_key=secret, server_time=api_words(request).now)


def _known(context: Context, device: str, kind: str) -> bool:
    if kind == "kiosk":
        return context.kiosk(device) is not None
    return any(gate.id == device for gate in context.site.gates)


def _number(context: Context, device: str) -> int | None:
    kiosk = context.kiosk(device)
    return kiosk.number if kiosk else None


def _day_keys(context: Context, number: int | None) -> dict[str, str]:
    if number is None:
        return {}
    first = checkin.epoch_of(checkin.step_at(context.clock.now()))
    return {
        str(epoch): signing.to_text(checkin.day_key(context.master, epoch, number))
        for epoch in range(first, first + KEY_DAYS)
    }
