"""What a passage does, over signed MQTT payloads and read over HTTP; each with a second site that decides otherwise."""

from datetime import timedelta

import attrs
import pytest

from booking.service.commands import Sweep
from config.policy import ExitMeans, InsideAtOpening
from messages import command
from runtime.signing import verify
from tests.booking.web.test_evacuation import ruled, stay_of

pytestmark = pytest.mark.databases("sqlite", "postgres")

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
FROM_FIVE_TO_EIGHT = {"start": "2023-07-17T17:00:00+08:00", "end": "2023-07-17T20:00:00+08:00"}


def reporting(site):
    """Make the first lane of the south gate one that says whether somebody walked through."""
    gates = [
        attrs.evolve(gate, portals=[attrs.evolve(one, reports_passage=True) for one in gate.portals])
        for gate in site.gates
    ]
    return attrs.evolve(site, gates=gates)


def sweep(house):
    house.do(Sweep(at=house.clock.now()))


def seconds(house, count):
    house.clock.put(house.clock.now() + timedelta(seconds=count))


def records(client):
    return client.get("/api/v1/gate-records").json()["items"]


# ---- which reservation -----------------------------------------------------------------------------------------------


def test_a_passage_touches_the_one_in_use_first_and_only_its_own_venue(open_house, api_of, wire_of):
    """Each portal names its venue; a passage touches only that venue and one reservation: the one in use or away, else
    the one whose window is open and whose start is nearest."""
    house = open_house(ruled(check_in={"opens_before": timedelta(hours=3), "closes_after": timedelta(hours=2)}))
    reader, gate = api_of(house, ONE), wire_of(house)
    first = reader.book("2f-centre-065", "2023-07-17T17:00:00+08:00", "2023-07-17T18:00:00+08:00").json()["id"]
    later = reader.book("2f-centre-066", "2023-07-17T19:00:00+08:00", "2023-07-17T20:00:00+08:00").json()["id"]
    house.at("16:50")
    gate.passes("in")
    assert [stay_of(reader, one)["status"] for one in (first, later)] == ["in-use", "reserved"]
    house.at("17:30")
    gate.passes("in")  # in while present
    assert stay_of(reader, later)["status"] == "reserved"
    house.at("17:31")
    gate.passes("out")
    house.at("17:32")
    gate.passes("in")
    assert stay_of(reader, first)["status"] == "in-use"
    assert [record["reservation"] for record in reversed(records(reader))] == [first, None, first, first]


def test_of_two_open_windows_the_nearest_start_is_taken(open_house, api_of, wire_of):
    """… else the one whose window is open and whose start is nearest"""
    house = open_house(ruled(check_in={"opens_before": timedelta(hours=3), "closes_after": timedelta(hours=2)}))
    reader, gate = api_of(house, ONE), wire_of(house)
    first = reader.book("2f-centre-065", "2023-07-17T17:00:00+08:00", "2023-07-17T18:00:00+08:00").json()["id"]
    later = reader.book("2f-centre-066", "2023-07-17T18:00:00+08:00", "2023-07-17T20:00:00+08:00").json()["id"]
    house.at("17:40")
    gate.passes("in")
    assert [stay_of(reader, one)["status"] for one in (first, later)] == ["reserved", "in-use"]


@pytest.mark.parametrize(("checks_in", "status", "effect"), [(True, "in-use", "checked-in"), (False, "reserved", "")])
def test_in_with_an_open_window_checks_in(open_house, api_of, wire_of, checks_in, status, effect):
    """In, window open → checked in. In while present, or without a reservation → recorded only."""
    house = open_house(ruled(gate={"enter_checks_in": checks_in}))
    reader, other, gate = api_of(house, ONE), api_of(house, OTHER), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    gate.passes("in", card="0000000002")
    assert stay_of(reader, stay)["status"] == status
    assert records(reader)[0]["effect"] == effect
    assert [(one["effect"], one["reservation"]) for one in records(other)] == [("", None)]


@pytest.mark.parametrize(("checks_in", "status"), [(True, "in-use"), (False, "away")])
def test_in_from_away_returns(open_house, api_of, wire_of, checks_in, status):
    """In, away → returned."""
    house = open_house(ruled(gate={"enter_checks_in": checks_in}))
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    assert reader.post("/api/v1/check-ins", json={"code": house.code()}).status_code == 201
    gate.passes("out")
    assert stay_of(reader, stay)["status"] == "away"
    house.at("16:50")
    gate.passes("in")
    assert stay_of(reader, stay)["status"] == status


