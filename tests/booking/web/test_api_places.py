"""Venues, areas, seats and the live stream: right without a session, and no reader in them."""

import json
import re
import threading

import httpx
import pytest

ONE = "S2023001"
OTHER = "S2023002"


def test_venues_and_areas(api):
    venues = api().get("/api/v1/venues").json()["items"]
    assert [(venue["id"], venue["opens"], venue["closes"]) for venue in venues] == [("library", "08:00", "22:00")]
    areas = api().get("/api/v1/areas").json()
    assert areas["date"] == "2023-07-17"
    assert len(areas["items"]) == 18
    totals = {area["name"]["zh"]: (area["total"], area["free"]) for area in areas["items"]}
    assert totals["二层中厅"][0] == 68  # 总数: 68
    assert totals["二层东区"][0] == 222  # 总数: 222
    assert totals["二层保留区"][0] == 96  # 总数: 96


@pytest.mark.parametrize("date", ["yesterday", "2023-13-01", "0"])
def test_a_bad_date_is_a_problem(api, date):
    answer = api().get("/api/v1/areas", params={"date": date})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


def test_seats_for_an_interval(api):
    api(ONE).book(start="2023-07-17T18:00:00+08:00")
    asked = {"start": "2023-07-17T19:00:00+08:00", "end": "2023-07-17T20:00:00+08:00"}
    seats = {seat["label"]: seat for seat in api().get("/api/v1/areas/2f-centre/seats", params=asked).json()["items"]}
    assert len(seats) == 68
    assert seats["065"]["status"] != "free"
    assert seats["065"]["busy"] == [{"start": "2023-07-17T18:00:00+08:00", "end": "2023-07-17T20:00:00+08:00"}]
    assert seats["066"]["status"] == "free"
    assert ONE not in json.dumps(seats)
    before = {"start": "2023-07-17T17:00:00+08:00", "end": "2023-07-17T18:00:00+08:00"}
    free = {seat["label"]: seat for seat in api().get("/api/v1/areas/2f-centre/seats", params=before).json()["items"]}
    assert free["065"]["status"] == "free"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("start=x", 422),
        ("start=2023-07-17T17:00:00", 422),
        ("start=2023-07-17T17:00:00%2B08:00&end=2023-07-17T16:00:00%2B08:00", 422),
    ],
)
def test_a_bad_interval_is_a_problem(api, query, status):
    assert api().get(f"/api/v1/areas/2f-centre/seats?{query}").status_code == status


def test_an_unknown_area(api):
    for path in ("/api/v1/areas/9f/seats", "/api/v1/areas/9f/events"):
        answer = api().get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-area")


class Stream:
    """Reads server-sent events on a thread until closed."""

    def __init__(self, house, area, last_id=None, **query):
        self.client = httpx.Client(base_url=house.url, timeout=30)
        headers = {"last-event-id": last_id} if last_id else {}
        request = self.client.build_request("GET", f"/api/v1/areas/{area}/events", headers=headers, params=query)
        self.response = self.client.send(request, stream=True)
        self.events = []
        self.lines = self.response.iter_lines()

    def next(self):
        event = {}
        for line in self.lines:
            if not line:
                if event:
                    break
                continue
            name, _, value = line.partition(": ")
            event[name] = value
        event["data"] = json.loads(event["data"])
        return event

    def close(self):
        self.response.close()
        self.client.close()


@pytest.fixture
def stream(house):
    opened = []

    def open_(area="2f-centre", last_id=None, **query):
        made = Stream(house, area, last_id, **query)
        opened.append(made)
        return made

    yield open_
    for made in opened:
        made.close()


def test_the_stream_gives_a_snapshot_then_only_what_changed(api, stream):
    live = stream()
    first = live.next()
    assert live.response.headers["content-type"].startswith("text/event-stream")
    assert first["event"] == "snapshot"
    assert len(first["data"]["seats"]) == 68
    assert first["data"]["version"] == first["id"]
    api(ONE).book()
    change = live.next()
    assert change["event"] == "change"
    assert [(seat["seat"], seat["status"]) for seat in change["data"]["seats"]] == [("2f-centre-065", "reserved")]
    assert change["data"]["free"] == first["data"]["free"] - 1
    assert ONE not in json.dumps(change)


def test_last_event_id_skips_the_snapshot_and_brings_the_one_change_that_was_missed(api, stream):
    watching = stream()
    newest = watching.next()["id"]
    resumed = stream(last_id=newest)
    api(ONE).book()
    change = watching.next()
    assert change["event"] == "change"
    assert resumed.next()["event"] == "change"  # the first thing it hears
    missed = stream(last_id=newest).next()
    assert (missed["event"], missed["id"]) == ("change", change["id"])
    assert [seat["seat"] for seat in missed["data"]["seats"]] == ["2f-centre-065"]
    api(OTHER).book(seat="2f-centre-064")
    assert watching.next()["event"] == "change"
    assert stream(last_id=newest).next()["event"] == "snapshot"
    assert stream(last_id="nonsense").next()["event"] == "snapshot"


def test_what_was_seen_can_stand_in_the_address(api, stream):
    newest = stream().next()["id"]
    page = stream(seen=newest)
    api(ONE).book()
    assert page.next()["event"] == "change"


def test_a_version_is_known_to_the_next_start_of_the_service(open_house, api_of):
    first = open_house()
    before = Stream(first, "2f-centre")
    seen = before.next()["id"]
    before.close()
    first.close()
    again = open_house()
    live = Stream(again, "2f-centre", seen)
    api_of(again, ONE).book()
    change = live.next()
    assert change["event"] == "change"
    assert change["id"].split("-")[0] == seen.split("-")[0]
    live.close()


def test_a_feed_that_nobody_watched_meanwhile_counts_on(api, stream):
    live = stream()
    newest = live.next()["id"]
    live.close()
    api(ONE).book()
    assert [seat["seat"] for seat in stream(last_id=newest).next()["data"]["seats"]] == ["2f-centre-065"]


def test_a_change_tells_what_any_wish_sees(api, stream, at):
    """A page that shows tomorrow, or this evening, is live too: what holds a seat when comes with its state now."""
    live = stream()
    live.next()
    api(ONE).book(start="2023-07-18T09:00:00+08:00", end="2023-07-18T11:00:00+08:00")
    [seat] = live.next()["data"]["seats"]
    begins, ends = (int(at(hour, 18).timestamp()) for hour in ("09:00", "11:00"))
    assert (seat["status"], seat["held"]) == ("free", [[begins, ends, "reserved"]])


def test_only_head_needs_no_stream(house):
    answer = httpx.head(f"{house.url}/api/v1/areas/2f-centre/events", timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_changes_between_drawing_a_page_and_opening_its_stream_is_news_to_the_page(api, browser, stream):
    def drawn():
        return re.search(r'data-version="([^"]+)"', browser(OTHER).get("/areas/2f-centre").text)[1]

    watching = stream()
    assert drawn() == watching.next()["id"]
    watching.close()
    before = drawn()
    api(ONE).book()
    assert stream().next()["id"] != before


def test_another_areas_changes_are_not_heard(api, stream):
    live = stream("2f-east")
    live.next()
    api(ONE).book()
    api(OTHER).book(seat="2f-east-001")
    assert [seat["seat"] for seat in live.next()["data"]["seats"]] == ["2f-east-001"]


def test_open_streams_do_not_hold_up_a_stop(house, stream):
    live = stream()
    live.next()
    house.server.stop()
    ended = threading.Event()

    def watch():
        house.thread.join()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    assert ended.wait(10)  # contract: stops within 2 s with streams open
