"""The second manual's rules, line by line, over HTTP: each with its number as it ships, and with another one.

Quoted are the lines of 《图书与信息中心（图书馆）返校入馆指南》. Whole journeys of the same library: test_two_campus.py.
"""

from datetime import time, timedelta

import attrs
import pytest

from booking.service.commands import Changed, LoadPeople, Person, Reserve, Sweep
from config.policy import CountedIn, SuspendUntil, ViolationStep
from config.schema import KioskRole

ONE, OTHER = "S2023001", "S2023002"
EAST = {"lat": 30.2741, "lon": 120.1551, "accuracy": 12.0}
MIN = timedelta(minutes=1)


def iso(hhmm, day=17):
    return f"2023-07-{day:02}T{hhmm}:00+08:00"


def policy(**parts):
    """Return what changes a site's policy: `policy(booking={"max_active": 3})`."""

    def change(site):
        changed = {name: attrs.evolve(getattr(site.policy, name), **part) for name, part in parts.items()}
        return attrs.evolve(site, policy=attrs.evolve(site.policy, **changed))

    return change


def as_shipped(site):
    return site


@pytest.fixture
def library(open_house, api_of):
    """`library(change)`: the two-campus library at ten to eight, and a client of a reader of it."""

    def open_(change=None, now="07:50", reader=ONE):
        house = open_house(change, now, site="two-campus.toml")
        return house, api_of(house, reader)

    return open_


def book(client, start, end, area="east", day=17):
    return client.post(
        "/api/v1/reservations", json={"area": area, "start": iso(start, day), "end": iso(end, day)}
    ).json()


def scan(client, house, path="check-ins", position=EAST, **more):
    body = {"code": house.code(kiosk=1, **more)} | ({"position": position} if position else {})
    return client.post(f"/api/v1/{path}", json=body)


# ---- 一、入馆准备 -----------------------------------------------------------------------------------------------------


def test_only_who_has_signed_in_books(library, api_of):
    """选择其他登录方式，机构账号登录"""
    house, _ = library()
    no = api_of(house).post("/api/v1/reservations", json={"area": "east", "end": iso("10:00")})
    assert (no.status_code, no.json()["code"]) == (401, "sign-in-required")


def test_an_invitation_code_that_all_share_binds_nobody(library, api_of):
    """首页右上角输入邀请码yqm39375"""
    house, reader = library()
    own = reader.post("/api/v1/activation-codes").json()["code"]
    app = api_of(house)
    shared = app.post("/api/v1/bindings", json={"reader": ONE, "code": "yqm39375"})
    assert shared.json()["code"] in {"activation-code-invalid", "invalid-request"}
    assert app.post("/api/v1/bindings", json={"reader": ONE, "code": own}).status_code == 201


# ---- 二、入馆预约 -----------------------------------------------------------------------------------------------------


def test_who_has_not_booked_is_not_signed_in(library):
    """使用图书馆需要在手机上提前预约"""
    house, reader = library()
    no = scan(reader, house)
    assert (no.status_code, no.json()["code"]) == (409, "nothing-to-check-in")


def test_the_campus_is_chosen(library):
    """选择要预约的校区"""
    _, reader = library()
    assert [area["id"] for area in reader.get("/api/v1/areas").json()["items"]] == ["east", "west"]
    assert book(reader, "08:00", "10:00", "west")["area"] == "west"


def test_a_campus_that_the_site_does_not_have_cannot_be_chosen(library):
    _, reader = library(lambda site: attrs.evolve(site, areas=site.areas[:1]))
    assert book(reader, "08:00", "10:00", "west")["code"] == "unknown-area"


@pytest.mark.parametrize(("grid", "code"), [(timedelta(hours=1), "off-grid"), (30 * MIN, None)])
def test_a_stretch_of_time_is_chosen_from_a_grid(library, grid, code):
    """选择时间段并提交预约"""
    _, reader = library(policy(booking={"grid": grid}))
    assert book(reader, "08:30", "10:00").get("code") == code


