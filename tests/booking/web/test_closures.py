"""Closures by staff: new bookings refused with reason and next opening; who is there is told and ended without blame."""

from datetime import UTC, date, datetime

import attrs
import pytest

from booking.service.floor import KeepHours
from config.schema import DateHours
from config.values import Text

pytestmark = pytest.mark.databases("sqlite", "postgres")

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
REASON = {"zh": "空调检修", "en": "Air conditioning repair"}


def at(hhmm, day=17):
    return f"2023-07-{day}T{hhmm}:00+08:00"


def book(client, start, end, seat="2f-centre-065", **more):
    return client.post("/api/v1/reservations", json={"seat": seat, "start": start, "end": end} | more).json()


def close(client, **changes):
    body = {"area": "2f-centre", "end": at("20:00"), "reason": REASON} | changes
    return client.post("/api/v1/staff/closures", json=body)


@pytest.fixture
def staff(api):
    return api(STAFF)


def test_a_closed_area_takes_no_bookings_until_it_opens_again(staff, api, house):
    assert close(staff).status_code == 201
    problem = book(api(ONE), at("18:00"), at("21:00"))
    assert (problem["code"], problem["policy_key"], problem["next_allowed_at"]) == ("closed", "closures", at("20:00"))
    assert "空调检修" in problem["sentences"]["zh"]
    assert "Air conditioning repair" in problem["sentences"]["en"]
    assert book(api(ONE), at("20:00"), at("21:00"))["status"] == "reserved"
    assert book(api(OTHER), at("18:00"), at("19:00"), seat="2f-east-001")["status"] == "reserved"


def test_lifting_it_opens_again_at_once(staff, api):
    closure = close(staff, end=None).json()
    assert (closure["end"], closure["made_by"]) == (None, STAFF)
    assert book(api(ONE), at("10:00", 18), at("12:00", 18))["code"] == "closed"
    lifted = staff.post(f"/api/v1/staff/closures/{closure['id']}/lift").json()
    assert (lifted["lifted_by"], lifted["lifted_at"]) == (STAFF, at("16:38"))
    assert book(api(ONE), at("10:00", 18), at("12:00", 18))["status"] == "reserved"
    (kept,) = staff.get("/api/v1/staff/closures").json()["items"]
    assert kept == lifted


def test_an_end_after_closing_time_is_the_next_opening(staff, api):
    close(staff, end=at("23:00"))
    assert book(api(ONE), at("18:00"), at("19:00"))["next_allowed_at"] == at("08:00", 18)


def test_a_closed_seat_is_refused_by_itself_and_never_the_best_one(staff, api):
    close(staff, seat="2f-centre-065")
    problem = book(api(ONE), at("17:00"), at("18:00"))
    assert (problem["code"], problem["policy_key"], problem["next_allowed_at"]) == (
        "seat-closed",
        "closures",
        at("20:00"),
    )
    other = book(api(ONE), at("17:00"), at("18:00"), area="2f-centre")
    assert other["seat"] != "2f-centre-065"
    seats = {seat["label"]: seat for seat in api(ONE).get("/api/v1/areas/2f-centre/seats").json()["items"]}
    assert (seats["065"]["status"], seats["065"]["until"]) == ("closed", at("20:00"))


def test_who_is_there_is_told_and_ended_without_a_violation(staff, api, house):
    """staff close an area or a seat; who is there is told and ended without a violation"""
    sitting, coming = api(ONE), api(OTHER)
    stay = book(sitting, None, at("20:00"))
    sitting.post("/api/v1/check-ins", json={"code": house.code()})
    later = book(coming, at("18:00"), at("20:00"), seat="2f-centre-066")
    close(staff)
    ended = sitting.get(f"/api/v1/reservations/{stay['id']}", headers={"accept-language": "en"}).json()
    assert (ended["status"], ended["history"][-1]["change"]) == ("ended", "withdrawn")
    assert "Air conditioning repair" in ended["history"][-1]["sentence"]
    assert coming.get(f"/api/v1/reservations/{later['id']}").json()["status"] == "cancelled"
    told = coming.get("/api/v1/notifications").json()["items"][0]
    assert told["kind"] == "withdrawn"
    house.at("21:00")
    assert coming.get(f"/api/v1/reservations/{later['id']}").json()["status"] == "cancelled"  # not missed


def test_a_stay_that_began_before_a_closure_ends_with_its_beginning(staff, api, house):
    client = api(ONE)
    stay = book(client, at("17:00"), at("20:00"))
    short = book(api(OTHER), at("18:00"), at("20:00"), seat="2f-centre-066")
    close(staff, start=at("18:05"), end=at("21:00"))
    kept = client.get(f"/api/v1/reservations/{stay['id']}").json()
    assert (kept["status"], kept["end"], kept["history"][-1]["change"]) == ("reserved", at("18:05"), "shortened")
    # five minutes are less than policy.booking.min_length: nothing worth keeping
    assert api(OTHER).get(f"/api/v1/reservations/{short['id']}").json()["status"] == "cancelled"


def test_extending_stops_at_a_closure(staff, api, house):
    client = api(ONE)
    stay = book(client, None, at("18:00"))["id"]
    client.post("/api/v1/check-ins", json={"code": house.code()})
    close(staff, start=at("18:30"), end=at("21:00"))
    house.at("17:30")
    assert client.post(f"/api/v1/reservations/{stay}/extend").json()["end"] == at("18:30")
    refused = client.post(f"/api/v1/reservations/{stay}/extend").json()
    assert (refused["code"], refused["policy_key"]) == ("closed", "closures")


