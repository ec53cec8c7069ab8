"""The kiosk PIN: six digits that a reader sets after signing in or is given at the desk. It opens kiosk sessions only.

Each try is counted before the slow check; five wrong ones lock the PIN until it is set anew.
"""

import re

import anyio.to_thread

from booking.accounts import HASHER
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.recognition import CountPinTry, PinWasRight, SetPin
from booking.web.context import Context
from booking.web.sessions import submit
from booking.web.sign_in import matches

_SIX = re.compile(r"[0-9]{6}")
_RUNS = "01234567890 09876543210"
_DECOY = HASHER.hash("no such PIN")


def weak(pin: str) -> bool:
    """Tell whether somebody would guess this first, or it is no PIN: six digits, not all one, not a run."""
    return not _SIX.fullmatch(pin) or len(set(pin)) == 1 or pin in _RUNS


async def set_pin(context: Context, reader: str, pin: str, actor: str) -> Refusal | None:
    """Store a PIN; a Refusal when it is weak or nobody's."""
    if weak(pin):
        return Refusal(RefusalCode.PIN_WEAK)
    hashed = await anyio.to_thread.run_sync(HASHER.hash, pin)
    outcome = await submit(
        context, SetPin(reader=reader.strip().upper(), at=context.clock.now(), actor=actor, pin_hash=hashed)
    )
    return outcome if isinstance(outcome, Refusal) else None


async def reader_by_pin(context: Context, kiosk: str, reader: str, pin: str) -> str | Refusal:
    """Return the reader whose PIN this is; a reader without a PIN and a wrong PIN are one answer."""
    folded, now = reader.strip().upper(), context.clock.now()
    most = context.site.policy.identity.pin_tries
    outcome = await submit(context, CountPinTry(reader=folded, at=now, kiosk=kiosk, most=most))
    if isinstance(outcome, Refusal):
        return outcome
    known = context.reads.pin_hash(folded)
    right = await anyio.to_thread.run_sync(matches, known or _DECOY, pin)
    if known is None or not right:
        return Refusal(RefusalCode.PIN_WRONG)
    await submit(context, PinWasRight(reader=folded, at=now))
    return folded
