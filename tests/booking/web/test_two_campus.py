"""The second manual's library over HTTP: two campuses, places without seats, in and out by the code at the door.

Quoted are the lines of 《图书与信息中心（图书馆）返校入馆指南》 that each test holds.
"""

from datetime import timedelta

import attrs
import pytest

from booking.service.commands import Sweep

EAST = {"lat": 30.2741, "lon": 120.1551, "accuracy": 12.0}
WEST = {"lat": 30.2610, "lon": 120.1210, "accuracy": 12.0}
TOWN = {"lat": 30.2850, "lon": 120.1551, "accuracy": 12.0}  # 1.2 km north of the eastern library
ONE, OTHER = "S2023001", "S2023002"


def policy(**parts):
    """Return what changes a site's policy: `policy(booking={"max_active": 3})`."""

    def change(site):
        changed = {name: attrs.evolve(getattr(site.policy, name), **part) for name, part in parts.items()}
        return attrs.evolve(site, policy=attrs.evolve(site.policy, **changed))

    return change


@pytest.fixture
def house(open_house, request):
    """The shipped library at ten to eight; with `other_rules`, as a site that decided otherwise."""
    return open_house(getattr(request, "param", None), "07:50", site="two-campus.toml")


def other_rules(change):
    return pytest.mark.parametrize("house", [change], indirect=True, ids=["changed"])


def no_ranges(site):
    return attrs.evolve(site, venues=[attrs.evolve(venue, geofence=None) for venue in site.venues])


def one_place(site):
    return attrs.evolve(site, areas=[attrs.evolve(area, capacity=1) for area in site.areas])


def iso(hhmm, day=17):
    return f"2023-07-{day:02}T{hhmm}:00+08:00"


def wish(start, end, area="east", day=17):
    return {"area": area, "start": iso(start, day), "end": iso(end, day)}


def book(client, *args, expect=201, **more):
    answer = client.post("/api/v1/reservations", json=wish(*args, **more))
    assert answer.status_code == expect, answer.text
    return answer.json()


def scan(client, house, path, position=EAST, *, door=1, expect=201):
    body = {"code": house.code(kiosk=door)} | ({"position": position} if position else {})
    answer = client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == expect, answer.text
    return answer.json()


def test_book_sign_in_enter_sign_out_leave(house, api):
    # "预约-签到-进馆-签退-离馆"
    reader = api(ONE)
    areas = api().get("/api/v1/areas").json()["items"]
    assert [(area["id"], area["total"], area["counted"]) for area in areas] == [
        ("east", 300, True),
        ("west", 250, True),
    ]
    stay = book(reader, "09:00", "12:00")
    assert (stay["seat"], stay["label"], stay["status"]) == ("", "", "reserved")
    assert (stay["check_in_from"], stay["check_in_until"]) == (iso("08:40"), iso("09:20"))
    house.at("08:45")
    inside = scan(reader, house, "check-ins")
    assert (inside["status"], inside["sign_out_until"]) == ("in-use", iso("12:20"))
    house.at("11:10")
    gone = scan(reader, house, "check-outs")
    assert (gone["status"], gone["closed_at"]) == ("ended", iso("11:10"))
    lines = reader.get(f"/api/v1/reservations/{stay['id']}").json()["history"]
    assert [(line["change"], line["source"]) for line in lines] == [
        ("reserved", "web"),
        ("checked-in", "entrance-code"),
        ("ended", "entrance-code"),
    ]


@other_rules(one_place)
def test_no_more_readers_than_places(house, api):
    # "人数限制：东校区图书馆人数限制：300人"; with one place for two readers, the second is told until when it is full
    first, second = api(ONE), api(OTHER)
    stay = book(first, "09:00", "12:00")
    no = book(second, "11:00", "13:00", expect=409)
    assert (no["code"], no["policy_key"], no["next_allowed_at"]) == ("area-full", "areas.capacity", iso("12:00"))
    assert "同时最多容纳 1 人" in no["sentences"]["zh"]
    book(second, "12:00", "13:00")
    first.post(f"/api/v1/reservations/{stay['id']}/cancel")
    book(second, "09:00", "12:00")