@pytest.mark.parametrize(
    ("rules", "minute", "status"),
    [
        ({}, "08:39", 409),
        ({}, "08:40", 201),
        ({"opens_before": 30 * MIN}, "08:39", 201),
        ({}, "09:19", 201),
        ({}, "09:20", 409),
        ({"closes_after": 30 * MIN}, "09:20", 201),
    ],
)
def test_signing_in_around_the_start(library, rules, minute, status):
    """须在预约时间前后20分钟之内签到; 须在预约时间前后20分钟之内到达"""
    house, reader = library(policy(check_in=rules))
    book(reader, "09:00", "12:00")
    house.at(minute)
    assert scan(reader, house).status_code == status


@pytest.mark.parametrize(("role", "source"), [(KioskRole.ENTRANCE, "entrance-code"), (KioskRole.ENQUIRY, "kiosk-code")])
def test_the_code_at_the_door_signs_in(library, role, source):
    """扫描图书馆入口处“签到二维码”完成签到"""
    house, reader = library(
        lambda site: attrs.evolve(site, kiosks=[attrs.evolve(kiosk, role=role) for kiosk in site.kiosks])
    )
    stay = book(reader, "08:00", "10:00")
    assert scan(reader, house).status_code == 201
    history = reader.get(f"/api/v1/reservations/{stay['id']}").json()["history"]
    assert history[-1]["source"] == source


@pytest.mark.parametrize(("fenced", "status"), [(True, 409), (False, 201)])
def test_signing_in_is_for_those_in_the_librarys_range(library, fenced, status):
    """必须在图书馆范围的位置进行签到以及签退"""

    def change(site):
        return site if fenced else attrs.evolve(site, venues=[attrs.evolve(v, geofence=None) for v in site.venues])

    house, reader = library(change)
    book(reader, "08:00", "10:00")
    town = EAST | {"lat": 30.2850}
    assert scan(reader, house, position=town).status_code == status


@pytest.mark.parametrize(("metres", "code"), [(100, "position-vague"), (600, None)])
def test_the_phone_must_know_where_it_is(library, metres, code):
    """入馆预约签到签退均需把位置定位打开，位置权限对学习通开启"""
    house, reader = library(policy(check_in={"position_accuracy_m": metres}))
    book(reader, "08:00", "10:00")
    assert scan(reader, house, position=None).json()["code"] == "position-required"
    assert scan(reader, house, position=EAST | {"accuracy": 500.0}).json().get("code") == code


# ---- 提醒 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "status"), [(20, 409), (45, 200)])
def test_cancelling_in_time(library, minutes, status):
    """若预约后有事不能入馆及时取消预约，不要超过预约时间20分钟"""
    house, reader = library(policy(check_in={"closes_after": minutes * MIN}))
    stay = book(reader, "09:00", "12:00")
    house.at("09:20")
    assert reader.post(f"/api/v1/reservations/{stay['id']}/cancel").status_code == status


@pytest.mark.parametrize(("minutes", "code"), [(20, "suspended"), (45, None)])
def test_who_cancels_in_time_books_another_stretch(library, minutes, code):
    """若有事不能及时签到，在不超出规定签到时间之内点击取消，取消预约后，选择其他合适时间段预约"""
    house, reader = library(policy(check_in={"closes_after": minutes * MIN}))
    stay = book(reader, "09:00", "12:00")
    house.at("09:20")
    reader.post(f"/api/v1/reservations/{stay['id']}/cancel")
    assert book(reader, "13:00", "15:00").get("code") == code


def miss(house, reader, day=17):
    """Book 08:00 of a day, and let it go by."""
    house.at("07:50", day)
    made = book(reader, "08:00", "10:00", day=day)
    assert made["status"] == "reserved", made
    house.at("08:20", day)
    house.do(Sweep(at=house.clock.now()))


def again(house, api_of, day):
    """A client with a session of that day."""
    house.at("07:00", day)
    return api_of(house, ONE)


