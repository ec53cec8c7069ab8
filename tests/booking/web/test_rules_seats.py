"""The first manual's rules, line by line, over HTTP and the gates' wire: each as it ships, and with another number.

Quoted are the lines of 《北京工业大学图书馆座位预约系统 使用帮助》. What its pages show: test_manual_pages.py.
"""

from datetime import timedelta

import attrs
import pytest

from booking.service.commands import Card, LoadPeople, Person, Sweep
from config.policy import ExitMeans, IdentityPolicy
from config.schema import KioskRole

ONE, OTHER = "S2023001", "S2023002"
SEAT = "2f-centre-065"
MIN = timedelta(minutes=1)


def at(hhmm, day=17):
    return f"2023-07-{day}T{hhmm}:00+08:00"


EIGHT = at("20:00")


def policy(**parts):
    """Return what changes a site's policy: `policy(booking={"max_active": 3})`."""

    def change(site):
        changed = {name: attrs.evolve(getattr(site.policy, name), **part) for name, part in parts.items()}
        return attrs.evolve(site, policy=attrs.evolve(site.policy, **changed))

    return change


def with_area(area_id, **changes):
    return lambda site: attrs.evolve(
        site, areas=[attrs.evolve(area, **changes) if area.id == area_id else area for area in site.areas]
    )


@pytest.fixture
def library(open_house, api_of):
    """`library(change)`: the library at 16:38, and a client of a reader of it."""

    def open_(change=None, now="16:38", reader=ONE):
        house = open_house(change, now)
        return house, api_of(house, reader)

    return open_


def book(client, seat=SEAT, start=None, end=EIGHT):
    wish = {"seat": seat, "end": end} | ({"start": start} if start else {})
    return client.post("/api/v1/reservations", json=wish).json()


def scan(client, house, **more):
    return client.post("/api/v1/check-ins", json={"code": house.code(**more)})


def act(client, stay, verb, **more):
    return client.post(f"/api/v1/reservations/{stay['id']}/{verb}", **more)


def seen(client, stay):
    return client.get(f"/api/v1/reservations/{stay['id']}").json()


# ---- 1.1 用户登录 ----------------------------------------------------------------------------------------------------


def test_only_who_has_signed_in_books(library, api_of):
    """读者使用学校统一身份认证账号、密码登录"""
    house, reader = library()
    no = api_of(house).post("/api/v1/reservations", json={"seat": SEAT, "end": at("20:00")})
    assert (no.status_code, no.json()["code"]) == (401, "sign-in-required")
    assert book(reader)["status"] == "reserved"


def test_numbers_of_graduates_may_be_written_small(library, api_of):
    """研究生学号请使用大写字母。 Reader ids fold case."""
    house, _ = library()
    client = api_of(house)
    answer = client.post("/api/v1/session", json={"reader": "s2023001", "password": "correct horse"})
    assert answer.json()["reader"]["id"] == ONE
    wrong = client.post("/api/v1/session", json={"reader": "s2023001", "password": "wrong"})
    assert "大写" in wrong.json()["sentences"]["zh"]


def test_a_session_of_the_campus_app_is_like_any_other(library):
    """不需要使用学校统一身份认证账号、密码登录，其他同网页预约"""
    _, web = library()
    code = web.post("/api/v1/activation-codes").json()["code"]
    asked = web.post("/api/v1/bindings", json={"reader": ONE, "code": code, "app": "日新工大"}).json()
    web.post(f"/api/v1/bindings/{asked['id']}/confirm")
    web.headers["authorization"] = f"Bearer {asked['token']}"
    assert book(web)["status"] == "reserved"  # no password was asked


# ---- 1.3 自选座位 ----------------------------------------------------------------------------------------------------


def test_whoever_has_reserved_goes_first(library, api_of):
    """有效预约的读者享有座位优先使用权"""
    house, reader = library()
    book(reader)
    no = book(api_of(house, OTHER))
    assert (no["code"], no["next_allowed_at"]) == ("seat-taken", at("20:00"))


@pytest.mark.parametrize(("hours", "code"), [(4, "too-long"), (5, None)])
def test_areas_have_their_own_longest_stay(library, hours, code):
    """为满足不同读者的需求，不同区域采取不同最大预约时长"""
    _, reader = library(with_area("2f-centre", max_length=timedelta(hours=hours)))
    assert book(reader, "4f-east-001", at("16:38"), at("22:00"))["status"] == "reserved"
    act(reader, {"id": reader.get("/api/v1/reservations").json()["items"][0]["id"]}, "cancel")
    answer = book(reader, end=at("21:00"))
    assert answer.get("code") == code
    if code:
        assert answer["policy_key"] == "areas.max_length"


