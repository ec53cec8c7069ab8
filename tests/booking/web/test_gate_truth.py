"""What gates tell of themselves: nothing is missed in silence, and a wrong clock costs nobody anything."""

import html
from datetime import timedelta

import attrs
import pytest

from booking.service.commands import KeepDeadLetter
from messages import command
from messages.access import AlarmEvent, AlarmKind
from tests.booking.web.conftest import SECOND
from tests.booking.web.test_evacuation import ruled, stay_of

ONE, STAFF = "S2023001", "STAFF01"
LONG_AGO = "1970-01-01"


def alerts(staff):
    return [(one["kind"], one["sequence"]) for one in staff.get("/api/v1/staff/alerts").json()["items"]]


def later(house, **span):
    house.clock.put(house.clock.now() + timedelta(**span))


def resyncs(gate):
    found = [one for one in gate.sent if one.topic.endswith("/command")]
    return [command.decode(one.payload) for one in found]


def fell_back(house):
    """A clock without a battery says so after a cut of the power."""
    return house.clock.now() - timedelta(days=19_000)


# ---- clocks ------------------------------------------------------------------------------------------------------------


def test_a_wrong_device_time_is_rebuilt_from_boot_monotonic_time_and_the_next_birth(open_house, api_of, wire_of):
    """Wrong device time is rebuilt from boot id, monotonic time and the next known offset; only what cannot be rebuilt
    goes to the dead letters"""
    house = open_house()
    reader, staff, gate = api_of(house, ONE), api_of(house, STAFF), wire_of(house)
    stay = reader.book().json()["id"]
    (answer,) = gate.passes("in", fell_back(house), monotonic=40 * SECOND)
    assert (answer.ranges, answer.rejected) == ([(1, 1)], []), "held is held: booking has it"
    assert stay_of(reader, stay)["status"] == "reserved"
    assert house.reads.dead_letters()[0] == 1, "staff see that it waits"
    later(house, seconds=90)
    gate.birth(monotonic=130 * SECOND)
    found = stay_of(reader, stay)
    assert (found["status"], found["checked_in_at"]) == ("in-use", "2023-07-17T16:38:00+08:00")
    assert "闸机时钟有误，时间为推算" in found["history"][-1]["sentence"]
    assert (house.reads.dead_letters(), alerts(staff)) == ((0, []), [])
    later(house, seconds=10)
    gate.passes("out", fell_back(house), monotonic=140 * SECOND)  # the offset is known by now
    assert stay_of(reader, stay)["away_at"] == "2023-07-17T16:39:40+08:00"


def test_a_gate_that_never_has_the_time_is_dated_by_when_its_births_come(open_house, api_of, wire_of):
    """… and the next known offset"""
    house = open_house()
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in", fell_back(house), monotonic=40 * SECOND)
    later(house, seconds=60)
    gate.birth(wall=fell_back(house), monotonic=100 * SECOND)
    assert stay_of(reader, stay)["checked_in_at"] == "2023-07-17T16:38:00+08:00"


def test_only_what_cannot_be_rebuilt_goes_to_the_dead_letters(open_house, api_of, browser_of, wire_of):
    """only what cannot be rebuilt goes to the dead letters"""
    house = open_house()
    reader, staff, gate = api_of(house, ONE), api_of(house, STAFF), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in", fell_back(house), monotonic=40 * SECOND)
    gate.birth(boot="boot-2", monotonic=20 * SECOND)  # started again before it could tell
    total, (letter,) = house.reads.dead_letters()
    assert (total, letter.reason) == (1, "clock-unknown")
    assert alerts(staff) == [("clock-unknown", 1)]
    assert stay_of(reader, stay)["status"] == "reserved"
    page = browser_of(house, STAFF)
    assert "事件时间无法推算" in page.get("/staff/alerts").text
    no = staff.post(f"/api/v1/staff/dead-letters/{letter.id}/replay").json()
    assert (no["code"], no["facts"]["reason"] if "facts" in no else "impossible-time") == (
        "not-possible-now",
        "impossible-time",
    )


@pytest.mark.parametrize(("ahead", "held"), [(5, 1), (30, 0)])
def test_how_far_ahead_a_clock_may_be_is_the_sites_to_say(open_house, wire_of, ahead, held):
    """Wrong device time is rebuilt: another key, another outcome"""
    house = open_house(ruled(gate={"clock_ahead": timedelta(minutes=ahead)}), name=str(ahead))
    gate = wire_of(house)
    gate.passes("in", house.clock.now() + timedelta(minutes=20))
    assert house.reads.dead_letters()[0] == held
    assert len(house.reads.passages()) == 1 - held


def test_held_events_survive_a_restart(open_house, api_of, wire_of, tmp_path):
    house = open_house()
    gate = wire_of(house)
    gate.passes("in", fell_back(house), monotonic=40 * SECOND)
    with house.reads._pool.lend() as db:
        assert db.execute("SELECT gate, sequence FROM held_events").fetchall() == [("south", 1)]