def test_presence_is_a_ledger_of_what_was_learned_when_and_through_what(open_house, api_of, wire_of):
    """Presence is a ledger of evidence (gate, kiosk code, card at kiosk, reader's code, staff, entrance code with
    position), each with `occurred_at`, `received_at`, source, and what it changed"""
    house = open_house()
    reader, staff, gate = api_of(house, ONE), api_of(house, STAFF), wire_of(house)
    stay = reader.book().json()["id"]
    reader.post("/api/v1/check-ins", json={"code": house.code()})
    house.at("17:00")
    gate.passes("out", "16:58")
    house.at("17:05")
    gate.passes("in")
    staff.post("/api/v1/staff/seats/2f-centre-065/patrol", json={"found": "empty"})
    lines = [
        (line["source"], line["change"], line["occurred_at"][11:16], line["received_at"][11:16])
        for line in stay_of(reader, stay)["history"]
    ]
    assert lines == [
        ("web", "reserved", "16:38", "16:38"),
        ("kiosk-code", "checked-in", "16:38", "16:38"),
        ("gate", "stepped-away", "16:58", "17:00"),
        ("gate", "returned", "17:05", "17:05"),
        ("staff", "stepped-away", "17:05", "17:05"),
    ]
    assert all(line["sentence"] for line in stay_of(reader, stay)["history"])


# ---- out -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("means", "from_use", "from_away", "violations"),
    [
        (ExitMeans.AWAY, "away", "away", []),
        (ExitMeans.END, "ended", "ended", []),
        (ExitMeans.END_UNLESS_AWAY, "ended", "away", []),
        (ExitMeans.VIOLATION_UNLESS_AWAY, "ended", "away", ["left"]),
        (ExitMeans.NOTHING, "in-use", "away", []),
    ],
)
def test_out_means_what_the_site_says(open_house, api_of, wire_of, means, from_use, from_away, violations):
    """Out → the site's exit_means: away (bjut), end (two-campus), end-unless-away, violation-unless-away, nothing."""
    house = open_house(ruled(gate={"exit_means": means}))
    one, other, gate = api_of(house, ONE), api_of(house, OTHER), wire_of(house)
    used = one.book().json()["id"]
    stepped = other.book("2f-centre-066").json()["id"]
    gate.passes("in")
    gate.passes("in", card="0000000002")
    house.at("17:00")
    assert other.post(f"/api/v1/reservations/{stepped}/step-away").status_code == 200
    house.at("17:05")
    gate.passes("out")
    gate.passes("out", card="0000000002")
    assert stay_of(one, used)["status"] == from_use
    assert stay_of(other, stepped)["status"] == from_away
    found = one.get("/api/v1/violations").json()["items"]
    assert [violation["kind"] for violation in found] == violations
    assert other.get("/api/v1/violations").json()["items"] == []
    if violations:
        assert found[0]["policy_key"] == "policy.gate.exit_means"


@pytest.mark.parametrize("counts", [True, False])
def test_going_without_stepping_away_is_lifted_by_not_me_and_never_imposed_late(open_house, api_of, wire_of, counts):
    """… violation-unless-away; "not me" restores the earlier state where still free …, never penalises"""
    house = open_house(ruled(gate={"exit_means": ExitMeans.VIOLATION_UNLESS_AWAY}, violations={"left": counts}))
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    house.at("17:30")
    gate.passes("out", "17:10")  # twenty minutes late
    assert (stay_of(reader, stay)["status"], reader.get("/api/v1/violations").json()["items"]) == ("in-use", [])
    gate.passes("out")
    gate.birth()
    standing = [one["standing"] for one in reader.get("/api/v1/violations").json()["items"]]
    assert standing == (["provisional"] if counts else [])
    record = records(reader)[0]["id"]
    assert reader.post(f"/api/v1/gate-records/{record}/dispute").status_code == 200
    assert stay_of(reader, stay)["status"] == "in-use"
    assert [one["standing"] for one in reader.get("/api/v1/violations").json()["items"]] == (["lifted"] * counts)