def test_lengths_and_hours(house, api):
    # "可预约时间段：每次最少预约一小时，最多预约四小时", "开放时间：每周一至周日（8:00—22:00）"
    reader = api(ONE)
    for start, end, code in (
        ("09:00", "14:00", "too-long"),
        ("07:00", "09:00", "in-the-past"),
        ("20:00", "23:00", "outside-opening-hours"),
        ("09:00", "09:30", "off-grid"),
    ):
        assert book(reader, start, end, expect=422)["code"] == code
    house.at("20:30")
    reader = api(ONE)
    no = reader.post("/api/v1/reservations", json={"area": "east", "end": iso("21:00")}).json()
    assert (no["code"], no["policy_key"]) == ("too-short", "policy.booking.min_length")
    assert book(reader, "09:00", "13:00", day=18)["status"] == "reserved"


@other_rules(policy(booking={"max_length": timedelta(hours=5), "min_length": timedelta(minutes=30)}))
def test_other_lengths_are_other_outcomes(house, api):
    book(api(ONE), "09:00", "14:00")
    house.at("20:30")
    assert api(OTHER).post("/api/v1/reservations", json={"area": "east", "end": iso("21:00")}).status_code == 201


def test_two_stays_and_no_more(house, api):
    # "只能选择两个时间段（每个时间段不超过4小时）"
    reader = api(ONE)
    book(reader, "08:00", "12:00")
    book(reader, "13:00", "17:00")
    no = book(reader, "18:00", "20:00", expect=409)
    assert (no["code"], no["policy_key"]) == ("too-many-active", "policy.booking.max_active")


@other_rules(policy(booking={"max_active": 3}))
def test_three_stays_where_the_site_says_three(house, api):
    reader = api(ONE)
    for start, end in (("08:00", "12:00"), ("13:00", "17:00"), ("18:00", "20:00")):
        book(reader, start, end)


def test_one_campus_until_signed_out(house, api):
    # "签退后可预约其他校区或其他时间段"
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    no = book(reader, "13:00", "15:00", "west", expect=409)
    assert (no["code"], no["policy_key"]) == ("other-venue", "policy.booking.one_venue")
    assert no["next_allowed_at"] == iso("10:20")  # without signing out, when the time for it is over
    scan(reader, house, "check-ins")
    assert book(reader, "13:00", "15:00", "west", expect=409)["code"] == "other-venue"
    house.at("09:30")
    scan(reader, house, "check-outs")
    book(reader, "13:00", "15:00", "west")


@other_rules(policy(booking={"one_venue": False}))
def test_both_campuses_where_the_site_allows_it(house, api):
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    book(reader, "13:00", "15:00", "west")


def test_three_days_ahead_the_third_from_ten_in_the_evening(house, api):
    # "最多可提前三天预约，晚上10:00以后可预约第三天"
    reader = api(ONE)
    book(reader, "09:00", "10:00", day=19)
    no = book(reader, "09:00", "10:00", day=20, expect=422)
    assert (no["code"], no["next_allowed_at"]) == ("too-far-ahead", iso("22:00"))
    house.at("22:00")
    reader = api(ONE)
    book(reader, "09:00", "10:00", day=20)
    assert book(reader, "09:00", "10:00", day=21, expect=422)["next_allowed_at"] == iso("22:00", 18)


@other_rules(policy(booking={"release_at": None}))
def test_the_third_day_from_midnight_where_the_site_says_so(house, api):
    book(api(ONE), "09:00", "10:00", day=20)


@pytest.mark.parametrize(("minute", "status"), [("08:39", 409), ("08:40", 201), ("09:19", 201), ("09:20", 409)])
def test_sign_in_within_twenty_minutes(house, api, minute, status):
    # "须在预约时间前后20分钟之内签到"
    reader = api(ONE)
    book(reader, "09:00", "12:00")
    house.at(minute)
    scan(reader, house, "check-ins", expect=status)


@pytest.mark.parametrize(("minute", "status"), [("09:19", 200), ("09:20", 409)])
def test_cancel_until_twenty_minutes_after_the_start(house, api, minute, status):
    # "若预约后有事不能入馆及时取消预约，不要超过预约时间20分钟"
    reader = api(ONE)
    stay = book(reader, "09:00", "12:00")
    house.at(minute)
    assert reader.post(f"/api/v1/reservations/{stay['id']}/cancel").status_code == status
    after = reader.get(f"/api/v1/reservations/{stay['id']}").json()
    assert after["status"] == ("cancelled" if status == 200 else "no-show")