# ---- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [60, 300])
def test_a_gap_alerts_after_the_sites_time_and_no_longer_once_it_is_filled(
    open_house, api_of, browser_of, wire_of, after
):
    """a gap alerts after 60 s"""
    house = open_house(ruled(gate={"gap_after": timedelta(seconds=after)}), name=str(after))
    staff, gate = api_of(house, STAFF), wire_of(house)
    missing = gate.swipe()
    gate.passes()
    later(house, seconds=after - 1)
    assert alerts(staff) == []
    later(house, seconds=1)
    assert alerts(staff) == [("gap", 1)], "true at this moment, without a sweep"
    assert "有事件缺失" in browser_of(house, STAFF).get("/staff/alerts").text
    gate.say(missing)
    assert alerts(staff) == []


def test_what_a_gate_believes_is_held_and_is_not_is_asked_for_again(open_house, api_of, wire_of):
    """so that a restored server can ask `resync` from its last sequence"""
    house = open_house()
    staff, gate = api_of(house, STAFF), wire_of(house)
    gate.passes()
    gate.birth(last_sequence=9, watermark=9)
    (wanted,) = resyncs(gate)
    assert (wanted.epoch, wanted.first, wanted.last, wanted.new_epoch) == (gate.epoch, 2, 9, False)
    later(house, seconds=60)
    assert alerts(staff) == [("gap", 2)]


def test_an_unclosed_predecessor_alerts(open_house, api_of, wire_of):
    """A birth names epoch, last sequence and the previous epoch; an unclosed predecessor alerts"""
    house = open_house()
    staff, gate = api_of(house, STAFF), wire_of(house)
    gate.passes()
    lost = gate.swipe()
    gate.birth()
    gate.epoch, before = 4712, gate.epoch
    gate.birth(last_sequence=0, previous_epoch=before)
    assert alerts(staff) == [("unclosed-epoch", lost.sequence)]


def test_a_closed_predecessor_does_not(open_house, api_of, wire_of):
    house = open_house()
    staff, gate = api_of(house, STAFF), wire_of(house)
    gate.passes()
    gate.birth()
    gate.epoch, before = 4712, gate.epoch
    gate.birth(last_sequence=0, previous_epoch=before)
    later(house, minutes=5)
    assert alerts(staff) == []


def test_a_predecessor_that_is_not_even_named_alerts(open_house, api_of, wire_of):
    house = open_house()
    staff, gate = api_of(house, STAFF), wire_of(house)
    gate.passes()
    gate.birth()
    gate.epoch = 4712
    gate.birth(last_sequence=0)
    assert alerts(staff) == [("unclosed-epoch", 2)]


def test_a_known_sequence_with_another_digest_is_buried_alerts_and_asks_for_a_new_epoch(
    open_house, api_of, browser_of, wire_of
):
    """A known sequence with another digest (a cloned or restored disk) is no replay: dead letter, alert, and `resync`
    opens a new epoch."""
    house = open_house()
    staff, gate = api_of(house, STAFF), wire_of(house)
    gate.passes()
    (answer,) = gate.passes("out", sequence=1)
    assert [one.code for one in answer.rejected] == ["digest-conflict"]
    (wanted,) = resyncs(gate)
    assert (wanted.epoch, wanted.first, wanted.last, wanted.new_epoch) == (gate.epoch, 1, 1, True)
    gate.passes("out", sequence=1)
    assert resyncs(gate) == [], "asked once"
    assert house.reads.dead_letters()[0] == 1
    assert alerts(staff) == [("digest-conflict", 1)]
    page = browser_of(house, STAFF)
    view = page.get("/staff/alerts")
    assert "同一事件编号对应了两个不同的事件" in view.text
    name = staff.get("/api/v1/staff/alerts").json()["items"][0]["id"]
    assert page.submit(view, f"/staff/alerts/{name}/seen").status_code == 200
    assert alerts(staff) == []
    assert house.reads.staff_actions()[0].action == "alert-seen"
    letter = house.reads.dead_letters()[1][0].id
    assert staff.post(f"/api/v1/staff/dead-letters/{letter}/replay").json()["code"] == "not-possible-now"


def test_a_number_used_twice_alerts_even_where_the_second_event_could_not_be_applied(open_house, api_of, wire_of):
    house = open_house()
    staff, gate = api_of(house, STAFF), wire_of(house)
    gate.passes()
    (answer,) = gate.passes("in", portal="south-9", sequence=1)
    assert [one.code for one in answer.rejected] == ["digest-conflict"]
    assert alerts(staff) == [("digest-conflict", 1)]


# ---- dead letters ------------------------------------------------------------------------------------------------------