def test_where_places_are_counted_the_same_rules_end_stays(open_house, api_of, wire_of):
    """Out → … end (two-campus)"""
    from config.schema import Gate, Portal, PortalDirection
    from config.values import Text

    def with_gate(site):
        portals = [Portal(f"south-{n}", way, "line") for n, way in ((1, PortalDirection.IN), (2, PortalDirection.OUT))]
        gate = Gate("south", site.venues[0].id, Text("东门", "East"), portals)
        return attrs.evolve(site, gates=[gate])

    house = open_house(with_gate, site="two-campus.toml", name="campus", now="10:00")
    reader, gate = api_of(house, ONE), wire_of(house)
    area = next(one for one in house.site.areas if one.venue == house.site.venues[0].id)
    wish = {"area": area.id, "start": "2023-07-17T10:00:00+08:00", "end": "2023-07-17T12:00:00+08:00"}
    stay = reader.post("/api/v1/reservations", json=wish).json()["id"]
    gate.passes("in")
    assert stay_of(reader, stay)["status"] == "in-use"
    house.at("11:00")
    gate.passes("out")
    assert stay_of(reader, stay)["status"] == "ended"
    house.at("13:00")
    assert reader.get("/api/v1/violations").json()["items"] == [], "going out was signing out"
    free = {one["id"]: one for one in reader.get("/api/v1/areas").json()["items"]}[area.id]
    assert free["free"] == free["total"]


def test_out_is_never_refused(open_house, api_of, wire_of):
    """`out` is never refused: no antipassback, missing sign-out, lock command or lost power holds a person in;
    `fail_closed` and lock apply to `in` only"""
    house = open_house(ruled(sign_out={"required": True}))
    reader, gate = api_of(house, ONE), wire_of(house)
    reader.book()
    gate.passes("in")
    house.at("17:00")
    for _ in range(3):  # out, and out again, signed out or not
        (answer,) = gate.passes("out")
        assert answer.rejected == []
    assert [one.topic.rpartition("/")[2] for one in gate.sent] == ["ack"], "nothing tells a gate to hold anybody"
    assert [record["direction"] for record in records(reader)] == ["out", "out", "out", "in"]


def test_no_open_command_exists(open_house, wire_of):
    """No open command exists before signed commands do."""
    from messages.errors import MessageError

    house = open_house()
    gate = wire_of(house)
    gate.passes("in")
    gate.passes("out", sequence=1)
    (asked,) = [one for one in gate.sent if one.topic.endswith("/command")]
    key = gate.ingest._identity.key
    assert verify(key.public_bytes, asked.topic, asked.payload, asked.properties["sig"]), "what is asked is signed"
    for word in (b"open", b"lock"):
        with pytest.raises(MessageError):
            command.decode(asked.payload.replace(b'"resync"', b'"' + word + b'"'))


def test_an_acknowledgement_says_what_time_it_is(open_house, wire_of):
    """Acknowledgements carry server time."""
    house = open_house()
    gate = wire_of(house)
    (answer,) = gate.passes("in", "16:00")
    assert answer.server_time == house.clock.now()


# ---- the turnstile's word ----------------------------------------------------------------------------------------------


def test_where_a_lane_reports_passage_the_effect_waits_for_it(open_house, api_of, wire_of):
    """Where a portal reports passage, attendance waits for it …; elsewhere the event applies at once."""
    house = open_house(reporting)
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    assert stay_of(reader, stay)["status"] == "reserved"
    seconds(house, 3)
    gate.walked(1, passed=True)
    found = stay_of(reader, stay)
    assert (found["status"], found["checked_in_at"]) == ("in-use", "2023-07-17T16:38:00+08:00")
    (record,) = records(reader)
    assert (record["effect"], record["passed"], record["unconfirmed"]) == ("checked-in", True, False)
    assert "unconfirmed" not in found["history"][-1]["facts"]


