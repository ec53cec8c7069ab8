"""What readers ask for and scan, played on both sides: the command for the store, the verdict and the change of the model."""

from typing import Any

from bench.model.libraries import moment
from bench.model.stays import Reasons, Stay
from bench.model.steps import Step
from bench.model.twin import Twin
from booking.domain.reservation import Action
from booking.service.commands import Act, Changed, Channel, CheckInByCode, CheckOutByCode, MoveSeat, Reserve


def _channel(args: dict[str, Any]) -> Channel:
    return Channel.KIOSK if args.get("kiosk") else Channel.WEB


def _named(twin: Twin, name: int) -> Stay | None:
    return next((stay for stay in reversed(twin.model.stays) if stay.name == name), None)


# ---- readers ---------------------------------------------------------------------------------------------------------


def reserve(twin: Twin, step: Step) -> bool:
    args, model = step.args, twin.model
    reader, seat, area = args["reader"], args["seat"], args["area"]
    start, end, kiosk = args["start"], args["end"], args["kiosk"]
    place = area or model.rules.area_of(seat)
    began = model.now // 60 * 60 if start is None else start
    reasons = model.why_not_book(reader, place, start, end, kiosk=kiosk)
    if (until := model.suspended_until(reader)) is not None:
        reasons["suspended"] = until
    seats = [""]
    if model.rules.areas[place].capacity is None:
        taken = model.why_not_seat(reader, seat, began, end) if seat else {"no": None}
        seats = [seat] if seat and not taken else model.best_seats(reader, place, began, end, seat) if area else []
        if not seats:
            reasons |= {"area-full": None} if area else taken

    def command(key: Any) -> Reserve:
        return Reserve(
            reader=reader,
            at=moment(step.at),
            seat=seat,
            area=area,
            start=None if start is None else moment(start),
            end=moment(end),
            channel=_channel(args),
            request=key,
        )

    def judge(outcome: Any) -> None:
        if not twin.expect(outcome, reasons):
            return
        if not isinstance(outcome, Changed):
            raise twin.differs(f"{outcome} instead of a reservation")
        got = outcome.reservation
        if got.seat not in seats:
            raise twin.differs(f"the store gave {got.seat!r}, the model one of {seats}")
        stay = model.book(Stay(step.n, got.id, reader, place, got.seat, began, end, step.at))
        twin.by_id[got.id] = stay
        if kiosk and began == model.now // 60 * 60:
            model.act(stay, "check-in")
        twin.same(outcome, stay)

    twin.ask(command, judge)
    return True


def act(twin: Twin, step: Step) -> bool:
    args, model = step.args, twin.model
    stay, action, until = _named(twin, args["stay"]), args["action"], args["until"]
    if stay is None:
        return False
    reasons, end = Reasons(), until
    if stay.reader != args["reader"]:
        reasons = {"unknown-reservation": None}
    else:
        reasons = model.why_not_act(stay, action, kiosk=args["kiosk"])
        if action == "extend" and not reasons:
            end, reasons = model.extended(stay, until)

    def command(key: Any) -> Act:
        return Act(
            reader=args["reader"],
            at=moment(step.at),
            reservation=stay.id,
            action=Action(action),
            until=None if until is None else moment(until),
            channel=_channel(args),
            request=key,
        )

    def judge(outcome: Any) -> None:
        if twin.expect(outcome, reasons):
            model.act(stay, action, end)
            twin.same(outcome, stay)

    twin.ask(command, judge)
    return True


def move(twin: Twin, step: Step) -> bool:
    args, model = step.args, twin.model
    stay, seat, taken = _named(twin, args["stay"]), args["seat"], args["taken"]
    if stay is None or not stay.seat or not (seat or taken):
        return False
    if stay.reader != args["reader"]:
        reasons: Reasons = {"unknown-reservation": None}
    else:
        reasons = model.why_not_move(stay, seat, kiosk=args["kiosk"])
    start, end = model.rest_of(stay)
    seats = [seat] if seat else model.best_seats(stay.reader, stay.area, start, end, stay.seat)
    before = {task.id for task in twin.reads.tasks()} if taken else set()

    def command(key: Any) -> MoveSeat:
        return MoveSeat(
            reader=args["reader"],
            at=moment(step.at),
            reservation=stay.id,
            seat=seat,
            taken=taken,
            channel=_channel(args),
            request=key,
        )

    def judge(outcome: Any) -> None:
        if not twin.expect(outcome, reasons):
            return
        got = outcome.reservation.seat
        if got not in seats:
            raise twin.differs(f"the store moved to {got!r}, the model to one of {seats}")
        if taken:
            (task,) = {task.id for task in twin.reads.tasks()} - before
            model.reported[str(step.n)] = stay.seat
            twin.tasks[step.n] = task
        stay.area, stay.seat = model.rules.area_of(got), got
        twin.same(outcome, stay)

    twin.ask(command, judge)
    return True


# ---- codes -----------------------------------------------------------------------------------------------------------


def _position_missing(twin: Twin, args: dict[str, Any]) -> Reasons:
    venue = twin.model.rules.kiosks[args["at_kiosk"]]
    return {"position-required": None} if venue in twin.model.rules.fenced and not args["near"] else {}


def _code(args: dict[str, Any], step: Step, key: Any) -> dict[str, Any]:
    return {
        "reader": args["reader"],
        "at": moment(step.at),
        "seen_at": moment(args["seen"]),
        "kiosk": args["at_kiosk"],
        "step": args["code"],
        "near": "0-50" if args["near"] else None,
        "request": key,
    }


def scan_in(twin: Twin, step: Step) -> bool:
    args, model = step.args, twin.model
    reader, venue = args["reader"], model.rules.kiosks[args["at_kiosk"]]
    reasons, used = _position_missing(twin, args), (reader, args["at_kiosk"], args["code"])
    stay = None
    if not reasons:
        stay = model.arrival(reader, venue, args["seen"], made_by=step.at)
        if stay is None:
            reasons = model.why_not_check_in(reader, venue, args["seen"])
        elif used in model.used_codes:
            reasons = {"code-used": None}

    def judge(outcome: Any) -> None:
        if twin.expect(outcome, reasons) and stay is not None:
            model.used_codes.add(used)
            model.arrive(stay, args["seen"])
            twin.same(outcome, stay)

    twin.ask(lambda key: CheckInByCode(**_code(args, step, key)), judge)
    return True


def scan_out(twin: Twin, step: Step) -> bool:
    args, model = step.args, twin.model
    reader, venue = args["reader"], model.rules.kiosks[args["at_kiosk"]]
    reasons, used = _position_missing(twin, args), (reader, args["at_kiosk"], args["code"])
    stay = model.to_sign_out(reader, venue, args["seen"])
    reasons = reasons or model.why_not_sign_out(stay)
    if not reasons and used in model.used_codes:
        reasons = {"code-used": None}

    def judge(outcome: Any) -> None:
        if twin.expect(outcome, reasons) and stay is not None:
            model.used_codes.add(used)
            model.sign_out(stay, args["seen"])
            twin.same(outcome, stay)

    twin.ask(lambda key: CheckOutByCode(**_code(args, step, key)), judge)
    return True
