"""`/api/v1/staff/gates/{gate}/commands`: staff have a portal opened, locked or unlocked, and see what became of it."""

import hashlib
import secrets
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.portal_orders import Order, OrderPortal, PortalCommand
from booking.web.api_floor import only_staff
from booking.web.language import Words
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words, request_key
from booking.web.sessions import Changing, Staff, context_of, submit
from booking.web.wishes import Name, Wish
from messages.access import CommandResult

router = APIRouter(prefix="/api/v1/staff", tags=["staff"])
ID_CHARS = 32
MAX_REASON_CHARS = 200
Reason = Annotated[str, StringConstraints(min_length=1, max_length=MAX_REASON_CHARS, strip_whitespace=True)]


class OrderIn(Wish):
    """What to do at a portal, and why."""

    portal: Name
    command: PortalCommand
    reason: Reason


class OrderOut(BaseModel):
    """A command. `result` null: the gate has told nothing; after `deadline` it will do nothing."""

    id: str
    gate: str
    portal: str
    command: PortalCommand
    reason: str
    staff: str
    given_at: datetime
    deadline: datetime
    result: CommandResult | None
    detail: str

    @classmethod
    def of(cls, one: Order, words: Words) -> "OrderOut":
        """Take over a command."""
        return cls(
            id=one.id,
            gate=one.gate,
            portal=one.portal,
            command=one.what,
            reason=one.reason,
            staff=one.staff,
            given_at=words.local(one.at),
            deadline=words.local(one.deadline),
            result=one.result,
            detail=one.detail,
        )


class OrdersOut(BaseModel):
    """Commands, newest first."""

    items: list[OrderOut]


def order_id(staff: str, key: str) -> str:
    """Return the id of the command that this request gives: the same request twice gives one."""
    return hashlib.sha256(f"gate-command\n{staff}\n{key}".encode()).hexdigest()[:ID_CHARS]


@router.get("/gate-commands", summary="Commands to gates with what became of them, newest first")
async def commands(request: Request, _caller: Staff) -> OrdersOut:
    """List them."""
    words = api_words(request)
    return OrdersOut(items=[OrderOut.of(one, words) for one in context_of(request).reads.orders()])


@router.get("/gate-commands/{command}", summary="One command to a gate")
async def command_of(request: Request, command: str, _caller: Staff) -> OrderOut:
    """Tell what became of it."""
    return _one(request, command)


@router.post("/gates/{gate}/commands", summary="Open, lock or unlock a portal", status_code=202)
async def give(request: Request, gate: str, wish: OrderIn, caller: Changing) -> OrderOut:
    """Have the gate do it within `policy.gate.command_within`, or never. Out is not locked by anything."""
    only_staff(caller)
    key = request_key(request, await request.body())
    given = OrderPortal(
        id=order_id(caller.reader, key.key if key else secrets.token_hex()),
        staff=caller.reader,
        at=context_of(request).clock.now(),
        gate=gate,
        portal=wish.portal,
        what=wish.command,
        reason=wish.reason,
    )
    outcome = await submit(context_of(request), given)
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return _one(request, given.id)


def _one(request: Request, name: str) -> OrderOut:
    found = context_of(request).reads.order(name)
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND)
    return OrderOut.of(found, api_words(request))