def test_staff_see_and_replay_dead_letters(open_house, api_of, browser_of, wire_of):
    """What booking cannot apply is kept in a dead-letter table that staff can see and replay, and is acknowledged"""
    house = open_house()
    reader, staff, gate = api_of(house, ONE), api_of(house, STAFF), wire_of(house)
    stay = reader.book().json()["id"]
    event = gate.swipe()
    from messages import access

    payload = access.encode("bjut", "south", event)
    house.do(
        KeepDeadLetter(
            gate="south",
            at=house.clock.now(),
            epoch=event.epoch,
            sequence=event.sequence,
            payload=payload,
            digest=b"d" * 32,
            reason="fault",
        )
    )
    house.at("17:30")
    assert stay_of(reader, stay)["status"] == "no-show"
    page = browser_of(house, STAFF)
    letter = house.reads.dead_letters()[1][0].id
    for _ in range(2):
        assert staff.post(f"/api/v1/staff/dead-letters/{letter}/replay").status_code == 204
    found = stay_of(reader, stay)
    assert (found["status"], found["checked_in_at"]) == ("in-use", "2023-07-17T16:38:00+08:00"), "judged by when it was"
    assert house.reads.dead_letters() == (0, [])
    assert [one.action for one in house.reads.staff_actions()] == ["dead-letter-replayed"]
    assert "重新处理了一条无法处理的事件" in page.get("/staff/violations").text
    assert len(reader.get("/api/v1/gate-records").json()["items"]) == 1


def test_an_unknown_lane_can_be_applied_once_the_site_file_knows_it(open_house, api_of, wire_of):
    house = open_house()
    staff, gate = api_of(house, STAFF), wire_of(house)
    gate.passes("in", portal="south-9")
    letter = house.reads.dead_letters()[1][0]
    assert letter.reason == "unknown-portal"
    assert staff.post(f"/api/v1/staff/dead-letters/{letter.id}/replay").json()["code"] == "not-possible-now"
    gates = [
        attrs.evolve(one, portals=[*one.portals, attrs.evolve(one.portals[0], id="south-9")])
        if one.id == "south"
        else one
        for one in house.site.gates
    ]
    object.__setattr__(house.places, "site", attrs.evolve(house.site, gates=gates))
    house.places.__dict__.pop("_portals", None)
    assert staff.post(f"/api/v1/staff/dead-letters/{letter.id}/replay").status_code == 204
    assert [one.portal for one in house.reads.passages()] == ["south-9"]


def test_bad_input_about_alerts_and_letters_changes_nothing(open_house, api_of, wire_of):
    house = open_house()
    reader, staff = api_of(house, ONE), api_of(house, STAFF)
    assert reader.get("/api/v1/staff/alerts").status_code == 403
    assert reader.post("/api/v1/staff/alerts/x/seen").status_code == 403
    assert reader.post("/api/v1/staff/dead-letters/1/replay").status_code == 403
    assert staff.post("/api/v1/staff/alerts/x/seen").status_code == 404
    for letter in ("0", "-1", "x", "9" * 40):
        assert staff.post(f"/api/v1/staff/dead-letters/{letter}/replay").status_code == 404


@pytest.mark.parametrize("minutes", [5, 60])
def test_an_alarm_that_is_heard_of_too_late_begins_nothing_and_is_put_before_staff(
    open_house, api_of, wire_of, minutes
):
    """Late evidence may lift a consequence, never impose one: an evacuation of hours ago is staff's to judge"""
    house = open_house(ruled(gate={"late_after": timedelta(minutes=minutes)}), name=str(minutes))
    staff, gate = api_of(house, STAFF), wire_of(house)
    house.at("17:30")
    gate.alarm("17:00")
    going = len(house.reads.evacuations(going_on=True))
    assert (going, alerts(staff)) == ((0, [("late-alarm", 1)]) if minutes == 5 else (1, []))


@pytest.mark.parametrize("what", [AlarmKind.FORCED, AlarmKind.HELD, AlarmKind.TAMPER, AlarmKind.POWER])
def test_what_is_wrong_at_a_door_is_put_before_staff_and_begins_no_evacuation(
    open_house, api_of, wire_of, browser_of, what
):
    house = open_house(name=what)
    staff, gate = api_of(house, STAFF), wire_of(house)
    (answer,) = gate.alarm(what=what)
    gate.say(gate.event(AlarmEvent, "south-1", what=what, active=True, sequence=1))  # the broker brings it again
    gate.alarm(what=what, active=False)
    assert answer.ranges == [(1, 1)]
    assert (alerts(staff), house.reads.evacuations(going_on=True)) == ([(what, 1)], [])
    shown = staff.get("/api/v1/staff/alerts").json()["items"][0]
    assert shown["facts"] == {"portal": "south-1"}
    for language, lane in (("zh", "通道 south-1"), ("en", "at lane south-1")):
        page = browser_of(house, STAFF)
        page.cookies.set("seatgate-language", language)
        text = html.unescape(page.get("/staff/alerts").text)
        items = staff.get("/api/v1/staff/alerts", headers={"accept-language": language}).json()["items"]
        assert (lane in text, items[0]["sentence"] in text) == (True, True)
