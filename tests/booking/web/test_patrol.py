"""巡视: what staff find on a seat starts its reader's away clock, and the reader is told; nobody is named to staff."""

from datetime import timedelta

import attrs
import pytest

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
PATH = "/api/v1/staff/seats/2f-centre-065/patrol"


def at(hhmm):
    return f"2023-07-17T{hhmm}:00+08:00"


def away(**changes):
    return lambda site: attrs.evolve(
        site, policy=attrs.evolve(site.policy, away=attrs.evolve(site.policy.away, **changes))
    )


def checked_in(house, client):
    stay = client.book().json()["id"]
    client.post("/api/v1/check-ins", json={"code": house.code()})
    house.at("17:00")
    return stay


@pytest.mark.parametrize(("found", "words"), [("empty", "座位无人"), ("belongings", "座位只有物品")])
@pytest.mark.parametrize(("limit", "back"), [(timedelta(minutes=30), "17:30"), (timedelta(minutes=45), "17:45")])
def test_a_patrol_tells_the_reader_and_starts_the_away_clock(open_house, api_of, browser_of, found, words, limit, back):
    """Patrol marks a seat empty or with belongings: the reader is told and the away clock starts."""
    house = open_house(away(limit=limit))
    reader, staff = api_of(house, ONE), api_of(house, STAFF)
    stay = checked_in(house, reader)
    assert staff.post(PATH, json={"found": found}).status_code == 204
    after = reader.get(f"/api/v1/reservations/{stay}").json()
    assert (after["status"], after["away_until"]) == ("away", at(back))
    assert words in after["history"][-1]["sentence"]
    note = reader.get("/api/v1/notifications").json()["items"][0]
    assert note["kind"] == "stepped-away"
    assert note["facts"]["patrol"] == found
    assert words in browser_of(house, ONE).get("/notifications").text
    assert staff.post(PATH, json={"found": found}).json()["code"] == "not-possible-now"  # they are away already
    house.at(back)
    assert reader.get(f"/api/v1/reservations/{stay}").json()["status"] == "lapsed"


def test_who_comes_back_in_time_keeps_the_seat(house, api):
    reader = api(ONE)
    stay = checked_in(house, reader)
    api(STAFF).post(PATH, json={"found": "empty"})
    house.at("17:20")
    assert reader.post(f"/api/v1/reservations/{stay}/return").json()["status"] == "in-use"


def test_where_there_is_no_stepping_away_a_patrol_changes_nothing(open_house, api_of):
    house = open_house(away(offered=False))
    reader = api_of(house, ONE)
    stay = checked_in(house, reader)
    no = api_of(house, STAFF).post(PATH, json={"found": "empty"})
    assert (no.status_code, no.json()["code"], no.json()["policy_key"]) == (
        409,
        "not-possible-now",
        "policy.away.offered",
    )
    assert reader.get(f"/api/v1/reservations/{stay}").json()["status"] == "in-use"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (PATH, {"found": "a cat"}, 422, "invalid-request"),
        (PATH, {}, 422, "invalid-request"),
        (PATH, {"found": "empty", "reader": ONE}, 422, "invalid-request"),
        (PATH.replace("065", "999"), {"found": "empty"}, 404, "unknown-seat"),
        (PATH.replace("065", "064"), {"found": "empty"}, 409, "not-possible-now"),
    ],
)
def test_what_cannot_be_marked_changes_nothing(house, api, path, body, status, code):
    stay = checked_in(house, api(ONE))
    answer = api(STAFF).post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api(ONE).get(f"/api/v1/reservations/{stay}").json()["status"] == "in-use"


def test_a_booked_seat_whose_reader_has_not_come_is_not_marked(house, api):
    api(ONE).book()
    assert api(STAFF).post(PATH, json={"found": "empty"}).json()["code"] == "not-possible-now"


def test_readers_do_not_patrol(house, api, browser):
    checked_in(house, api(ONE))
    assert api(OTHER).post(PATH, json={"found": "empty"}).status_code == 403
    assert browser(OTHER).get("/staff/patrol").status_code == 403


def test_the_page_lists_seats_and_no_readers(house, api, browser):
    checked_in(house, api(ONE))
    desk = browser(STAFF)
    assert "此区域没有已签到的读者" in desk.get("/staff/patrol").text
    page = desk.get("/staff/patrol?area=2f-centre")
    assert "065号" in page.text
    assert ONE not in page.text
    after = desk.submit(page, "/staff/patrol/2f-centre-065", found="belongings")
    assert after.url.path == "/staff/patrol"
    assert "暂离中" in after.text
    assert "巡视标记座位" in desk.get("/staff/violations").text
