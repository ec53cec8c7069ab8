"""Every refusal of the closed enum, reached over HTTP at least once: it names its rule, and when it will be allowed where
that is known. A code that nothing reaches has no case here, and fails.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path

import attrs
import pytest

from booking.domain.refusals import RefusalCode
from booking.service.commands import Sweep
from booking.store.read_seats import SeatReads
from config.policy import ViolationStep
from config.schema import DateHours, Venue
from config.values import Text

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
SEAT = "2f-centre-065"
TWO = "two-campus.toml"
EAST = {"lat": 30.2741, "lon": 120.1551, "accuracy": 12.0}
MIN = timedelta(minutes=1)
ANY = object()


def at(hhmm, day=17):
    return f"2023-07-{day}T{hhmm}:00+08:00"


EIGHT = at("20:00")


def policy(**parts):
    def change(site):
        changed = {name: attrs.evolve(getattr(site.policy, name), **part) for name, part in parts.items()}
        return attrs.evolve(site, policy=attrs.evolve(site.policy, **changed))

    return change


def area(area_id, **changes):
    return lambda site: attrs.evolve(
        site, areas=[attrs.evolve(one, **changes) if one.id == area_id else one for one in site.areas]
    )


def holiday(site):
    closed = DateHours(date(2023, 7, 18), reason=Text("国庆节闭馆", "National Day"))
    return attrs.evolve(site, venues=[attrs.evolve(site.venues[0], exceptions=[closed])])


def annex(site):
    other = Venue("annex", Text("分馆", "Annex"), time(8), time(22))
    return attrs.evolve(area("4f-west", venue="annex")(site), venues=[*site.venues, other])


class Scene:
    """A service and short words for what readers ask of it."""

    def __init__(self, house, api_of, browser_of, device_of, wire_of, monkeypatch):
        self.house, self.monkeypatch = house, monkeypatch
        self.api_of, self.browser_of, self.device_of, self.wire_of = api_of, browser_of, device_of, wire_of
        self.one = api_of(house, ONE)

    def other(self, reader=OTHER):
        return self.api_of(self.house, reader)

    def book(self, seat=SEAT, start=None, end=EIGHT, *, by=None, **more):
        wish = ({"seat": seat} if seat else {}) | {"end": end} | ({"start": start} if start else {}) | more
        return (by or self.one).post("/api/v1/reservations", json=wish)

    def stay(self, *args, **more):
        return self.book(*args, **more).json()["id"]

    def act(self, stay, verb, *, by=None, **body):
        return (by or self.one).post(f"/api/v1/reservations/{stay}/{verb}", json=body or None)

    def scan(self, path="check-ins", *, by=None, position=None, **more):
        body = {"code": self.house.code(**more)} | ({"position": position} if position else {})
        return (by or self.one).post(f"/api/v1/{path}", json=body)

    def in_use(self, end=EIGHT, seat=SEAT):
        stay = self.stay(seat, end=end)
        self.scan()
        return stay

    def kiosk(self):
        machine = self.device_of(self.house, "k-2s", "kiosk")
        machine.enrol()
        return lambda body: machine.signed("POST", "/api/v1/kiosks/k-2s/sessions", body)

    def code(self):
        return self.one.post("/api/v1/activation-codes").json()["code"]

    def bind(self, code, reader=ONE):
        return self.api_of(self.house).post("/api/v1/bindings", json={"reader": reader, "code": code, "app": "x"})

    def missed(self):
        stay = self.stay()
        self.house.at("17:08")
        self.house.do(Sweep(at=self.house.clock.now()))
        return stay

    def phone(self, reader=ONE):
        return self.browser_of(self.house, reader)


@dataclass(frozen=True)
class Case:
    code: RefusalCode
    play: Callable
    key: str | None = None
    allowed: object = None
    change: object = None
    now: str = "16:38"
    site: str = "bjut.toml"


def taken(scene):
    scene.book(by=scene.other())
    return scene.book()


def full(scene):
    scene.book(None, at("09:00", 18), at("10:00", 18), by=scene.other(), area="east")
    return scene.book(None, at("09:00", 18), at("10:00", 18), area="east")


def walk_ups(scene):
    scene.book(start=at("18:00"))
    return scene.book("2f-centre-001", at("18:00"), by=scene.other())


def cooling(scene):
    for _ in range(3):
        scene.act(scene.stay(start=at("18:00")), "cancel")
    return scene.book(start=at("18:00"))


def three(scene):
    scene.book(start=at("17:00"), end=at("18:00"))
    scene.book(start=at("18:00"), end=at("19:00"))
    return scene.book(start=at("19:00"), end=at("20:00"))


def both_campuses(scene):
    scene.book(None, at("08:00", 18), at("10:00", 18), area="east")
    return scene.book(None, at("13:00", 18), at("15:00", 18), area="west")


def suspended(scene):
    scene.missed()
    return scene.book("2f-centre-066")


def too_late(scene):
    scene.stay()
    scene.house.at("17:08")
    return scene.scan()


def campus(scene, position, path="check-ins"):
    scene.book(None, at("17:00"), at("18:00"), area="east")
    return scene.scan(path, kiosk=1, position=position)


def extend_early(scene):
    return scene.act(scene.in_use(), "extend")


def extend_blocked(scene):
    stay = scene.in_use(at("18:00"))
    scene.book(start=at("18:00"), by=scene.other())
    scene.house.at("17:30")
    return scene.act(stay, "extend")


def used(scene):
    stay, code = scene.stay(), {"code": scene.house.code()}
    scene.one.post("/api/v1/check-ins", json=code)
    scene.act(stay, "step-away")
    return scene.one.post("/api/v1/check-ins", json=code)


def old_scan(scene):
    scene.stay()
    phone = scene.phone()
    page = phone.get(f"/c/{scene.house.code()}")
    scene.house.at("16:44")
    return phone.submit(page, "/check-in")


def old_reader_code(scene):
    code = scene.one.post("/api/v1/reader-codes").json()["code"]
    scene.house.at("16:40")
    return scene.kiosk()({"reader_code": code})


def wrong_code(scene):
    return scene.bind(f"{(int(scene.code()) + 1) % 1_000_000:06}")


def waiting_app(scene):
    app = scene.api_of(scene.house)
    app.headers["authorization"] = f"Bearer {scene.bind(scene.code()).json()['token']}"
    return app.get("/api/v1/reservations")


def other_session(scene):
    asked = scene.bind(scene.code()).json()["id"]
    return scene.other(ONE).post(f"/api/v1/bindings/{asked}/confirm")


def late_answer(scene):
    asked = scene.bind(scene.code()).json()["id"]
    scene.house.at("16:48")
    return scene.one.post(f"/api/v1/bindings/{asked}/confirm")


def with_pin(scene, pin="271828", again=None):
    phone = scene.phone()
    return phone.submit(phone.get("/me/pin"), "/me/pin", pin=pin, again=again or pin)


def wrong_pin(scene, times=1):
    with_pin(scene)
    session = scene.kiosk()
    for _ in range(times - 1):
        session({"reader": ONE, "pin": "000001"})
    return session({"reader": ONE, "pin": "000001"})


def at_the_desk(scene, action, **form):
    desk = scene.phone(STAFF)
    page = desk.get("/staff/desk")
    fields = desk.form(page, "/staff/desk/pin")
    return desk.post(action, data=fields | form, headers={"origin": desk.own})


def late_confirmation(scene):
    scene.stay()
    scene.wire_of(scene.house).passes("in")
    record = scene.one.get("/api/v1/gate-records").json()["items"][0]["id"]
    scene.house.at("17:08")
    return scene.one.post(f"/api/v1/gate-records/{record}/confirm")


def late_appeal(scene):
    scene.missed()
    scene.house.at("17:08", 24)
    later = scene.other(ONE)
    found = later.get("/api/v1/violations").json()["items"][0]["id"]
    return later.post(f"/api/v1/violations/{found}/appeal", json={"words": "x"})


def wait_for(scene, seat, *, held=True):
    span = {"start": at("18:00"), "end": at("20:00")}
    if held:
        scene.book(seat, by=scene.other(), **span)
    return scene.one.post("/api/v1/waits", json={"seat": seat} | span)


def many_waits(scene):
    wait_for(scene, SEAT)
    span = {"start": at("18:00"), "end": at("20:00")}
    scene.book("2f-centre-066", by=scene.other(STAFF), **span)
    return scene.one.post("/api/v1/waits", json={"seat": "2f-centre-066"} | span)


def many_tries(scene):
    client = scene.api_of(scene.house)
    answers = [client.post("/api/v1/session", json={"reader": OTHER, "password": "no"}) for _ in range(6)]
    return answers[-1]


def cross_site(scene):
    phone = scene.phone()
    fields = phone.form(phone.get(f"/areas/2f-centre?seat={SEAT}"), "/reservations")
    return phone.post("/reservations", data=fields, headers={"origin": "http://evil.example"})


def key_reused(scene):
    key = {"idempotency-key": "once"}
    scene.one.post("/api/v1/reservations", json={"seat": SEAT, "end": EIGHT}, headers=key)
    return scene.one.post("/api/v1/reservations", json={"seat": "2f-centre-066", "end": EIGHT}, headers=key)


def unreachable(scene):
    scene.house.kiosks.reachable = False
    staff = scene.other(STAFF)
    return staff.get("/staff/kiosks/k-2s/screen.png")


def broken(scene):
    def fail(*_args, **_more):
        raise RuntimeError("broken on purpose")

    scene.monkeypatch.setattr(SeatReads, "areas", fail)
    return scene.one.get("/api/v1/areas")


def moving(scene, seat):
    return scene.act(scene.stay(), "move", seat=seat)


def drawn(scene):
    span = {"start": at("09:00", 19), "end": at("11:00", 19)}
    scene.book(**span)
    scene.house.at("22:01")
    return scene.book(by=scene.other(), **span)


C = RefusalCode
CASES = [
    Case(C.SEAT_TAKEN, taken, None, EIGHT),
    Case(C.SEAT_CLOSED, Scene.book, "areas.closed_seats", change=area("2f-centre", closed_seats=["065"])),
    Case(C.READER_OVERLAP, lambda s: (s.book(), s.book("2f-centre-066"))[1], None, EIGHT),
    Case(C.AREA_FULL, full, "areas.capacity", at("10:00", 18), area("east", capacity=1), site=TWO),
    Case(C.NOT_ELIGIBLE, Scene.book, "areas.eligible", change=area("2f-centre", eligible=["postgraduate"])),
    Case(C.KEPT_FOR_WALK_UPS, walk_ups, "areas.walk_up_share", at("17:30"), area("2f-centre", walk_up_share=0.98)),
    Case(C.COOL_DOWN, cooling, "policy.booking.rebook_limit", at("17:08")),
    Case(C.DRAW_UNDER_WAY, drawn, "policy.draw.collect", ANY, policy(
        booking={"advance_days": 2, "release_at": time(22)}, draw={"collect": MIN}), "22:00"),
    Case(C.NOT_INSIDE, lambda s: s.act(s.stay(), "confirm-inside"), "policy.gate.inside_at_opening"),
    Case(C.OTHER_BUILDING, lambda s: moving(s, "4f-west-001"), change=annex),
    Case(C.UNKNOWN_SEAT, lambda s: s.book("2f-centre-999")),
    Case(C.UNKNOWN_AREA, lambda s: s.book(None, area="9f")),
    Case(C.UNKNOWN_RESERVATION, lambda s: s.one.get("/api/v1/reservations/none")),
    Case(C.OUTSIDE_OPENING_HOURS, lambda s: s.book(start=at("07:00", 18), end=at("09:00", 18)), "venues.opens", at("08:00", 18)),
    Case(C.CLOSED, lambda s: s.book(start=at("09:00", 18), end=at("10:00", 18)), "venues.exceptions", at("08:00", 19), holiday),
    Case(C.TOO_FAR_AHEAD, lambda s: s.book(start=at("09:00", 19), end=at("10:00", 19)), "policy.booking.advance_days", at("00:00", 18)),
    Case(C.IN_THE_PAST, lambda s: s.book(start=at("15:00"))),
    Case(C.OFF_GRID, lambda s: s.book(start=at("17:30")), "policy.booking.grid"),
    Case(C.TOO_SHORT, lambda s: s.book(end=at("17:00")), "policy.booking.min_length", now="16:55"),
    Case(C.TOO_LONG, lambda s: s.book(end=at("22:00")), "areas.max_length"),
    Case(C.TOO_MANY_ACTIVE, three, "policy.booking.max_active", at("18:00")),
    Case(C.OTHER_VENUE, both_campuses, "policy.booking.one_venue", at("10:20", 18), site=TWO),
    Case(C.SIGN_OUT_ON_SITE, lambda s: s.act(s.in_use(), "end"), "policy.sign_out.required", change=policy(sign_out={"required": True})),
    Case(C.SUSPENDED, suspended, "policy.violations.steps", at("00:00", 18), lambda site: attrs.evolve(
        policy(violations={"steps": [ViolationStep(1, "next-day")]})(site), gates=[])),
    Case(C.WINDOW_NOT_OPEN, lambda s: (s.stay(start=at("18:00")), s.scan())[1], "policy.check_in.opens_before", at("17:30")),
    Case(C.WINDOW_CLOSED, too_late, "policy.check_in.closes_after"),
    Case(C.POSITION_REQUIRED, lambda s: campus(s, None), "venues.geofence", now="16:50", site=TWO),
    Case(C.POSITION_VAGUE, lambda s: campus(s, EAST | {"accuracy": 500.0}), "policy.check_in.position_accuracy_m", now="16:50", site=TWO),
    Case(C.OUTSIDE_GEOFENCE, lambda s: campus(s, EAST | {"lat": 30.29}), "venues.geofence", now="16:50", site=TWO),
    Case(C.NOTHING_TO_CHECK_OUT, lambda s: s.scan("check-outs")),
    Case(C.NOTHING_TO_CHECK_IN, lambda s: s.scan()),
    Case(C.NOT_POSSIBLE_NOW, lambda s: s.act(s.stay(), "step-away")),
    Case(C.EXTEND_TOO_EARLY, extend_early, "policy.extend.opens_before_end", at("19:00")),
    Case(C.EXTEND_BLOCKED, extend_blocked),
    Case(C.CODE_MALFORMED, lambda s: s.one.post("/api/v1/check-ins", json={"code": "nonsense"})),
    Case(C.CODE_FORGED, lambda s: s.scan(master=b"x" * 32)),
    Case(C.CODE_STALE, lambda s: s.scan(steps=-6), "policy.check_in.code_tolerance_steps"),
    Case(C.CODE_USED, used),
    Case(C.GRANT_EXPIRED, lambda s: s.one.post("/api/v1/check-ins")),
    Case(C.GRANT_EXPIRED, old_scan),
    Case(C.READER_CODE_INVALID, old_reader_code, "policy.check_in.reader_code_lasts"),
    Case(C.ACTIVATION_CODE_INVALID, wrong_code),
    Case(C.BINDING_PENDING, waiting_app),
    Case(C.BINDING_ELSEWHERE, other_session),
    Case(C.BINDING_OVER, late_answer, "policy.identity.binding_confirm_for"),
    Case(C.PIN_WRONG, wrong_pin),
    Case(C.PIN_LOCKED, lambda s: wrong_pin(s, 6), "policy.identity.pin_tries"),
    Case(C.PIN_WEAK, lambda s: with_pin(s, "123456")),
    Case(C.PIN_DIFFERS, lambda s: with_pin(s, again="314159")),
    Case(C.UNKNOWN_READER, lambda s: at_the_desk(s, "/staff/desk/pin", reader="S999", pin="271828")),
    Case(C.CARD_NOT_PAIRABLE, lambda s: at_the_desk(s, "/staff/desk/pair", reader=ONE, record="none")),
    Case(C.CONFIRM_TOO_LATE, late_confirmation, "policy.gate.confirm_for"),
    Case(C.APPEAL_TOO_LATE, late_appeal, "policy.violations.appeal_within"),
    Case(C.FREE_NOW, lambda s: wait_for(s, SEAT, held=False)),
    Case(C.TOO_MANY_WAITS, many_waits, "policy.waiting.max_open", change=policy(waiting={"max_open": 1})),
    Case(C.SIGN_IN_REQUIRED, lambda s: s.book(by=s.api_of(s.house))),
    Case(C.SIGN_IN_FAILED, lambda s: s.api_of(s.house).post("/api/v1/session", json={"reader": ONE, "password": "no"})),
    Case(C.TOO_MANY_TRIES, many_tries, None, ANY),
    Case(C.FORBIDDEN, lambda s: s.one.get("/api/v1/staff/tasks")),
    Case(C.CROSS_SITE, cross_site),
    Case(C.KEY_REUSED, key_reused),
    Case(C.INVALID_REQUEST, lambda s: s.one.post("/api/v1/reservations", json={"seat": 7})),
    Case(C.NOT_FOUND, lambda s: s.one.get("/api/v1/nowhere")),
    Case(C.UNAVAILABLE, unreachable),
    Case(C.FAULT, broken),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.code))
def test_each_refusal_is_reached_and_names_its_rule(
    case, open_house, api_of, browser_of, device_of, wire_of, monkeypatch
):
    """Every refusal names its rule and the next allowed time"""
    house = open_house(case.change, case.now, site=case.site)
    answer = case.play(Scene(house, api_of, browser_of, device_of, wire_of, monkeypatch))
    assert answer.status_code >= 400
    if answer.headers["content-type"].startswith("text/html"):
        assert re.search(r'data-code="([^"]+)"', answer.text)[1] == case.code
        return
    said = answer.json()
    assert (said["code"], said["policy_key"]) == (case.code, case.key), said
    assert said["sentences"]["zh"] != said["sentences"]["en"]
    if case.allowed is ANY:
        assert said["next_allowed_at"]
    else:
        assert said["next_allowed_at"] == case.allowed


ELSEWHERE = {
    C.UNIVERSITY_ONLY: "sso/test_cas.py",
    C.UNIVERSITY_DENIED: "sso/test_oidc.py",
    C.SIGN_IN_ELSEWHERE: "sso/test_university_down.py",
    C.UNIVERSITY_DOWN: "sso/test_oidc.py",
    C.SIGN_IN_OVER: "sso/test_oidc.py",
}
"""Codes that need a whole scene of their own, and the file that expects them over HTTP."""


def test_no_code_is_out_of_reach():
    """codes that nothing can reach are deleted"""
    here = {case.code for case in CASES}
    assert here.isdisjoint(ELSEWHERE)
    assert here | set(ELSEWHERE) == set(RefusalCode)
    for code, file in ELSEWHERE.items():
        assert f'"{code}"' in (Path(__file__).parent / file).read_text(encoding="utf-8"), code
