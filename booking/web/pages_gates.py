"""The staff's page of gates: how each one is, in words, what to do about it, and what came through it last."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from booking.service.gate_health import AWAY, Trouble, offset, troubles
from booking.service.gate_states import GateState
from booking.service.gate_views import Alert
from booking.service.views import PassageView
from booking.web import gate_words, help_pages
from booking.web.access_words import decided
from booking.web.context import Context
from booking.web.pages import render
from booking.web.pages_alerts import SAID as ALERTS_SAID
from booking.web.pages_staff import staff_caller
from booking.web.sessions import context_of
from config.schema import Gate, Portal
from messages.presence import PortalFigures

router = APIRouter(include_in_schema=False)
SHOWN = 50
LOOKED_THROUGH = 500
"""Events among which each portal's last one is looked for; one that is older is named by its time alone."""


@dataclass(frozen=True, slots=True)
class PortalCard:
    """One lane as the page shows it."""

    portal: Portal
    figures: PortalFigures | None
    trouble: Trouble | None
    last: PassageView | None


@dataclass(frozen=True, slots=True)
class GateCard:
    """One gate as the page shows it; `troubles` are the gate's own, its portals' are with them."""

    gate: Gate
    kid: str
    state: GateState | None
    troubles: list[Trouble]
    own: list[Trouble]
    portals: list[PortalCard]
    alerts: list[Alert]
    offset: timedelta | None

    @property
    def is_here(self) -> bool:
        """Whether what is shown is how it is now."""
        return self.state is not None and not any(one.fault in AWAY for one in self.troubles)


def cards(context: Context, now: datetime) -> list[GateCard]:
    """Return every gate of the site, by what it last said and what came through it."""
    joined = {device.id: device.kid for device in context.reads.devices() if device.kind == "gate"}
    states, alerts = context.reads.gate_states(), context.reads.alerts(now)
    last: dict[tuple[str, str], PassageView] = {}
    for passage in context.reads.passages(limit=LOOKED_THROUGH):
        last.setdefault((passage.gate, passage.portal), passage)
    return [
        _card(
            gate,
            joined.get(gate.id, ""),
            states.get(gate.id),
            last,
            [one for one in alerts if one.gate == gate.id],
            now,
        )
        for gate in context.site.gates
    ]


def _card(  # noqa: PLR0917 - the parts of one card
    gate: Gate,
    kid: str,
    state: GateState | None,
    last: dict[tuple[str, str], PassageView],
    alerts: list[Alert],
    now: datetime,
) -> GateCard:
    wrong = troubles(gate, state, now, joined=bool(kid))
    figures = state.said.gate.portals if state is not None and state.said.gate is not None else {}
    portals = [
        PortalCard(
            portal,
            figures.get(portal.id),
            next((one for one in wrong if one.portal == portal.id), None),
            last.get((gate.id, portal.id)),
        )
        for portal in gate.portals
    ]
    own = [one for one in wrong if not one.portal]
    return GateCard(gate, kid, state, wrong, own, portals, alerts, offset(state) if state is not None else None)


@router.get("/staff/gates")
async def gates(request: Request) -> Response:
    """Show the gates, their last events, and what could not be applied."""
    caller, context = staff_caller(request), context_of(request)
    count, letters = context.reads.dead_letters(limit=SHOWN)
    shown = cards(context, context.clock.now())
    return render(
        request, "staff_gates.html", decided=decided, caller=caller, tab="staff", gates=shown,
        alert_count=sum(len(card.alerts) for card in shown),
        passages=context.reads.passages(limit=SHOWN), dead_count=count, dead_letters=letters,
        said=gate_words, alerts_said=ALERTS_SAID, pages=help_pages.names(),
    )  # fmt: skip


@router.get("/staff/help/{name}")
async def help_page(request: Request, name: str) -> Response:
    """Show a page of docs/operations; it is written in English."""
    caller = staff_caller(request)
    page = help_pages.page(name)
    return render(request, "staff_help.html", caller=caller, tab="staff", page=page)
