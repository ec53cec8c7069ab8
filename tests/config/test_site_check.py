"""A site file held against itself: each fault is a sentence that begins with the key and suggests the nearest name."""

import shutil
from datetime import time, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import ConfigError, load, shipped
from config.policy import Policy, SuspendUntil, ViolationStep
from config.protocol_names import protocol_names
from config.schema import Geofence, Kiosk, Portal, PortalDirection, Site, Support
from config.site_check import NAME, load_site, problems
from messages.errors import MessageError
from messages.topics import check_name

SHIPPED = sorted(file.name for file in shipped("sites").iterdir())
BJUT = load(Site, shipped("sites", "bjut.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_sites_have_no_problem(name):
    site = load_site(shipped("sites", name))
    assert problems(site) == []
    assert site.id == name.removesuffix(".toml")


def test_the_policy_of_the_first_manual():
    policy = load_site(shipped("sites", "bjut.toml")).policy
    half_an_hour = timedelta(minutes=30)
    # "请在预约时间开始前 30 分钟到预约时间开始后 30 分钟内签到"
    assert (policy.check_in.opens_before, policy.check_in.closes_after) == (half_an_hour, half_an_hour)
    # "日期(当日和次日)"
    assert policy.booking.advance_days == 1
    # "现在 17:00 18:00"
    assert (policy.booking.allow_now, policy.booking.grid) == (True, timedelta(hours=1))
    # "2023-7-17 15:50 16:00"
    assert policy.booking.min_length == timedelta(minutes=10)
    # "系统会依据门禁记录辅助签到、暂离"
    assert (policy.gate.enter_checks_in, policy.gate.exit_means) == (True, "away")


def test_the_policy_of_the_second_manual():
    site = load_site(shipped("sites", "two-campus.toml"))
    policy, hour = site.policy, timedelta(hours=1)
    # "人数限制：东校区图书馆人数限制：300人西校区图书馆人数限制：250人"
    assert [(area.id, area.capacity) for area in site.areas] == [("east", 300), ("west", 250)]
    # "开放时间：每周一至周日（8:00—22:00）"
    assert {(venue.opens, venue.closes) for venue in site.venues} == {(time(8), time(22))}
    # "每次最少预约一小时，最多预约四小时", "只能选择两个时间段", "签退后可预约其他校区"
    booking = policy.booking
    assert (booking.min_length, booking.max_length, booking.max_active, booking.one_venue) == (hour, 4 * hour, 2, True)
    # "最多可提前三天预约，晚上10:00以后可预约第三天"
    assert (booking.advance_days, booking.release_at) == (3, time(22))
    # "须在预约时间前后20分钟之内签到", "必须在图书馆范围的位置进行签到以及签退", "违约内容：未签到，未签退"
    assert policy.check_in.opens_before == policy.check_in.closes_after == timedelta(minutes=20)
    assert all(venue.geofence for venue in site.venues)
    assert (policy.sign_out.required, policy.gate.exit_means) == (True, "end")


def test_lengths_the_manual_shows():
    longest = {area.id: area.max_length or BJUT.policy.booking.max_length for area in BJUT.areas}
    # at 16:13 the ends offered for 二层中厅 from 现在 are 17:00 18:00 19:00 20:00
    assert timedelta(hours=3, minutes=47) <= longest["2f-centre"] < timedelta(hours=4, minutes=47)
    # "16:44 22:00 图书馆4层四层中庭021号", "16:43 22:00 图书馆4层四层东区066号"
    assert longest["4f-atrium"] >= timedelta(hours=5, minutes=16)
    assert longest["4f-east"] >= timedelta(hours=5, minutes=17)


def test_machines_of_the_first_manual():
    # "馆内选座机(或三层北、四层北查询机)", "二层南北自助服务区的两台选座机"
    assert [(kiosk.id, kiosk.role) for kiosk in BJUT.kiosks] == [
        ("k-2s", "pick"),
        ("k-2n", "pick"),
        ("e-3n", "enquiry"),
        ("e-4n", "enquiry"),
    ]
    assert [[portal.id for portal in gate.portals] for gate in BJUT.gates] == [
        ["south-1", "south-2"],
        ["north-1", "north-2"],
    ]


def policy(**parts: dict) -> Policy:
    return attrs.evolve(
        Policy(), **{name: attrs.evolve(getattr(Policy(), name), **part) for name, part in parts.items()}
    )


AREA, GATE, KIOSK, VENUE = BJUT.areas[1], BJUT.gates[0], BJUT.kiosks[0], BJUT.venues[0]
PORTAL = GATE.portals[0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "北工大"}, "id: '北工大' is not an id: use 1-48 lower-case letters, digits and inner hyphens"),
        ({"areas": [attrs.evolve(AREA, venue="libary")]}, "areas.2f-centre.venue: there is no venue 'libary', did you mean 'library'?"),
        ({"areas": [AREA, AREA]}, "areas: the id '2f-centre' is given 2 times"),
        ({"areas": []}, "areas: there is none"),
        ({"venues": []}, "venues: there is none"),
        ({"areas": [attrs.evolve(AREA, plan="2f-center.json")]}, "areas.2f-centre.plan: 2f-center.json: there is no such plan file"),
        ({"areas": [attrs.evolve(AREA, plan="2f-east.json")]}, "areas.2f-centre.plan: 2f-east.json: area: this is the plan of '2f-east', not of '2f-centre'"),
        ({"areas": [attrs.evolve(AREA, closed_seats=["065", "0066"])]}, "areas.2f-centre.closed_seats: there is no seat '0066', did you mean '066'?"),
        ({"areas": [attrs.evolve(AREA, max_length=timedelta(minutes=9))]}, "areas.2f-centre.max_length: it is shorter than policy.booking.min_length"),
        ({"venues": [attrs.evolve(VENUE, opens=time(22), closes=time(8))]}, "venues.library: it closes (08:00) before it opens (22:00)"),
        ({"gates": [attrs.evolve(GATE, venue="lib")]}, "gates.south.venue: there is no venue 'lib', did you mean 'library'?"),
        ({"gates": [attrs.evolve(GATE, portals=[])]}, "gates.south.portals: there is none"),
        ({"gates": [attrs.evolve(GATE, portals=[attrs.evolve(PORTAL, repeat_quiet=timedelta(minutes=6))])]}, "gates.south.south-1.repeat_quiet: at most 5min: somebody who comes back sooner would not be counted"),
        ({"gates": [attrs.evolve(GATE, portals=[attrs.evolve(PORTAL, protocol="rdm630")])]}, "gates.south.south-1.protocol: there is no protocol 'rdm630', did you mean 'rdm6300'?"),
        ({"gates": [attrs.evolve(GATE, portals=[PORTAL, attrs.evolve(PORTAL, id="board", passage_for="south-9")])]}, "gates.south.board.passage_for: there is no portal of a reader 'south-9', did you mean 'south-1'?"),
        ({"gates": [attrs.evolve(GATE, portals=[attrs.evolve(PORTAL, passage_for="south-1")])]}, "gates.south.south-1.passage_for: there is no portal of a reader 'south-1'"),
        ({"gates": [GATE, attrs.evolve(GATE, id="east")]}, "gates.portals: the id 'south-1' is given 2 times"),
        ({"gates": [attrs.evolve(GATE, portals=[Portal(f"p{n}", PortalDirection.IN, "line", "/dev/ttyUSB0") for n in (1, 2)])]}, "gates.portals: 2 portals name the serial port '/dev/ttyUSB0'"),
        ({"gates": [attrs.evolve(GATE, portals=[Portal("p1", PortalDirection.IN, "line", "/dev/a"), Portal("p2", PortalDirection.IN, "rdm6300", "/dev/a")])]}, "gates.south.p2.protocol: another portal on '/dev/a' has 'line'"),
        ({"gates": [attrs.evolve(GATE, portals=[Portal("p1", PortalDirection.IN, "line", "/dev/a")]), attrs.evolve(GATE, id="east", portals=[Portal("p2", PortalDirection.IN, "line", "/dev/a")])]}, "gates.east.p2.port: '/dev/a' is a line of gate 'south': one process holds it"),
        ({"kiosks": [KIOSK, attrs.evolve(KIOSK, id="k-2")]}, "kiosks.number: 1 is given 2 times"),
        ({"kiosks": [attrs.evolve(KIOSK, number=32768)]}, "kiosks.number: 32768 is not between 0 and 32767"),
        ({"kiosks": [attrs.evolve(KIOSK, number=-1)]}, "kiosks.number: -1 is not between 0 and 32767"),
        ({"kiosks": [Kiosk("K-2S", 1, KIOSK.name, "library")]}, "kiosks: 'K-2S' is not an id: use 1-48 lower-case letters, digits and inner hyphens"),
        ({"kiosks": [attrs.evolve(KIOSK, areas=["2f-center"])]}, "kiosks.k-2s.areas: there is no area '2f-center', did you mean '2f-centre'?"),
        ({"kiosks": [attrs.evolve(KIOSK, venue="x")]}, "kiosks.k-2s.venue: there is no venue 'x'"),
        ({"areas": [attrs.evolve(AREA, capacity=300)]}, "areas.2f-centre.capacity: an area has a plan with seats or a capacity, not both: leave one out"),
        ({"areas": [attrs.evolve(AREA, plan="", capacity=0)]}, "areas.2f-centre.capacity: 0 is not between 1 and 1000000"),
        ({"venues": [attrs.evolve(VENUE, geofence=Geofence(91.0, 120.0, 150))]}, "venues.library.geofence.lat: 91.0 is not between -90 and 90"),
        ({"venues": [attrs.evolve(VENUE, geofence=Geofence(30.0, float("nan"), 150))]}, "venues.library.geofence.lon: nan is not between -180 and 180"),
        ({"venues": [attrs.evolve(VENUE, geofence=Geofence(30.0, 120.0, 0))]}, "venues.library.geofence.radius_m: 0 is not between 1 and 100000"),
        ({"policy": policy(check_in={"position_accuracy_m": 0})}, "policy.check_in.position_accuracy_m: with less than 1 m no phone is sure enough"),
        ({"policy": policy(booking={"advance_days": -1})}, "policy.booking.advance_days: it is below 0; 0 means today only"),
        ({"policy": policy(booking={"max_active": 0})}, "policy.booking.max_active: with less than 1 nobody can book"),
        ({"policy": policy(booking={"max_length": timedelta(minutes=5)})}, "policy.booking.max_length: it is shorter than policy.booking.min_length"),
        ({"policy": policy(booking={"grid": timedelta(minutes=7)})}, "policy.booking.grid: a day is not a whole number of it; write one such as 15min, 30min or 1h"),
        ({"policy": policy(booking={"grid": timedelta()})}, "policy.booking.grid: it must be longer than 0"),
        ({"policy": policy(away={"limit": timedelta()})}, "policy.away.limit: it must be longer than 0"),
        ({"policy": policy(check_in={"code_tolerance_steps": -1})}, "policy.check_in.code_tolerance_steps: it is below 0"),
        ({"policy": policy(check_in={"opens_before": timedelta(), "closes_after": timedelta()})}, "policy.check_in.closes_after: with opens_before 0 too there is no moment at which to check in"),
        ({"policy": policy(violations={"steps": [ViolationStep(0, SuspendUntil.NEXT_DAY)]})}, "policy.violations.steps: after = 0 would bar readers who did nothing; the first is 1"),
        ({"policy": policy(violations={"steps": [ViolationStep(2, SuspendUntil.NEXT_DAY), ViolationStep(1, SuspendUntil.NEXT_WEEK)]})}, "policy.violations.steps: after = 1 stands behind after = 2; write them ascending"),
        ({"policy": policy(violations={"steps": [ViolationStep(1, SuspendUntil.NEXT_DAY), ViolationStep(1, SuspendUntil.NEXT_WEEK)]})}, "policy.violations.steps: after = 1 stands behind after = 1; write them ascending"),
        ({"policy": policy(violations={"steps": [ViolationStep(1, SuspendUntil.NEXT_WEEK), ViolationStep(2, SuspendUntil.NEXT_DAY)]})}, "policy.violations.steps: after = 2 bars for less than after = 1"),
        ({"policy": policy(violations={"no_show": False, "lapsed": False, "no_sign_out": False, "steps": [ViolationStep(1, SuspendUntil.NEXT_DAY)]})}, "policy.violations.steps: nothing counts as a violation, so nothing can follow; leave them out"),
        ({"policy": policy(identity={"pin_tries": 0})}, "policy.identity.pin_tries: it is below 1"),
        ({"policy": policy(waiting={"max_open": -1})}, "policy.waiting.max_open: it is below 0"),
        ({"policy": policy(extend={"opens_before_end": timedelta()})}, "policy.extend.opens_before_end: it must be longer than 0"),
        ({"policy": policy(sign_out={"required": True}), "kiosks": []}, "policy.sign_out.required: no kiosk shows a code and no gate ends a stay, so nobody could sign out"),
        ({"support": Support(KIOSK.name, "javascript:alert(1)")}, 'support.link: \'javascript:alert(1)\' is not an address; write one like "tel:+861012345678" or "mailto:desk@lib.edu.cn"'),
        ({"public_url": "seat.example.edu.cn"}, "public_url: 'seat.example.edu.cn' is not a web address: write one like \"https://seat.example.edu.cn\""),
        ({"public_url": "ftp://a"}, "public_url: 'ftp://a' is not a web address: write one like \"https://seat.example.edu.cn\""),
        ({"public_url": "http://a:70000"}, "public_url: 'http://a:70000' is not a web address (Port out of range 0-65535): write one like \"https://seat.example.edu.cn\""),
        ({"public_url": "https://a/seats"}, "public_url: 'https://a/seats' has more than a host and a port: write one like \"https://seat.example.edu.cn\""),
        ({"public_url": "https://me:pw@a"}, "public_url: 'https://me:pw@a' has more than a host and a port: write one like \"https://seat.example.edu.cn\""),
    ],
)  # fmt: skip
def test_each_fault_is_a_sentence_with_its_key(change, expected):
    assert expected in problems(attrs.evolve(BJUT, **change))


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:8080", "https://seat.example.edu.cn/", "http://[::1]:8080"])
def test_addresses_that_serve(address):
    assert problems(attrs.evolve(BJUT, public_url=address)) == []