@pytest.mark.parametrize("timeout", [10, 25])
def test_without_a_word_it_counts_as_unconfirmed_at_that_very_moment(open_house, api_of, wire_of, timeout):
    """… else for pass_timeout_s and then counts as unconfirmed"""
    house = open_house(
        lambda site: reporting(ruled(gate={"pass_timeout": timedelta(seconds=timeout)})(site)), name=str(timeout)
    )
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    seconds(house, timeout - 1)
    assert stay_of(reader, stay)["status"] == "reserved"
    assert house.reads.next_due() == house.clock.now() + timedelta(seconds=1), "the sweeper is woken for it"
    seconds(house, 1)
    assert stay_of(reader, stay)["status"] == "in-use", "read at a moment, it is right for that moment"
    assert house.reads.area_map("2f-centre", house.clock.now()).seats[64].status == "taken"
    sweep(house)
    found = stay_of(reader, stay)
    assert (found["status"], found["checked_in_at"]) == ("in-use", "2023-07-17T16:38:00+08:00")
    assert found["history"][-1]["facts"]["unconfirmed"] == "yes"
    assert "闸机未报告您是否通过" in found["history"][-1]["sentence"]
    assert records(reader)[0]["unconfirmed"] is True


@pytest.mark.parametrize("after", [3, 60])
def test_passed_false_voids_it_in_time_and_late(open_house, api_of, wire_of, after):
    """`passed = false` voids it."""
    house = open_house(reporting, name=str(after))
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    seconds(house, after)
    sweep(house)
    gate.walked(1, passed=False)
    seconds(house, 60)
    sweep(house)
    assert stay_of(reader, stay)["status"] == "reserved"
    changes = [line["change"] for line in stay_of(reader, stay)["history"]]
    assert changes == (["reserved"] if after == 3 else ["reserved", "checked-in", "undone"])
    assert [record["effect"] for record in records(reader)] == [""]
    assert house.reads.inside(house.clock.now())[0].people == 0


def test_what_is_done_next_stands_on_what_has_waited_long_enough(open_house, api_of, wire_of):
    """Nothing waits for a tick to be true."""
    house = open_house(reporting)
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    seconds(house, 10)
    assert reader.post(f"/api/v1/reservations/{stay}/step-away").json()["status"] == "away"


# ---- inside already ----------------------------------------------------------------------------------------------------


def test_who_is_inside_when_the_window_opens_is_asked_and_checks_in_with_one_tap(
    open_house, api_of, browser_of, wire_of
):
    """Already inside when the window opens or a reservation is made: inside_at_opening = "prompt" (or check-in)."""
    house = open_house()
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book(**FROM_FIVE_TO_EIGHT | {"start": "2023-07-17T18:00:00+08:00"}).json()["id"]
    gate.passes("in")
    assert (stay_of(reader, stay)["status"], stay_of(reader, stay)["asks_inside"]) == ("reserved", False)
    early = reader.post(f"/api/v1/reservations/{stay}/confirm-inside")
    assert (early.json()["code"], early.json()["next_allowed_at"]) == ("window-not-open", "2023-07-17T17:30:00+08:00")
    house.at("17:30")
    assert stay_of(reader, stay)["asks_inside"] is True
    for _ in range(2):
        sweep(house)
    told = [note["kind"] for note in reader.get("/api/v1/notifications").json()["items"]]
    assert told == ["inside", "reserved"]
    page = browser_of(house, ONE)
    assert "您已在馆内，请确认签到" in page.get("/notifications").text
    done = page.submit(page.get("/"), f"/reservations/{stay}/confirm-inside")
    assert done.status_code == 200
    found = stay_of(reader, stay)
    assert (found["status"], found["history"][-1]["source"]) == ("in-use", "gate")


@pytest.mark.parametrize(
    ("mode", "status", "told"),
    [
        (InsideAtOpening.PROMPT, "reserved", ["inside", "reserved"]),
        (InsideAtOpening.CHECK_IN, "in-use", ["checked-in", "reserved"]),
        (InsideAtOpening.NOTHING, "reserved", ["reserved"]),
    ],
)
@pytest.mark.parametrize("from_now", [True, False])
def test_inside_already_means_what_the_site_says(open_house, api_of, wire_of, mode, status, told, from_now):
    """… inside_at_opening = "prompt" (or check-in)"""
    house = open_house(ruled(gate={"inside_at_opening": mode}), name=f"{mode}-{from_now}")
    reader, gate = api_of(house, ONE), wire_of(house)
    gate.passes("in")
    start = None if from_now else "2023-07-17T18:00:00+08:00"
    stay = reader.book(start=start).json()["id"]
    if not from_now:
        house.at("17:29")
        assert stay_of(reader, stay)["status"] == "reserved"
        house.at("17:30")
        assert stay_of(reader, stay)["status"] == status, "right at the moment, whoever wrote it down"
        sweep(house)
    assert stay_of(reader, stay)["status"] == status
    assert [note["kind"] for note in reader.get("/api/v1/notifications").json()["items"]] == told
    if mode is InsideAtOpening.NOTHING:
        no = reader.post(f"/api/v1/reservations/{stay}/confirm-inside").json()
        assert (no["code"], no["policy_key"]) == ("forbidden", "policy.gate.inside_at_opening")