@pytest.mark.parametrize("counts", [True, False])
def test_not_signing_in_is_recorded_once(library, counts):
    """若没有在规定时间内签到，会记录违约1次"""
    house, reader = library(policy(violations={"no_show": counts}))
    miss(house, reader)
    found = reader.get("/api/v1/violations").json()["items"]
    assert [one["kind"] for one in found] == (["no-show"] if counts else [])


@pytest.mark.parametrize(
    ("suspend", "until"), [(SuspendUntil.NEXT_DAY, iso("00:00", 18)), (SuspendUntil.DAY_AFTER_NEXT, iso("00:00", 19))]
)
def test_one_violation_bars_until_another_day(library, suspend, until):
    """会记录违约1次, 将隔天才能预约"""
    house, reader = library(policy(violations={"steps": [ViolationStep(1, suspend)]}))
    miss(house, reader)
    no = book(reader, "13:00", "15:00")
    assert (no["code"], no["policy_key"], no["next_allowed_at"]) == ("suspended", "policy.violations.steps", until)


@pytest.mark.parametrize(
    ("counted_in", "until"), [(CountedIn.WEEK, iso("00:00", 24)), (CountedIn.DAY, iso("00:00", 19))]
)
def test_two_violations_bar_for_the_rest_of_the_week(library, api_of, counted_in, until):
    """违约两次本周不能再预约"""
    house, reader = library(policy(violations={"counted_in": counted_in}))
    miss(house, reader, 17)
    reader = again(house, api_of, 18)
    miss(house, reader, 18)
    assert book(reader, "13:00", "15:00", day=18)["next_allowed_at"] == until


@pytest.mark.parametrize(
    ("counted_in", "until"), [(CountedIn.WEEK, iso("00:00", 25)), (CountedIn.MONTH, iso("00:00", 31))]
)
def test_next_week_counts_anew(library, api_of, counted_in, until):
    """下周可继续预约"""
    house, reader = library(policy(violations={"counted_in": counted_in}))
    miss(house, reader, 17)
    miss(house, again(house, api_of, 18), 18)
    reader = again(house, api_of, 24)  # the next Monday
    assert book(reader, "13:00", "15:00", day=24)["status"] == "reserved"
    miss(house, reader, 24)
    assert book(reader, "18:00", "19:00", day=24)["next_allowed_at"] == until


@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ({}, ["no-sign-out"]),
        ({"sign_out": {"required": False}}, []),
        ({"sign_out": {"grace": timedelta(hours=1)}}, []),
        ({"violations": {"no_sign_out": False}}, []),
    ],
)
def test_not_signing_out_is_a_violation_too(library, rules, kinds):
    """违约内容：未签到，未签退"""
    house, reader = library(policy(**rules))
    book(reader, "08:00", "10:00")
    assert scan(reader, house).status_code == 201
    house.at("10:20")
    house.do(Sweep(at=house.clock.now()))
    assert [one["kind"] for one in reader.get("/api/v1/violations").json()["items"]] == kinds


@pytest.mark.parametrize(("lasts", "told"), [(5, "请重新扫码"), (10, "签到成功")])
def test_begin_after_scanning(library, browser_of, lasts, told):
    """扫码成功，点击开始使用，提示签到成功"""
    house, reader = library(policy(check_in={"grant_lasts": lasts * MIN}))
    book(reader, "08:00", "10:00")
    phone = browser_of(house, ONE)
    page = phone.get(f"/c/{house.code(kiosk=1)}")
    assert "开始使用" in page.text
    where = {name: str(value) for name, value in EAST.items()}
    house.at("07:57")
    assert told in phone.submit(page, "/check-in", **where).text


# ---- 四、图书馆开放信息 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "code"), [(3, None), (1, "too-far-ahead")])
def test_so_many_days_ahead(library, days, code):
    """最多可提前三天预约"""
    _, reader = library(policy(booking={"advance_days": days}), "22:00")
    assert book(reader, "09:00", "10:00", day=20).get("code") == code


