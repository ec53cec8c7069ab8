"""An evacuation, begun by staff or by an alarm input, ended by staff: nobody is blamed for what falls due in it."""

from datetime import timedelta

import attrs
import pytest

from booking.domain.replay import replay
from booking.service.commands import Sweep
from booking.service.violation_commands import HearGate
from config.policy import ExitMeans, GatePolicy, SignOutPolicy

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
MIN = timedelta(minutes=1)


def ruled(**parts):
    """Return a change of the site's rules: `ruled(evacuation={"by_alarm": False})`."""

    def change(site):
        policy = site.policy
        for part, keys in parts.items():
            policy = attrs.evolve(policy, **{part: attrs.evolve(getattr(policy, part), **keys)})
        return attrs.evolve(site, policy=policy)

    return change


def sweep(house):
    house.do(Sweep(at=house.clock.now()))


def stay_of(client, stay):
    return client.get(f"/api/v1/reservations/{stay}").json()


def begin(staff, venue="library", **more):
    return staff.post("/api/v1/staff/evacuations", json={"venue": venue} | more)


def end(staff, answer):
    return staff.post(f"/api/v1/staff/evacuations/{answer.json()['id']}/end")


def test_away_clocks_stand_still_and_run_on_with_the_span_added(api, house, wire_of):
    """Evacuation (alarm input or staff): away clocks, lapses, no-shows and sign-out violations freeze until staff end it"""
    reader, staff, gate = api(ONE), api(STAFF), wire_of(house)
    stay = reader.book(start=None, end="2023-07-17T20:00:00+08:00").json()["id"]
    gate.passes("in")
    house.at("17:00")
    gate.passes("out")
    assert stay_of(reader, stay)["away_until"] == "2023-07-17T17:30:00+08:00"
    house.at("17:20")
    evacuation = begin(staff)
    assert evacuation.status_code == 201
    house.at("18:00")
    for _ in range(2):  # read at the moment, and after a sweep: the same
        found = stay_of(reader, stay)
        assert (found["status"], found["away_until"]) == ("away", None)
        sweep(house)
    assert end(staff, evacuation).json()["end"] == "2023-07-17T18:00:00+08:00"
    assert stay_of(reader, stay)["away_until"] == "2023-07-17T18:15:00+08:00", (
        "return_within: not sooner than 15 minutes"
    )
    house.at("18:14")
    assert stay_of(reader, stay)["status"] == "away"
    house.at("18:15")
    assert stay_of(reader, stay)["status"] == "lapsed"
    lines = [line["change"] for line in stay_of(reader, stay)["history"]]
    assert lines[-3:] == ["stepped-away", "frozen", "thawed"]
    told = [note["kind"] for note in reader.get("/api/v1/notifications").json()["items"]]
    assert told[:2] == ["thawed", "frozen"]


@pytest.mark.parametrize(("within", "until"), [(15, "18:15"), (40, "18:40"), (0, "18:10")])
def test_no_deadline_comes_sooner_than_the_site_says(open_house, api_of, wire_of, within, until):
    """… freeze until staff end it: a second key, a second outcome (the span of 40 minutes alone gives 18:10)."""
    house = open_house(ruled(evacuation={"return_within": within * MIN}))
    reader, staff, gate = api_of(house, ONE), api_of(house, STAFF), wire_of(house)
    stay = reader.book(end="2023-07-17T20:00:00+08:00").json()["id"]
    gate.passes("in")
    house.at("17:00")
    gate.passes("out")
    house.at("17:20")
    evacuation = begin(staff)
    house.at("18:00")
    end(staff, evacuation)
    assert stay_of(reader, stay)["away_until"] == f"2023-07-17T{until}:00+08:00"


def test_a_missed_check_in_falls_due_after_it_and_a_stay_that_ends_in_it_is_nobodys_fault(api, house):
    """… no-shows … freeze until staff end it"""
    reader, other, staff = api(ONE), api(OTHER), api(STAFF)
    long = reader.book(start="2023-07-17T17:00:00+08:00", end="2023-07-17T20:00:00+08:00").json()["id"]
    short = other.book("2f-centre-066", end="2023-07-17T17:00:00+08:00").json()["id"]
    house.at("16:50")
    evacuation = begin(staff)
    house.at("17:40")
    assert stay_of(reader, long)["status"] == "reserved"
    assert stay_of(other, short)["status"] == "cancelled"
    sweep(house)
    assert stay_of(other, short)["history"][-1]["change"] == "withdrawn"
    end(staff, evacuation)
    assert stay_of(reader, long)["check_in_until"] == "2023-07-17T18:20:00+08:00", "30 minutes, and the 50 of it"
    house.at("18:20")
    assert stay_of(reader, long)["status"] == "no-show"
    assert stay_of(reader, long)["closed_at"] == "2023-07-17T18:20:00+08:00"
    sweep(house)
    assert [one["kind"] for one in reader.get("/api/v1/violations").json()["items"]] == ["no-show"]
    assert other.get("/api/v1/violations").json()["items"] == []