@pytest.mark.parametrize(("days", "code"), [(1, None), (0, "too-far-ahead")])
def test_today_and_tomorrow(library, days, code):
    """日期（当日和次日）; 选好时间：今天或明天"""
    _, reader = library(policy(booking={"advance_days": days}))
    answer = book(reader, start=at("10:00", 18), end=at("12:00", 18))
    assert answer.get("code") == code
    assert book(reader, start=at("10:00", 19), end=at("12:00", 19))["code"] == "too-far-ahead"
    if code:
        assert (answer["policy_key"], answer["next_allowed_at"]) == ("policy.booking.advance_days", at("00:00", 18))


@pytest.mark.parametrize(("rules", "start", "code"), [
    ({}, None, None),
    ({"allow_now": False}, None, "off-grid"),
    ({}, at("17:00"), None),
    ({}, at("17:30"), "off-grid"),
    ({"grid": 30 * MIN}, at("17:30"), None),
])  # fmt: skip
def test_now_or_a_full_hour(library, rules, start, code):
    """选择开始时间 现在 17:00 18:00 19:00"""
    _, reader = library(policy(booking=rules))
    assert book(reader, start=start).get("code") == code


@pytest.mark.parametrize(("least", "code"), [(10, None), (30, "too-short")])
def test_the_ten_minutes_that_the_manual_shows(library, least, code):
    """2023-7-17 15:50 16:00 图书馆2层二层中厅065号"""
    _, reader = library(policy(booking={"min_length": least * MIN}), "15:50")
    answer = book(reader, end=at("16:00"))
    assert answer.get("code") == code
    if code:
        assert answer["policy_key"] == "policy.booking.min_length"


@pytest.mark.parametrize(
    ("rules", "minute", "status"),
    [
        ({}, "17:29", 409),
        ({}, "17:30", 201),
        ({"opens_before": 45 * MIN}, "17:29", 201),
        ({}, "18:29", 201),
        ({}, "18:30", 409),
        ({"closes_after": 45 * MIN}, "18:30", 201),
    ],
)
def test_half_an_hour_around_the_start(library, rules, minute, status):
    """请在预约时间开始前30分钟到预约时间开始后30分钟内签到"""
    house, reader = library(policy(check_in=rules))
    book(reader, start=at("18:00"))
    house.at(minute)
    assert scan(reader, house).status_code == status


@pytest.mark.parametrize("counts", [True, False])
def test_who_does_not_come_has_a_violation(library, counts):
    """否则会被记录违约一次"""
    house, reader = library(policy(violations={"no_show": counts}))
    book(reader)
    house.at("17:08")
    house.do(Sweep(at=house.clock.now()))
    found = reader.get("/api/v1/violations").json()["items"]
    assert [(one["kind"], one["policy_key"]) for one in found] == (
        [("no-show", "policy.check_in.closes_after")] if counts else []
    )


def test_booking_is_one_step_and_says_so(library, browser_of):
    """选择开始时间和结束时间，点击立即预约，预约成功; 点击确定之后便会弹出 预约成功"""
    house, _ = library()
    phone = browser_of(house, ONE)
    page = phone.get(f"/areas/2f-centre?seat={SEAT}&start=2023-07-17T17:00:00%2B08:00&end=2023-07-17T18:00:00%2B08:00")
    done = phone.submit(page, "/reservations")
    assert "预约成功" in done.text
    assert "17:00–18:00" in done.text


# ---- 1.4 我的预约 ----------------------------------------------------------------------------------------------------


def test_each_reader_sees_their_own(library, api_of):
    """此功能可以查看读者自己的预约记录，显示预约信息; 点击预约记录即可查看"""
    house, reader = library()
    stay = book(reader)
    assert [one["id"] for one in reader.get("/api/v1/reservations").json()["items"]] == [stay["id"]]
    assert api_of(house, OTHER).get("/api/v1/reservations").json()["items"] == []
    assert act(api_of(house, OTHER), stay, "cancel").json()["code"] == "unknown-reservation"


def test_a_reader_cancels_what_is_theirs(library):
    """用户还可在"我的预约"中取消该预约"""
    _, reader = library()
    stay = book(reader)
    assert act(reader, stay, "cancel").json()["status"] == "cancelled"
    assert act(reader, stay, "cancel").json()["code"] == "not-possible-now"


# ---- 1.5 激活码 ------------------------------------------------------------------------------------------------------


def bind(client, code):
    return client.post("/api/v1/bindings", json={"reader": ONE, "code": code, "app": "一考即过"})


@pytest.mark.parametrize(("minutes", "status"), [(10, 403), (15, 201)])
def test_six_digits_count_for_a_while(library, api_of, minutes, status):
    """点击激活码获取6为数字"""
    house, web = library(lambda site: identity(site, activation_code_lasts=minutes * MIN))
    code = web.post("/api/v1/activation-codes").json()["code"]
    assert len(code) == 6
    assert code.isdigit()
    house.at("16:48")
    assert bind(api_of(house), code).status_code == status