@pytest.mark.parametrize("way_there", [[], ["in", "out"], ["in-denied"]])
def test_who_is_not_inside_is_not_asked(open_house, api_of, wire_of, way_there):
    house = open_house()
    reader, gate = api_of(house, ONE), wire_of(house)
    for way in way_there:
        gate.passes(way.partition("-")[0], outcome="denied" if "denied" in way else "reported")
    stay = reader.book().json()["id"]
    assert stay_of(reader, stay)["asks_inside"] is False
    assert reader.post(f"/api/v1/reservations/{stay}/confirm-inside").json()["code"] == "not-inside"
    assert stay_of(reader, stay)["status"] == "reserved"


# ---- confirm, not me, strangers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [True, False])
def test_not_me_flags_the_card_for_the_desk_and_blames_nobody(open_house, api_of, browser_of, wire_of, flags):
    """unanswered stands; "not me" restores the earlier state where still free, flags the card, never penalises"""
    house = open_house(ruled(gate={"flag_disputed": flags}))
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    record = records(reader)[0]["id"]
    reader.post(f"/api/v1/gate-records/{record}/dispute")
    assert stay_of(reader, stay)["status"] == "reserved"
    desk = browser_of(house, STAFF)
    page = desk.get("/staff/desk")
    assert ("有争议的卡 …86" in page.text) is flags
    assert "0006547886" not in page.text
    if flags:
        assert desk.submit(page, f"/staff/desk/flags/{record}").status_code == 200
        assert "有争议的卡" not in desk.get("/staff/desk").text
        assert house.reads.staff_actions()[0].action == "card-flag-cleared"
    assert reader.get("/api/v1/violations").json()["items"] == []


def test_not_me_where_the_seat_has_gone_flags_the_card_all_the_same(open_house, api_of, wire_of):
    house = open_house(ruled(gate={"exit_means": ExitMeans.END}))
    reader, other, gate = api_of(house, ONE), api_of(house, OTHER), wire_of(house)
    reader.book()
    gate.passes("in")
    house.at("17:00")
    gate.passes("out")
    assert other.book().status_code == 201
    record = records(reader)[0]["id"]
    assert reader.post(f"/api/v1/gate-records/{record}/dispute").json()["code"] == "seat-taken"
    assert [flag.record for flag in house.reads.flagged_cards()] == [record]


@pytest.mark.parametrize(("minutes", "code"), [(20, "confirm-too-late"), (60, None)])
def test_an_answer_counts_for_as_long_as_the_site_says(open_house, api_of, wire_of, minutes, code):
    """The reader is always told and can confirm or undo for `confirm_minutes`; unanswered stands"""
    house = open_house(ruled(gate={"confirm_for": timedelta(minutes=minutes)}))
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    assert reader.get("/api/v1/notifications").json()["items"][0]["kind"] == "checked-in"
    house.at("17:08")
    answer = reader.post(f"/api/v1/gate-records/{records(reader)[0]['id']}/dispute").json()
    assert answer.get("code") == code
    assert stay_of(reader, stay)["status"] == ("in-use" if code else "cancelled")


def test_strangers_and_staff_count_inside_and_are_neither_dead_letters_nor_attendance(
    open_house, api_of, browser_of, wire_of
):
    """Unknown, visitor and staff cards are records and count inside; they are never dead letters and never attendance."""
    house = open_house()
    gate, staff = wire_of(house), browser_of(house, STAFF)
    gate.passes("in")
    gate.passes("in")  # the same reader: one person
    gate.passes("in", card="7777777777")
    gate.passes("in", card="8888888888")
    gate.passes("out", card="8888888888")
    gate.passes("in", card=None)
    gate.passes("in", card="6666666666", outcome="denied")
    (inside,) = house.reads.inside(house.clock.now())
    assert (inside.people, inside.readers) == (3, 1)
    assert house.reads.dead_letters() == (0, [])
    assert "在馆 <b>3</b> 人，其中已知读者 1 人" in staff.get("/staff").text
    assert 'seatgate_inside{venue="library"} 3.0' in api_of(house).get("/metrics").text
    house.at("08:30", day=18)
    assert house.reads.inside(house.clock.now())[0].people == 0, "counted anew each day"