def test_maps_show_it_from_its_start_to_its_end(staff, house):
    close(staff, start=at("18:00"))

    def seen(hhmm):
        moment = datetime.fromisoformat(at(hhmm)).astimezone(UTC)
        return {state.status for state in house.reads.area_map("2f-centre", moment).seats}, house.reads.next_change(
            "2f-centre", moment
        ).isoformat()

    assert seen("17:00") == ({"free"}, "2023-07-17T10:00:00+00:00")
    assert seen("18:00") == ({"closed"}, "2023-07-17T12:00:00+00:00")
    assert seen("20:00")[0] == {"free"}
    free = {area.id: area.free for area in house.reads.areas(date(2023, 7, 17), house.clock.now())}
    assert free["2f-centre"] > 0


def test_readers_close_nothing_and_a_wrong_form_changes_nothing(api, staff):
    assert close(api(ONE)).json()["code"] == "forbidden"
    assert api(ONE).get("/api/v1/staff/closures").status_code == 403
    for wrong, code in [
        ({"area": "9f"}, "unknown-area"),
        ({"seat": "2f-east-001"}, "unknown-seat"),
        ({"end": at("10:00")}, "invalid-request"),
        ({"reason": {"zh": "", "en": "x"}}, "invalid-request"),
        ({"reason": {"zh": "x" * 81, "en": "x"}}, "invalid-request"),
    ]:
        assert close(staff, **wrong).json()["code"] == code, wrong
    assert staff.post("/api/v1/staff/closures/none/lift").status_code == 404
    assert staff.get("/api/v1/staff/closures").json()["items"] == []


def test_the_same_request_makes_one_closure(staff):
    key = {"idempotency-key": "once"}
    body = {"area": "2f-centre", "end": at("20:00"), "reason": REASON}
    first, second = (staff.post("/api/v1/staff/closures", json=body, headers=key).json() for _ in range(2))
    assert first == second
    assert len(staff.get("/api/v1/staff/closures").json()["items"]) == 1


def test_staff_close_and_open_again_on_their_page(browser, house, api):
    desk = browser(STAFF)
    page = desk.get("/staff/closures")
    made = desk.submit(
        page, "/staff/closures", area="2f-centre", seat="065", reason_zh="桌面损坏", reason_en="Broken desk"
    )
    assert "桌面损坏" in made.text
    assert book(api(ONE), at("17:00"), at("18:00"))["code"] == "seat-closed"
    (closure,) = house.reads.every_closure()
    desk.submit(made, f"/staff/closures/{closure.id}/lift")
    assert book(api(ONE), at("17:00"), at("18:00"))["status"] == "reserved"
    wrong = desk.submit(desk.get("/staff/closures"), "/staff/closures", area="2f-centre", reason_zh="x", reason_en="")
    assert (wrong.status_code, "两种语言" in wrong.text) == (422, True)
    unknown = desk.submit(
        desk.get("/staff/closures"), "/staff/closures", area="2f-centre", seat="999", reason_zh="x", reason_en="x"
    )
    assert unknown.status_code == 422
    assert browser(ONE).get("/staff/closures").status_code == 403


def test_hours_that_changed_in_the_site_file_end_what_no_longer_fits(open_house, api_of, tmp_path):
    """After a change of these keys booking looks at every reservation as it starts"""
    before = open_house(name="same")
    gone = book(api_of(before, ONE), at("10:00", 18), at("12:00", 18))
    cut = book(api_of(before, OTHER), at("19:00"), at("22:00"))
    before.close()
    exceptions = [
        DateHours(date(2023, 7, 18), reason=Text("停电", "Power cut")),
        DateHours(date(2023, 7, 17), None, before.site.venues[0].opens, before.site.venues[0].closes.replace(hour=20)),
    ]
    after = open_house(
        lambda site: attrs.evolve(site, venues=[attrs.evolve(site.venues[0], exceptions=exceptions)]), name="same"
    )
    after.do(KeepHours(at=after.clock.now()))
    after.do(KeepHours(at=after.clock.now()))
    ended = api_of(after, ONE).get(f"/api/v1/reservations/{gone['id']}").json()
    assert (ended["status"], [line["change"] for line in ended["history"]]) == ("cancelled", ["reserved", "withdrawn"])
    assert "停电" in ended["history"][-1]["facts"]["reason_zh"]
    kept = api_of(after, OTHER).get(f"/api/v1/reservations/{cut['id']}").json()
    assert (kept["status"], kept["end"]) == ("reserved", at("20:00"))


def test_the_areas_page_says_why_it_takes_nobody(staff, browser, house):
    close(staff)
    house.at("16:40")
    for number in range(1, 61):  # however many closures were made since
        close(staff, area="2f-east", seat=f"2f-east-{number:03}")
    page = browser(ONE).get("/areas/2f-centre?start=now")
    assert "馆员已关闭" in page.text
    assert "空调检修" in page.text
    assert "至 20:00" in page.text
    assert 'action="/waits"' not in page.text
    assert "馆员已关闭" not in browser(ONE).get("/areas/2f-east?start=now").text
