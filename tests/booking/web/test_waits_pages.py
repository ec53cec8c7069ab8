"""空出时通知我: put on the list from the seat that is taken or the area that is full, told, and taken to the seat."""

import pytest

pytestmark = pytest.mark.databases("sqlite", "postgres")

ONE, OTHER = "S2023001", "S2023002"
SEAT = "2f-centre-065"
SPAN = {"start": "2023-07-17T17:00:00+08:00", "end": "2023-07-17T20:00:00+08:00"}
PAGE = "/areas/2f-centre?date=2023-07-17&start=2023-07-17T17:00:00%2B08:00&end=2023-07-17T20:00:00%2B08:00"


def test_waiting_through_the_api(api):
    mine, other = api(ONE), api(OTHER)
    stay = other.book(**SPAN).json()["id"]
    made = mine.post("/api/v1/waits", json={"seat": SEAT} | SPAN)
    assert made.status_code == 201
    assert (made.json()["seat"], made.json()["found"]) == (SEAT, None)
    assert mine.post("/api/v1/waits", json={"seat": SEAT} | SPAN).json()["id"] == made.json()["id"]
    assert other.get("/api/v1/waits").json()["items"] == []
    assert other.delete(f"/api/v1/waits/{made.json()['id']}").status_code == 404
    other.post(f"/api/v1/reservations/{stay}/cancel")
    (wait,) = mine.get("/api/v1/waits").json()["items"]
    assert wait["found"] == SEAT
    assert mine.get("/api/v1/notifications").json()["items"][0]["kind"] == "seat-free"


def test_what_is_free_is_booked_and_not_waited_for(api):
    answer = api(ONE).post("/api/v1/waits", json={"seat": SEAT} | SPAN)
    assert (answer.status_code, answer.json()["code"]) == (409, "free-now")
    assert api().post("/api/v1/waits", json={"seat": SEAT} | SPAN).status_code == 401
    assert api(ONE).post("/api/v1/waits", json={"seat": SEAT}).status_code == 422


def test_from_a_taken_seat_to_the_list_to_the_seat(browser, api):
    other = api(OTHER)
    stay = other.book(**SPAN).json()["id"]
    reader = browser(ONE)
    page = reader.get(f"{PAGE}&seat={SEAT}")
    assert "065 号已被占用" in page.text
    listed = reader.submit(page, "/waits")
    assert listed.url.path == "/notifications"
    assert "等待的座位" in listed.text
    other.post(f"/api/v1/reservations/{stay}/cancel")
    told = reader.get("/notifications").text
    assert "您等待的座位空出了：二层中厅 065" in told
    link = told.partition('class="button wide" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "预约 065 号" in reader.get(link).text


def test_waiting_can_be_stopped_on_the_page(browser, api):
    api(OTHER).book(**SPAN)
    reader = browser(ONE)
    listed = reader.submit(reader.get(f"{PAGE}&seat={SEAT}"), "/waits")
    (wait,) = api(ONE).get("/api/v1/waits").json()["items"]
    assert "等待的座位" not in reader.submit(listed, f"/waits/{wait['id']}/stop").text