@pytest.mark.parametrize("link", ["", "tel:+86 10-6739 0000", "mailto:desk@lib.edu.cn", "https://lib.edu.cn/ask"])
def test_links_that_a_tap_may_open(link):
    assert problems(attrs.evolve(BJUT, support=Support(KIOSK.name, link))) == []


def test_steps_of_violations_as_the_second_manual_has_them():
    # "违约1次，将隔天才能预约；违约两次本周不能再预约"
    steps = load_site(shipped("sites", "two-campus.toml")).policy.violations.steps
    assert [(step.after, step.suspend) for step in steps] == [(1, "next-day"), (2, "rest-of-week")]


def test_a_rule_that_is_written_wrongly_is_named_with_the_nearest_key(tmp_path: Path):
    wrong = {
        "policy.booking.advence_days = 1": "policy.booking: unknown key 'advence_days', did you mean 'advance_days'?",
        'policy.violations.steps = [{ after = 1, suspend = "next-week" }]': "policy.violations.steps[0].suspend: ",
        'policy.gate.exit_means = "awya"': "policy.gate.exit_means: ",
        'policy.booking.filters = ["windows"]': "policy.booking.filters[0]: ",
        "policy.violatons.steps = []": "policy: unknown key 'violatons', did you mean 'violations'?",
        "policy.away.limit = 30": "policy.away.limit: ",
    }
    shipped_text = shipped("sites", "two-campus.toml").read_text("utf-8")
    head = shipped_text[: shipped_text.index("[policy.booking]")]
    for number, (line, sentence) in enumerate(wrong.items()):
        file = tmp_path / f"{number}.toml"
        name, _, value = line.partition(" = ")
        table, _, key = name.rpartition(".")
        file.write_text(f"{head}\n[{table}]\n{key} = {value}\n", encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load_site(file)
        assert any(problem.startswith(sentence) for problem in caught.value.problems), (line, caught.value.problems)


def test_a_site_with_plans_beside_it(tmp_path):
    (tmp_path / "plans").mkdir()
    for area in BJUT.areas:
        shutil.copy(str(shipped("plans", area.plan)), tmp_path / "plans")
    file = tmp_path / "own.toml"
    file.write_text('plans = "plans"\n' + shipped("sites", "bjut.toml").read_text("utf-8"), encoding="utf-8")
    assert load_site(file).plans == tmp_path / "plans"
    (tmp_path / "plans" / "2f-centre.json").unlink()
    with pytest.raises(ConfigError) as caught:
        load_site(file)
    assert caught.value.problems == ["areas.2f-centre.plan: 2f-centre.json: there is no such plan file"]


def test_problems_of_form_and_of_the_whole_name_the_file(tmp_path: Path):
    file = tmp_path / "bad.toml"
    file.write_text('id = "x"\nnme = "x"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_site(file)
    assert caught.value.origin == str(file)
    assert "unknown key 'nme', did you mean 'name'?" in caught.value.problems


def test_protocols_that_ship():
    assert {"rdm6300", "line"} <= set(protocol_names())


@given(st.text(alphabet="abz09-A_.+#/北", max_size=50) | st.text(max_size=3))
@settings(deadline=None, derandomize=True)
def test_an_id_is_what_a_topic_level_may_be(name):
    try:
        topic_level = check_name(name) == name
    except MessageError:
        topic_level = False
    assert bool(NAME.fullmatch(name)) is topic_level
