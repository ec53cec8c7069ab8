"""The page on which staff open, lock and unlock portals of gates, with a reason, and see what became of it."""

import secrets

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.portal_orders import OrderPortal, PortalCommand
from booking.web.api_floor import only_staff
from booking.web.api_gate_orders import MAX_REASON_CHARS, order_id
from booking.web.language import N_
from booking.web.pages import form_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import Refused
from booking.web.sessions import Caller, context_of, submit
from config.schema import PortalMode
from messages.access import CommandResult

router = APIRouter(include_in_schema=False)
UNPROCESSABLE = 422
NO_REASON = N_("Choose a portal and write why.")
COMMANDS = {
    PortalCommand.OPEN: N_("Open once"),
    PortalCommand.LOCK: N_("Lock for in"),
    PortalCommand.UNLOCK: N_("Unlock"),
}
RESULTS = {
    CommandResult.DONE: N_("done"),
    CommandResult.FAILED: N_("The device did not take it."),
    CommandResult.LATE: N_("It came too late and was not done."),
    CommandResult.REPEATED: N_("It came a second time and was not done again."),
    CommandResult.BEFORE_START: N_("The gate had just started and did not do it: give it again."),
    CommandResult.UNKNOWN_PORTAL: N_("The gate has no such portal."),
    CommandResult.NOT_POSSIBLE: N_("That portal only reports: it cannot be locked."),
}
"""What became of a command, for staff."""


@router.get("/staff/gates/commands")
async def commands(request: Request) -> Response:
    """Show a form for each gate, and the commands with what became of them."""
    return _page(request, staff_caller(request), "")


@router.post("/staff/gates/commands")
async def give(request: Request) -> Response:
    """Give a command."""
    caller, form = await form_caller(request)
    only_staff(caller)
    context = context_of(request)
    gate, _, portal = form.get("where", "").partition("/")
    what = next((one for one in PortalCommand if one == form.get("command")), None)
    reason = form.get("reason", "").strip()[:MAX_REASON_CHARS]
    if what is None or not reason or not portal:
        return _page(request, caller, NO_REASON)
    outcome = await submit(
        context,
        OrderPortal(
            id=order_id(caller.reader, form.get("once") or secrets.token_hex()),
            staff=caller.reader,
            at=context.clock.now(),
            gate=gate,
            portal=portal,
            what=what,
            reason=reason,
        ),
    )
    if isinstance(outcome, Refusal):
        if outcome.code in (RefusalCode.INVALID_REQUEST, RefusalCode.NOT_FOUND):
            return _page(request, caller, RESULTS[CommandResult.NOT_POSSIBLE])
        raise Refused(outcome)
    return see("/staff/gates/commands")


def _page(request: Request, caller: Caller, wrong: str) -> Response:
    context, where = context_of(request), request.query_params.get("where", "")
    # the line of a board reads nobody: what opens there is said at the portal that it stands beside
    portals = [
        (gate, portal, portal.mode is PortalMode.CONTROL)
        for gate in context.site.gates
        for portal in gate.portals
        if not portal.passage_for
    ]
    return render(
        request, "staff_gate_commands.html", caller=caller, tab="staff", status=UNPROCESSABLE if wrong else 200,
        wrong=wrong, portals=portals, orders=context.reads.orders(), commands=COMMANDS, results=RESULTS,
        now=context.clock.now(), once=secrets.token_hex(8), most=MAX_REASON_CHARS, where=where,
    )  # fmt: skip