@other_rules(policy(check_in={"closes_after": timedelta(minutes=45)}))
def test_cancelling_follows_the_window_of_the_site(house, api):
    reader = api(ONE)
    stay = book(reader, "09:00", "12:00")
    house.at("09:44")
    assert reader.post(f"/api/v1/reservations/{stay['id']}/cancel").status_code == 200


@pytest.mark.parametrize("swept", [True, False])
def test_who_does_not_sign_out_is_recorded_after_the_grace(house, api, swept):
    # "违约内容：未签到，未签退"; rules: "未签退 is recorded sign_out_grace after the end"
    reader = api(ONE)
    stay = book(reader, "08:00", "10:00")
    scan(reader, house, "check-ins")
    house.at("10:19")
    assert reader.get(f"/api/v1/reservations/{stay['id']}").json()["status"] == "in-use"
    house.at("10:20")
    if swept:
        house.do(Sweep(at=house.clock.now()))
    after = reader.get(f"/api/v1/reservations/{stay['id']}").json()
    assert (after["status"], after["closed_at"], after["actions"]) == ("not-signed-out", iso("10:20"), [])
    no = scan(reader, house, "check-outs", expect=409)
    assert no["code"] == "nothing-to-check-out"
    lines = reader.get(f"/api/v1/reservations/{stay['id']}").json()["history"]
    line = next(line for line in lines if line["change"] == "not-signed-out")
    assert (line["change"], line["occurred_at"], line["sentence"]) == (
        "not-signed-out",
        iso("10:20"),
        "未在规定时间内签退（系统）",
    )


def test_one_violation_until_the_next_day_two_for_the_rest_of_the_week(house, api):
    # "会记录违约1次, 将隔天才能预约; 违约两次本周不能再预约; 下周可继续预约"
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    scan(reader, house, "check-ins")
    house.at("10:20")  # 未签退
    no = book(reader, "13:00", "15:00", expect=409)
    assert (no["policy_key"], no["next_allowed_at"]) == ("policy.violations.steps", iso("00:00", 18))
    house.at("00:00", 18)
    reader = api(ONE)
    book(reader, "08:00", "10:00", day=18)
    house.at("08:20", 18)  # 未签到
    no = book(reader, "13:00", "15:00", day=18, expect=409)
    assert (no["policy_key"], no["next_allowed_at"]) == ("policy.violations.steps", iso("00:00", 24))


@other_rules(policy(violations={"steps": []}))
def test_violations_without_consequences_where_the_site_says_so(house, api):
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    house.at("08:20")
    book(reader, "13:00", "15:00")


def test_after_the_end_there_is_only_signing_out(house, api):
    first, second = api(ONE), api(OTHER)
    stay = book(first, "08:00", "10:00")
    scan(first, house, "check-ins")
    house.at("10:10")
    assert first.get(f"/api/v1/reservations/{stay['id']}").json()["actions"] == ["end"]
    assert second.get("/api/v1/areas").json()["items"][0]["free"] == 300  # the place is another's already
    assert house.reads.next_change("east", house.clock.now() - timedelta(minutes=15)) == house.clock.now() - timedelta(
        minutes=10
    )
    assert scan(first, house, "check-outs")["closed_at"] == iso("10:10")


@other_rules(policy(sign_out={"required": False}))
def test_where_going_need_not_be_said_the_end_is_the_end(house, api):
    reader = api(ONE)
    stay = book(reader, "08:00", "10:00")
    scan(reader, house, "check-ins")
    house.at("10:00")
    assert reader.get(f"/api/v1/reservations/{stay['id']}").json()["status"] == "ended"


def test_nobody_signs_out_from_afar(house, api):
    # "必须在图书馆范围的位置进行签到以及签退"
    reader = api(ONE)
    stay = book(reader, "08:00", "10:00")
    scan(reader, house, "check-ins")
    no = reader.post(f"/api/v1/reservations/{stay['id']}/end").json()
    assert (no["code"], no["policy_key"]) == ("sign-out-on-site", "policy.sign_out.required")


@pytest.mark.parametrize(("verb", "key"), [("step-away", "policy.away.offered"), ("extend", "policy.extend.offered")])
def test_no_stepping_away_and_no_extending(house, api, verb, key):
    reader = api(ONE)
    stay = book(reader, "08:00", "10:00")
    scan(reader, house, "check-ins")
    no = reader.post(f"/api/v1/reservations/{stay['id']}/{verb}").json()
    assert (no["code"], no["policy_key"]) == ("not-possible-now", key)