@pytest.mark.parametrize("grace", [20, 60])
def test_the_time_to_sign_out_stands_still(open_house, api_of, grace):
    """… sign-out violations freeze until staff end it"""
    change = ruled(sign_out=attrs.asdict(SignOutPolicy(required=True, grace=grace * MIN)))
    house = open_house(change)
    reader, staff = api_of(house, ONE), api_of(house, STAFF)
    stay = reader.book(end="2023-07-17T17:00:00+08:00").json()["id"]
    from booking.domain.reservation import Action
    from booking.service.commands import Act, Channel

    house.do(Act(reader=ONE, at=house.clock.now(), reservation=stay, action=Action.CHECK_IN, channel=Channel.STAFF))
    house.at("17:10")
    evacuation = begin(staff)
    house.at("19:00")
    assert stay_of(reader, stay)["status"] == "in-use"
    end(staff, evacuation)
    left = max(grace - 10, 15)
    house.clock.put(house.clock.now() + (left - 1) * MIN)
    assert stay_of(reader, stay)["status"] == "in-use"
    house.clock.put(house.clock.now() + MIN)
    assert stay_of(reader, stay)["status"] == "not-signed-out"


@pytest.mark.parametrize(("means", "status"), [(ExitMeans.AWAY, "away"), (ExitMeans.END, "ended")])
def test_exits_count_as_nothing_even_those_that_came_before_the_word(open_house, api_of, wire_of, means, status):
    """… exits then count as nothing"""
    house = open_house(ruled(gate={"exit_means": means}))
    reader, staff, gate = api_of(house, ONE), api_of(house, STAFF), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    house.at("17:00")
    gate.passes("out")
    assert stay_of(reader, stay)["status"] == status
    house.at("17:02")  # staff say so two minutes after people began to run
    evacuation = begin(staff, since="2023-07-17T16:59:00+08:00")
    assert stay_of(reader, stay)["status"] == "in-use"
    gate.passes("out")
    assert stay_of(reader, stay)["status"] == "in-use"
    house.at("17:30")
    end(staff, evacuation)
    gate.passes("out", "17:29")  # from within it, heard afterwards
    assert stay_of(reader, stay)["status"] == "in-use"
    gate.passes("out")
    assert stay_of(reader, stay)["status"] == status


@pytest.mark.parametrize("by_alarm", [True, False])
def test_an_alarm_input_begins_it_and_only_staff_end_it(open_house, api_of, wire_of, by_alarm):
    """Evacuation (alarm input or staff) … until staff end it. The fire release is hard-wired; we observe it."""
    house = open_house(ruled(evacuation={"by_alarm": by_alarm}))
    reader, staff, gate = api_of(house, ONE), api_of(house, STAFF), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    house.at("17:00")
    (answer,) = gate.alarm()
    assert (answer.ranges, answer.rejected) == ([(2, 2)], [])
    gate.alarm()
    gate.alarm(active=False)
    items = staff.get("/api/v1/staff/evacuations").json()["items"]
    if not by_alarm:
        assert items == []
        return
    assert [(one["venue"], one["gate"], one["started_by"], one["end"]) for one in items] == [
        ("library", "south", "", None)
    ]
    assert stay_of(reader, stay)["history"][-1]["change"] == "frozen"
    assert begin(staff).json()["id"] == items[0]["id"], "begun twice, it is one"
    for _ in range(2):
        ended = staff.post(f"/api/v1/staff/evacuations/{items[0]['id']}/end")
        assert ended.json()["ended_by"] == STAFF
    house.at("17:20")
    gate.alarm("17:00")  # the same fire, heard of again from another input
    assert staff.get("/api/v1/staff/evacuations").json()["items"][0]["end"] is not None
    actions = [action.action for action in house.reads.staff_actions()]
    assert actions == ["evacuation-ended", "evacuation-begun"]


def test_what_fell_due_before_we_heard_of_it_is_taken_back(api, house):
    """An outage of ours never costs a reader anything: an evacuation that is learned of late lifts what it touched."""
    reader, staff = api(ONE), api(STAFF)
    stay = reader.book(start="2023-07-17T17:00:00+08:00", end="2023-07-17T20:00:00+08:00").json()["id"]
    house.at("17:31")
    sweep(house)
    house.do(
        HearGate(gate="south", at=house.clock.now(), wall=house.clock.now(), epoch=1, watermark=0, last_sequence=0)
    )
    (violation,) = reader.get("/api/v1/violations").json()["items"]
    assert stay_of(reader, stay)["status"] == "no-show"
    begin(staff, since="2023-07-17T17:20:00+08:00")
    found = stay_of(reader, stay)
    assert (found["status"], found["closed_at"]) == ("reserved", None)
    (after,) = reader.get("/api/v1/violations").json()["items"]
    assert (after["id"], after["standing"], after["lifted_because"]) == (violation["id"], "lifted", "evacuation")