@pytest.mark.parametrize(("tries", "status"), [(5, 403), (6, 201)])
def test_the_six_digits_open_the_app(library, api_of, tries, status):
    """输入此6位数字，可进入小程序内使用"""
    house, web = library(lambda site: identity(site, activation_code_tries=tries))
    code = web.post("/api/v1/activation-codes").json()["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert [bind(api_of(house), wrong).status_code for _ in range(5)] == [403] * 5
    assert bind(api_of(house), code).status_code == status


@pytest.mark.parametrize(("minutes", "code"), [(10, "binding-over"), (15, None)])
def test_an_app_is_bound_once(library, api_of, minutes, code):
    """获取激活码绑定身份，以后使用无需再次绑定"""
    house, web = library(lambda site: identity(site, binding_confirm_for=minutes * MIN))
    asked = bind(api_of(house), web.post("/api/v1/activation-codes").json()["code"]).json()
    house.at("16:48")
    assert web.post(f"/api/v1/bindings/{asked['id']}/confirm").json().get("code") == code
    if code is None:
        house.at("16:38", 31)
        app = api_of(house)
        app.headers["authorization"] = f"Bearer {asked['token']}"
        assert app.get("/api/v1/reservations").status_code == 200


def identity(site, **keys):
    return attrs.evolve(site, policy=attrs.evolve(site.policy, identity=IdentityPolicy(**keys)))


# ---- 2.5 签到、暂离、续约; 2.6 结束座位 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kiosk", [1, 2, 3, 4])
@pytest.mark.parametrize(("steps", "good"), [(1, True), (2, False)])
def test_the_code_of_each_machine_changes_all_the_time(library, kiosk, steps, good):
    """扫描馆内选座机（或三层北、四层北查询机）动态二维码实现签到功能"""
    house, reader = library()
    book(reader)
    assert (scan(reader, house, kiosk=kiosk, steps=-steps).status_code == 201) is good


def test_an_older_code_is_good_where_the_site_says_so(library):
    house, reader = library(policy(check_in={"code_tolerance_steps": 2}))
    book(reader)
    assert scan(reader, house, steps=-2).status_code == 201


def test_the_two_machines_in_the_self_service_areas_pick_seats(library, device_of):
    """位于二层南北自助服务区的两台选座机"""
    house, _ = library()
    assert [kiosk.id for kiosk in house.site.kiosks if kiosk.role is KioskRole.PICK] == ["k-2s", "k-2n"]
    assert at_kiosk(house, device_of)["status"] == "in-use"


def test_without_check_in_at_the_machine_the_reader_still_scans(library, device_of):
    house, _ = library(policy(check_in={"at_kiosk_now": False}))
    assert at_kiosk(house, device_of)["status"] == "reserved"


def at_kiosk(house, device_of):
    """Book a seat from now at the machine, by card."""
    machine = device_of(house, "k-2s", "kiosk")
    machine.enrol()
    session = machine.signed("POST", "/api/v1/kiosks/k-2s/sessions", {"card": "0006547886"}).json()
    auth = {"authorization": f"Bearer {session['token']}"}
    return machine.post("/api/v1/reservations", json={"seat": SEAT, "end": at("20:00")}, headers=auth).json()


@pytest.mark.parametrize(("limit", "until"), [(30, "17:08"), (45, "17:23")])
def test_stepping_away_for_a_while(library, limit, until):
    """点击暂离、续约图标可以临时暂离、续约"""
    house, reader = library(policy(away={"limit": limit * MIN}))
    stay = book(reader)
    scan(reader, house)
    away = act(reader, stay, "step-away").json()
    assert (away["status"], away["away_until"]) == ("away", at(until))
    house.at("17:07")
    assert act(reader, stay, "return").json()["status"] == "in-use"


@pytest.mark.parametrize(
    ("rules", "minute", "answer"),
    [
        ({}, "18:59", "extend-too-early"),
        ({}, "19:00", at("21:00")),  # an hour before the end, by an hour
        ({"opens_before_end": 2 * 60 * MIN}, "18:00", at("21:00")),
        ({"step": 2 * 60 * MIN}, "19:00", at("22:00")),
        ({"offered": False}, "19:00", "not-possible-now"),
    ],
)
def test_extending_before_the_end(library, rules, minute, answer):
    """点击暂离、续约图标可以临时暂离、续约; the same line: 续约"""
    house, reader = library(
        lambda site: with_area("2f-centre", max_length=timedelta(hours=8))(policy(extend=rules)(site))
    )
    stay = book(reader)
    scan(reader, house)
    house.at(minute)
    done = act(reader, stay, "extend").json()
    assert (done.get("code") or done["end"]) == answer


@pytest.mark.parametrize("verb", ["step-away", "extend"])
def test_a_library_may_offer_neither(library, verb):
    house, reader = library(policy(away={"offered": False}, extend={"offered": False}))
    stay = book(reader)
    scan(reader, house)
    no = act(reader, stay, verb).json()
    assert (no["code"], no["policy_key"]) == (
        "not-possible-now",
        "policy.away.offered" if verb == "step-away" else "policy.extend.offered",
    )


@pytest.mark.parametrize(("required", "code"), [(False, None), (True, "sign-out-on-site")])
def test_ending_frees_the_seat_for_others(library, api_of, required, code):
    """可以点击结束图标 以便其他用户的使用"""
    house, reader = library(policy(sign_out={"required": required}))
    stay = book(reader)
    scan(reader, house)
    house.at("17:30")
    done = act(reader, stay, "end").json()
    assert done.get("code") == code
    other = book(api_of(house, OTHER))
    assert (other.get("status"), other.get("code")) == (("reserved", None) if code is None else (409, "seat-taken"))


# ---- 4.5 门禁记录 ----------------------------------------------------------------------------------------------------


def test_cards_and_faces_at_the_gates_are_on_record(library, wire_of, api_of):
    """门禁记录了读者出入图书馆的刷卡或刷脸数据"""
    house, reader = library()
    now = house.clock.now()
    house.do(LoadPeople(at=now, people=(Person(reader=OTHER, name="王小满", cards=(Card("face", "20230002"),)),)))
    wire_of(house, "south").passes("in")
    house.at("16:50")
    wire_of(house, "north").passes("out", card="20230002", read="face")
    records = reader.get("/api/v1/gate-records").json()["items"]
    assert [(one["direction"], one["kind"], one["effect"]) for one in records] == [("in", "card", "")]
    assert "0006547886" not in reader.get("/api/v1/gate-records").text
    (face,) = api_of(house, OTHER).get("/api/v1/gate-records").json()["items"]
    assert (face["direction"], face["kind"]) == ("out", "face")


@pytest.mark.parametrize(
    ("rules", "after_in", "after_out"),
    [
        ({}, "in-use", "away"),
        ({"enter_checks_in": False}, "reserved", "reserved"),
        ({"exit_means": ExitMeans.END}, "in-use", "ended"),
        ({"exit_means": ExitMeans.NOTHING}, "in-use", "in-use"),
    ],
)
def test_the_gates_help_with_checking_in_and_stepping_away(library, wire_of, rules, after_in, after_out):
    """系统会依据门禁记录辅助签到、暂离; In, window open → checked in; In, away → returned"""
    house, reader = library(policy(gate=rules))
    gate, stay = wire_of(house), book(reader)
    gate.passes("in")
    assert seen(reader, stay)["status"] == after_in
    house.at("16:50")
    gate.passes("out")
    assert seen(reader, stay)["status"] == after_out
    if after_out == "away":
        house.at("17:00")
        gate.passes("in")
        assert seen(reader, stay)["status"] == "in-use"


@pytest.mark.parametrize(("minutes", "status"), [(30, 409), (45, 200)])
def test_the_reader_confirms_what_a_gate_did(library, wire_of, minutes, status):
    """请通过闸机辅助签到、暂离的同学通过预约系统确认签到、暂离状态"""
    house, reader = library(policy(gate={"confirm_for": minutes * MIN}))
    stay = book(reader)
    wire_of(house).passes("in")
    (record,) = reader.get("/api/v1/gate-records").json()["items"]
    house.at("17:08")
    answer = reader.post(f"/api/v1/gate-records/{record['id']}/confirm")
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["policy_key"] == "policy.gate.confirm_for"
    assert seen(reader, stay)["status"] == "in-use"  # unanswered, it stands


@pytest.mark.parametrize(("reports", "status"), [(False, "in-use"), (True, "reserved")])
def test_a_lane_that_tells_of_passages_is_waited_for(library, wire_of, reports, status):
    """Where a portal reports passage, attendance waits for it …; elsewhere the event applies at once"""

    def change(site):
        gates = [
            attrs.evolve(gate, portals=[attrs.evolve(portal, reports_passage=reports) for portal in gate.portals])
            for gate in site.gates
        ]
        return attrs.evolve(site, gates=gates)

    house, reader = library(change)
    stay, gate = book(reader), wire_of(house)
    gate.passes("in")
    assert seen(reader, stay)["status"] == status
    if reports:
        gate.walked(1, passed=True)
        assert seen(reader, stay)["status"] == "in-use"