# ---- late truth --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closes_after", [30, 60])
def test_late_evidence_lifts_and_whoever_booked_meanwhile_keeps_the_seat(
    open_house, api_of, browser_of, wire_of, closes_after
):
    """If the seat or the reader was booked meanwhile, that booking stands: the violation and the suspension go, the
    reservation becomes `displaced`, the best free seat is offered."""
    change = ruled(check_in={"closes_after": timedelta(minutes=closes_after)})
    house = open_house(lambda site: attrs.evolve(change(site), gates=site.gates[:1]), name=str(closes_after))
    reader, other, gate = api_of(house, ONE), api_of(house, OTHER), wire_of(house)
    stay = reader.book(**FROM_FIVE_TO_EIGHT).json()["id"]
    house.at("17:31")
    sweep(house)
    gate.birth()
    if closes_after == 60:  # not missed yet: nothing is lifted, and nobody could take the seat
        assert other.book(end="2023-07-17T19:00:00+08:00").status_code == 409
        gate.passes("in", "17:05")
        assert stay_of(reader, stay)["status"] == "in-use"
        return
    assert [one["standing"] for one in reader.get("/api/v1/violations").json()["items"]] == ["standing"]
    taken = other.book(end="2023-07-17T19:00:00+08:00").json()["id"]
    house.at("17:40")
    gate.passes("in", "17:05")
    found = stay_of(reader, stay)
    assert (found["status"], found["offer"]) == ("displaced", "2f-centre-066")
    assert stay_of(other, taken)["status"] == "reserved"
    assert [one["standing"] for one in reader.get("/api/v1/violations").json()["items"]] == ["lifted"]
    (line,) = [line for line in found["history"] if line["change"] == "displaced"]
    assert line["facts"]["offer"] == "2f-centre-066"
    page = browser_of(house, ONE)
    assert "066号座位可供您使用" in page.get("/notifications").text
    view = page.get(f"/reservations/{stay}")
    assert "改用066号座位" in view.text
    assert page.submit(view, f"/reservations/{stay}/take-offer").status_code == 200
    current = reader.get("/api/v1/reservations").json()["items"]
    assert [(one["seat"], one["status"]) for one in current if one["status"] == "in-use"] == [
        ("2f-centre-066", "in-use")
    ]
    again = reader.post(f"/api/v1/reservations/{stay}/take-offer")
    assert (again.status_code, again.json()["code"]) == (409, "reader-overlap")
    assert stay_of(reader, stay)["offer"] is None


@pytest.mark.parametrize(("late_after", "until"), [(5, "18:00"), (60, "17:30")])
def test_late_evidence_imposes_nothing(open_house, api_of, wire_of, late_after, until):
    """Late evidence may lift a consequence, never impose one, end a stay or evict anyone."""
    house = open_house(ruled(gate={"late_after": timedelta(minutes=late_after)}), name=str(late_after))
    reader, gate = api_of(house, ONE), wire_of(house)
    stay = reader.book().json()["id"]
    gate.passes("in")
    house.at("17:30")
    gate.passes("out", "17:00")
    found = stay_of(reader, stay)
    if late_after == 5:
        assert (found["status"], found["away_until"]) == ("away", f"2023-07-17T{until}:00+08:00")
    else:
        assert (found["status"], found["closed_at"]) == ("lapsed", f"2023-07-17T{until}:00+08:00")


def test_nobody_takes_an_offer_that_is_not_theirs(open_house, api_of, wire_of):
    house = open_house()
    reader, other = api_of(house, ONE), api_of(house, OTHER)
    stay = reader.book().json()["id"]
    assert reader.post(f"/api/v1/reservations/{stay}/take-offer").json()["code"] == "not-possible-now"
    assert other.post(f"/api/v1/reservations/{stay}/take-offer").status_code == 404
    assert other.post(f"/api/v1/reservations/{stay}/confirm-inside").status_code == 404