@pytest.mark.parametrize(
    ("release", "minute", "code"), [(22, "21:59", "too-far-ahead"), (22, "22:00", None), (20, "21:59", None)]
)
def test_the_third_day_from_the_evening_on(library, release, minute, code):
    """晚上10:00以后可预约第三天; 晚上10:00以后可预约三天"""
    _, reader = library(policy(booking={"release_at": time(release)}), minute)
    answer = book(reader, "09:00", "10:00", day=20)
    assert answer.get("code") == code
    if code:
        assert (answer["policy_key"], answer["next_allowed_at"]) == ("policy.booking.release_at", iso("22:00"))


@pytest.mark.parametrize(("opens", "closes", "codes"), [(8, 22, ["outside-opening-hours"] * 2), (7, 23, [None, None])])
def test_opening_hours(library, opens, closes, codes):
    """每周一至周日（8:00—22:00）"""
    _, reader = library(
        lambda site: attrs.evolve(
            site, venues=[attrs.evolve(venue, opens=time(opens), closes=time(closes)) for venue in site.venues]
        )
    )
    asked = [book(reader, "07:00", "08:00", day=18), book(reader, "22:00", "23:00", day=18)]
    assert [answer.get("code") for answer in asked] == codes


@pytest.mark.parametrize(
    ("rules", "end", "code"),
    [
        ({}, "20:50", "off-grid"),
        ({}, "21:00", "too-short"),
        ({"min_length": 30 * MIN}, "21:00", None),
    ],
)
def test_one_hour_at_least(library, rules, end, code):
    """每次最少预约一小时"""
    _, reader = library(policy(booking=rules), "20:30")
    answer = reader.post("/api/v1/reservations", json={"area": "east", "end": iso(end)}).json()
    assert answer.get("code") == code


@pytest.mark.parametrize(("hours", "code"), [(4, "too-long"), (5, None)])
def test_four_hours_at_most(library, hours, code):
    """最多预约四小时; 每个时间段不超过4小时"""
    _, reader = library(policy(booking={"max_length": timedelta(hours=hours)}))
    assert book(reader, "09:00", "13:00")["status"] == "reserved"
    answer = book(reader, "14:00", "19:00")
    assert answer.get("code") == code


@pytest.mark.parametrize(("area", "places"), [("east", 300), ("west", 250)])
def test_so_many_people_and_no_more(library, area, places):
    """东校区图书馆人数限制：300人; 西校区图书馆人数限制：250人"""
    house, reader = library()
    fill(house, area, places)
    no = book(reader, "09:00", "10:00", area)
    assert (no["code"], no["policy_key"], no["next_allowed_at"]) == ("area-full", "areas.capacity", iso("10:00"))


def test_one_more_where_the_site_has_one_more_place(library):
    house, reader = library(
        lambda site: attrs.evolve(site, areas=[attrs.evolve(area, capacity=301) for area in site.areas])
    )
    fill(house, "east", 300)
    assert book(reader, "09:00", "10:00")["status"] == "reserved"


def fill(house, area, places):
    """Let that many readers hold 09:00-10:00."""
    names = [f"X{number:04}" for number in range(places)]
    now, hour = house.clock.now(), timedelta(hours=1)
    house.do(LoadPeople(at=now, people=tuple(Person(reader=name, name=name) for name in names)))
    start = now + timedelta(minutes=70)  # 09:00
    wishes = [Reserve(reader=name, at=now, seat=None, area=area, start=start, end=start + hour) for name in names]
    assert all(isinstance(outcome, Changed) for outcome in house.do(*wishes))


@pytest.mark.parametrize(("steps", "status"), [(1, 410), (3, 201)])
def test_only_a_code_on_the_screen_now_registers(library, steps, status):
    """为了保护您和他人的健康，请主动如实扫码登记"""
    house, reader = library(policy(check_in={"code_tolerance_steps": steps}))
    book(reader, "08:00", "10:00")
    assert scan(reader, house, steps=-3).status_code == status
