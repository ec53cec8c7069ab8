"""What staff, time and the machine itself do, played on both sides; and appeals, which staff decide."""

from typing import Any

from bench.model.blame import Blame
from bench.model.libraries import moment
from bench.model.stays import Closure
from bench.model.steps import Step
from bench.model.twin import Twin
from booking.service.commands import Stored, Sweep
from booking.service.floor import CloseFloor, KeepHours, OpenFloor, SettleTask
from booking.service.violation_commands import Appeal, DecideViolation, GrantAmnesty
from config.values import Text

STAFF = "STAFF"


def _blame(twin: Twin, args: dict[str, Any]) -> tuple[Blame, str] | None:
    blame = twin.model.blames.get((args["stay"], args["kind"], args["when"]))
    if blame is None:
        return None
    for one in twin.reads.violations(blame.stay.reader, moment(twin.model.now)).items:
        if (one.reservation, str(one.kind), one.occurred_at) == (blame.stay.id, blame.kind, moment(blame.at)):
            return blame, one.id
    return None


def appeal(twin: Twin, step: Step) -> bool:
    found = _blame(twin, step.args)
    if found is None:
        return False
    blame, name = found
    reasons = twin.model.why_not_appeal(step.args["reader"], blame)

    def judge(outcome: Any) -> None:
        if twin.expect(outcome, reasons):
            blame.appealed = True

    twin.ask(
        lambda key: Appeal(
            reader=step.args["reader"], at=moment(step.at), violation=name, words="I was there", request=key
        ),
        judge,
    )
    return True


def decide(twin: Twin, step: Step) -> bool:
    found = _blame(twin, step.args)
    if found is None:
        return False
    blame, name = found
    uphold = step.args["uphold"]
    outcome = twin.do(DecideViolation(staff=STAFF, at=moment(step.at), violation=name, uphold=uphold))
    if twin.expect(outcome, {"not-possible-now": None} if blame.lifted or blame.decided else {}):
        twin.model.decide(blame, uphold=uphold)
    return True


def excuse(twin: Twin, step: Step) -> bool:
    start, end, venue = step.args["start"], step.args["end"], step.args["venue"]
    outcome = twin.do(
        GrantAmnesty(
            staff=STAFF, at=moment(step.at), start=moment(start), end=moment(end), reason="outage", venue=venue
        )
    )
    if twin.expect(outcome, {} if start < end else {"invalid-request": None}):
        twin.model.excuse((start, end, venue))
    return True


# ---- staff and machines ----------------------------------------------------------------------------------------------


def close_floor(twin: Twin, step: Step) -> bool:
    args = step.args
    start, end = args["start"], args["end"]
    begins = step.at if start is None else max(start, step.at)
    outcome = twin.do(
        CloseFloor(
            id=f"c{step.n}",
            staff=STAFF,
            at=moment(step.at),
            area=args["area"],
            seat=args["seat"] or None,
            start=None if start is None else moment(start),
            end=None if end is None else moment(end),
            reason=Text("修", "repair"),
        )
    )
    if twin.expect(outcome, {"invalid-request": None} if end is not None and end <= begins else {}):
        twin.model.close_floor(f"c{step.n}", Closure(args["area"], args["seat"], begins, end))
    return True


def open_floor(twin: Twin, step: Step) -> bool:
    closure = twin.model.closures.get(f"c{step.args['closure']}")
    outcome = twin.do(OpenFloor(closure=f"c{step.args['closure']}", staff=STAFF, at=moment(step.at)))
    if twin.expect(outcome, {} if closure else {"not-found": None}) and closure:
        closure.lifted = True
    return True


def settle_task(twin: Twin, step: Step) -> bool:
    task = twin.tasks.get(step.args["task"])
    if task is None:
        return False
    twin.expect(twin.do(SettleTask(task=task, staff=STAFF, at=moment(step.at))), {})
    twin.model.reported.pop(str(step.args["task"]), None)
    return True


def sweep(twin: Twin, step: Step) -> bool:
    if twin.do(Sweep(at=moment(step.at))) != Stored():
        raise twin.differs("the sweep failed")
    return True


def keep_hours(twin: Twin, step: Step) -> bool:
    twin.expect(twin.do(KeepHours(at=moment(step.at))), {})
    return True


def restart(twin: Twin, step: Step) -> bool:
    twin.database.shut()
    twin.database.open(moment(step.at))
    return True
