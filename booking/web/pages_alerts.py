"""What staff should look at of gates: alerts and dead letters, as API and as a page; both are settled here, with a record."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from booking.domain.refusals import Refusal
from booking.service.gate_commands import ReplayDeadLetter, SeeAlert
from booking.service.gate_views import Alert, AlertKind
from booking.web.api_floor import only_staff
from booking.web.language import N_, Words
from booking.web.pages import form_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import Refused
from booking.web.requests import api_words
from booking.web.sessions import Changing, Staff, context_of, submit

router = APIRouter()
SAID = {
    AlertKind.DIGEST_CONFLICT: N_(
        "One event number was used for two events: the gate's disk may be a copy or a restored one."
    ),
    AlertKind.UNCLOSED_EPOCH: N_("The gate began a new outbox before we held everything of the one before."),
    AlertKind.GAP: N_("Events are missing between others."),
    AlertKind.CLOCK_UNKNOWN: N_("The time of an event cannot be worked out; it is among the dead letters."),
    AlertKind.LATE_ALARM: N_("An alarm was heard of too late to begin an evacuation: should an outage be excused?"),
    AlertKind.FORCED: N_("A door was opened without being released."),
    AlertKind.HELD: N_("A door has been open for too long."),
    AlertKind.TAMPER: N_("A device at this lane was opened or taken off its place."),
    AlertKind.POWER: N_("A device at this lane has no mains power."),
}
DO = {
    AlertKind.DIGEST_CONFLICT: N_("The gate has been asked to begin a new outbox. Look whether its disk was cloned."),
    AlertKind.UNCLOSED_EPOCH: N_("Look for the gate's old disk: what it still held was not sent."),
    AlertKind.GAP: N_("The gate has been asked to send them again. See whether it is reachable."),
    AlertKind.CLOCK_UNKNOWN: N_("Give the gate a clock that runs without power, or a time server."),
    AlertKind.LATE_ALARM: N_("If people left because of it, excuse that time under violations."),
    AlertKind.FORCED: N_("See whether the door is whole and closed; who went through was not read."),
    AlertKind.HELD: N_("See what keeps the door open."),
    AlertKind.TAMPER: N_("See whether the device is whole: what it reads may be listened to."),
    AlertKind.POWER: N_("Look at its power supply: on a battery it runs for hours at most."),
}


class AlertOut(BaseModel):
    """One alert: what it is about is named by gate, epoch and sequence."""

    id: str
    kind: AlertKind
    gate: str
    epoch: int
    sequence: int
    since: datetime
    facts: dict[str, str]
    sentence: str

    @classmethod
    def of(cls, one: Alert, words: Words) -> "AlertOut":
        """Take over an alert with its sentence."""
        return cls(
            id=one.id,
            kind=one.kind,
            gate=one.gate,
            epoch=one.epoch,
            sequence=one.sequence,
            since=words.local(one.shown_from),
            facts=one.facts,
            sentence=words(SAID[one.kind]),
        )


class AlertsOut(BaseModel):
    """Alerts that nobody has seen yet, newest first."""

    items: list[AlertOut]


@router.get("/api/v1/staff/alerts", summary="What gates give to look at", tags=["staff"])
async def alerts(request: Request, _caller: Staff) -> AlertsOut:
    """List what nobody of the staff has seen yet. A gap that has closed is no alert any more."""
    words = api_words(request)
    return AlertsOut(items=[AlertOut.of(one, words) for one in context_of(request).reads.alerts(words.now)])


@router.post("/api/v1/staff/alerts/{alert}/seen", summary="An alert was seen to", tags=["staff"], status_code=204)
async def seen(request: Request, alert: str, caller: Changing) -> None:
    """Keep who saw to it and when."""
    only_staff(caller)
    await _do(request, SeeAlert(staff=caller.reader, at=context_of(request).clock.now(), alert=alert))


@router.post(
    "/api/v1/staff/dead-letters/{letter}/replay", summary="Apply a dead letter", tags=["staff"], status_code=204
)
async def replay(request: Request, letter: str, caller: Changing) -> None:
    """Apply what could not be applied, where what kept it from that is gone."""
    only_staff(caller)
    await _do(request, ReplayDeadLetter(staff=caller.reader, at=context_of(request).clock.now(), letter=letter))


@router.get("/staff/alerts", include_in_schema=False)
async def alerts_page(request: Request) -> Response:
    """Show alerts with what to do, then dead letters."""
    caller, context = staff_caller(request), context_of(request)
    count, letters = context.reads.dead_letters()
    return render(
        request, "staff_alerts.html", caller=caller, tab="staff", alerts=context.reads.alerts(context.clock.now()),
        said=SAID, do=DO, letters=letters, count=count,
    )  # fmt: skip


@router.post("/staff/alerts/{alert}/seen", include_in_schema=False)
async def seen_form(request: Request, alert: str) -> Response:
    """Keep who saw to an alert."""
    caller, _ = await form_caller(request)
    await seen(request, alert, caller)
    return see("/staff/alerts")


@router.post("/staff/dead-letters/{letter}/replay", include_in_schema=False)
async def replay_form(request: Request, letter: str) -> Response:
    """Apply a dead letter."""
    caller, _ = await form_caller(request)
    await replay(request, letter, caller)
    return see("/staff/alerts")


async def _do(request: Request, command: SeeAlert | ReplayDeadLetter) -> None:
    outcome = await submit(context_of(request), command)
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