def test_whose_seat_was_given_away_meanwhile_is_displaced_without_a_fault(api, house):
    reader, other, staff = api(ONE), api(OTHER), api(STAFF)
    stay = reader.book(start="2023-07-17T17:00:00+08:00", end="2023-07-17T20:00:00+08:00").json()["id"]
    house.at("17:31")
    assert other.book(end="2023-07-17T19:00:00+08:00").status_code == 201
    begin(staff, since="2023-07-17T17:20:00+08:00")
    assert stay_of(reader, stay)["status"] == "displaced"


def test_it_is_of_one_venue_and_what_is_booked_in_it_stands_still_too(open_house, api_of):
    house = open_house(site="two-campus.toml", name="campus", now="10:00")
    reader, staff = api_of(house, ONE), api_of(house, STAFF)
    venues = [venue.id for venue in house.site.venues]
    area = next(one.id for one in house.site.areas if one.venue == venues[0])
    begin(staff, venues[1])
    wish = {"area": area, "start": "2023-07-17T11:00:00+08:00", "end": "2023-07-17T13:00:00+08:00"}
    free = reader.post("/api/v1/reservations", json=wish).json()
    assert [line["change"] for line in stay_of(reader, free["id"])["history"]] == ["reserved"]
    reader.post(f"/api/v1/reservations/{free['id']}/cancel")
    begin(staff, venues[0])
    held = reader.post("/api/v1/reservations", json=wish).json()
    house.at("11:30")
    assert stay_of(reader, held["id"])["status"] == "reserved"
    assert [line["change"] for line in stay_of(reader, held["id"])["history"]] == ["reserved", "frozen"]


def test_a_ledger_through_an_evacuation_replays_to_the_same(api, house, wire_of):
    """State is derived from it; replay runs in received order with `occurred_at` as data and gives the same state"""
    reader, staff, gate = api(ONE), api(STAFF), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    house.at("17:00")
    gate.passes("out")
    record = reader.get("/api/v1/gate-records").json()["items"][0]["id"]
    house.at("17:05")
    evacuation = begin(staff)
    reader.post(f"/api/v1/gate-records/{record}/dispute")
    house.at("17:20")
    end(staff, evacuation)
    reader.post(f"/api/v1/reservations/{stay}/step-away")
    house.at("17:30")
    begin(staff)
    with house.reads._pool.lend() as db:
        from booking.domain.evidence import Change, Evidence
        from booking.store.rows import RESERVATION, facts_of_json, moment, reservation_of

        stored = reservation_of(db.execute(f"SELECT {RESERVATION} FROM reservations").fetchone())
        rows = db.execute("SELECT source, change, occurred_us, received_us, facts FROM evidence ORDER BY n").fetchall()
    ledger = [
        Evidence(
            reservation=stay,
            reader=ONE,
            source=row[0],
            change=Change(row[1]),
            occurred_at=moment(row[2]),
            received_at=moment(row[3]),
            facts=facts_of_json(row[4]),
        )
        for row in rows
    ]
    assert len(stored.frozen) == 2
    assert replay(ledger, house.site.policy) == stored


def test_every_page_says_so_in_both_languages_and_staff_have_a_page_for_it(browser, house):
    reader, staff = browser(ONE), browser(STAFF)
    page = staff.get("/staff/evacuations")
    staff.submit(page, "/staff/evacuations", venue="library")
    assert "图书馆自 16:38 起正在疏散，请就近撤离" in reader.get("/areas").text
    reader.get("/language/en?next=%2F")
    assert "is being evacuated since 16:38: please leave by the nearest exit" in reader.get("/areas").text
    going = house.reads.evacuations(going_on=True)[0].id
    staff.submit(staff.get("/staff/evacuations"), f"/staff/evacuations/{going}/end")
    assert "evacuated" not in reader.get("/areas").text
    assert "启动疏散" in staff.get("/staff/evacuations").text


def test_bad_input_changes_nothing(api, browser, house):
    reader, staff = api(ONE), api(STAFF)
    assert begin(reader).status_code == 403
    assert begin(staff, "nowhere").json()["code"] == "not-found"
    assert begin(staff, since="2023-07-17T16:39:00+08:00").json()["code"] == "invalid-request"
    assert begin(staff, since="2023-07-16T16:00:00+08:00").json()["code"] == "invalid-request"
    assert staff.post("/api/v1/staff/evacuations/none/end").status_code == 404
    page = browser(STAFF)
    answer = page.submit(page.get("/staff/evacuations"), "/staff/evacuations", since="25:99")
    assert answer.status_code == 422
    assert "开始时间必须是今天" in answer.text
    assert house.reads.evacuations() == []


def test_the_exit_policy_type_is_complete():
    assert {str(one) for one in ExitMeans} == {"away", "end", "end-unless-away", "violation-unless-away", "nothing"}
    assert GatePolicy().exit_means is ExitMeans.AWAY