@pytest.mark.parametrize(
    ("position", "code", "key"),
    [
        (None, "position-required", "venues.geofence"),
        (TOWN, "outside-geofence", "venues.geofence"),
        (WEST, "outside-geofence", "venues.geofence"),
        (TOWN | {"accuracy": 5000}, "position-vague", "policy.check_in.position_accuracy_m"),
    ],
)
@pytest.mark.parametrize("path", ["check-ins", "check-outs"])
def test_signing_in_and_out_is_for_those_who_are_there(house, api, position, code, key, path):
    # "必须在图书馆范围的位置进行签到以及签退，入馆预约签到签退均需把位置定位打开"
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    if path == "check-outs":
        scan(reader, house, "check-ins")
        house.at("09:00")
    no = scan(reader, house, path, position, expect=409)
    assert (no["code"], no["policy_key"]) == (code, key)
    house.at("08:05" if path == "check-ins" else "09:05")
    scan(reader, house, path)


@other_rules(no_ranges)
def test_a_library_without_a_range_asks_for_no_position(house, api):
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    scan(reader, house, "check-ins", None)


def test_the_other_door_does_not_count(house, api):
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    assert scan(reader, house, "check-ins", WEST, door=2, expect=409)["code"] == "nothing-to-check-in"


HOSTILE = [
    {"lat": 91, "lon": 0, "accuracy": 1},
    {"lat": 0, "lon": -180.1, "accuracy": 1},
    {"lat": 30, "lon": 120, "accuracy": -1},
    {"lat": 30, "lon": 120, "accuracy": 1e300},
    {"lat": 30, "lon": 120},
    {"lat": "north", "lon": 120, "accuracy": 1},
    {"lat": None, "lon": 120, "accuracy": 1},
    {"lat": [30], "lon": 120, "accuracy": 1},
    EAST | {"altitude": 12},
]


def test_what_is_no_position_is_refused_by_its_field(house, api):
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    for position in HOSTILE:
        no = scan(reader, house, "check-ins", position, expect=422)
        assert no["code"] == "invalid-request"
        assert no["errors"][0]["field"].startswith("body.position"), position
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        body = f'{{"code": "{house.code(kiosk=1)}", "position": {{"lat": {number}, "lon": 120, "accuracy": 1}}}}'
        answer = reader.post("/api/v1/check-ins", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422, number
    assert reader.get("/api/v1/reservations").json()["items"][0]["status"] == "reserved"


def test_a_position_is_kept_nowhere(house, api, tmp_path, caplog):
    """a position is compared once and kept nowhere"""
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    exact = {"lat": 30.274123456, "lon": 120.155123456, "accuracy": 17.25}
    body = {"code": house.code(kiosk=1), "position": exact}
    done = reader.post("/api/v1/check-ins", json=body, headers={"idempotency-key": "k1"})
    assert done.status_code == 201
    moved = body | {"position": exact | {"lat": 30.2742}}
    assert reader.post("/api/v1/check-ins", json=moved, headers={"idempotency-key": "k1"}).status_code == 201
    (line,) = (
        line
        for line in reader.get(f"/api/v1/reservations/{done.json()['id']}").json()["history"]
        if line["change"] == "checked-in"
    )
    assert line["facts"]["near"] == "0-50"
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("booking.sqlite*"))
    for number in exact.values():
        assert str(number).encode() not in stored
        assert str(number) not in caplog.text


def test_a_code_is_good_once_for_each_reader(house, api):
    reader = api(ONE)
    book(reader, "08:00", "10:00")
    scan(reader, house, "check-ins")
    assert scan(reader, house, "check-outs", expect=409)["code"] == "code-used"


def test_free_places_by_the_hour(house, api):
    book(api(ONE), "09:00", "11:00")
    found = api().get("/api/v1/areas/east/hours", params={"date": "2023-07-17"}).json()
    assert (found["total"], len(found["items"])) == (300, 14)
    assert [item["free"] for item in found["items"][:4]] == [300, 299, 299, 300]
    assert found["items"][1]["start"] == iso("09:00")
    assert api().get("/api/v1/areas/nowhere/hours").status_code == 404


def test_a_seat_cannot_be_asked_for_where_there_is_none(house, api):
    answer = api(ONE).post("/api/v1/reservations", json=wish("09:00", "10:00") | {"seat": "east-001"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-seat")
    assert api().get("/api/v1/areas/east/seats").json()["items"] == []
