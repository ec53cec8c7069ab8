"""The calendar feed: whoever has its address reads the reader's reservations, until the reader changes it."""

import icalendar

ONE, OTHER = "S2023001", "S2023002"


def path(url):
    return "/" + url.split("/", 3)[3]


def events(api, url, **headers):
    answer = api().get(path(url), headers=headers)
    assert answer.headers["content-type"].startswith("text/calendar")
    return list(icalendar.Calendar.from_ical(answer.content).walk("VEVENT"))


def test_the_feed_holds_the_readers_own_reservations(api):
    mine, other = api(ONE), api(OTHER)
    assert mine.get("/api/v1/calendar").json() == {"url": None}
    url = mine.post("/api/v1/calendar").json()["url"]
    assert mine.get("/api/v1/calendar").json() == {"url": url}
    stay = mine.book().json()["id"]
    other.book("2f-centre-064")
    (event,) = events(api, url)
    assert event["uid"] == f"{stay}@bjut.seatgate"
    assert event["summary"] == "二层中厅 065号 · 已预约"
    assert (event.decoded("dtstart").hour, event.decoded("dtend").hour) == (8, 12), "in UTC"
    (english,) = events(api, url, **{"accept-language": "en"})
    assert english["summary"] == "2F Centre No. 065 · Reserved"
    mine.post(f"/api/v1/reservations/{stay}/cancel")
    assert events(api, url) == []


def test_a_new_address_ends_the_old_one_and_none_ends_both(api):
    mine = api(ONE)
    first = mine.post("/api/v1/calendar").json()["url"]
    second = mine.post("/api/v1/calendar").json()["url"]
    assert first != second
    assert api().get(path(first)).status_code == 404
    assert events(api, second) == []
    assert mine.delete("/api/v1/calendar").status_code == 204
    assert api().get(path(second)).status_code == 404
    third = mine.post("/api/v1/calendar").json()["url"]
    assert third not in (first, second), "an address never comes back"


def test_only_the_reader_has_it(api):
    assert api().get("/api/v1/calendar").status_code == 401
    api(ONE).post("/api/v1/calendar")
    assert api(OTHER).get("/api/v1/calendar").json() == {"url": None}
    for guess in ("x.ics", "0" * 32 + ".ics", "x" * 500 + ".ics"):
        assert api().get(f"/api/v1/calendar/{guess}").status_code == 404


def test_the_page_makes_changes_and_ends_it(browser, api):
    reader = browser(ONE)
    made = reader.submit(reader.get("/me/calendar"), "/me/calendar/new")
    url = api(ONE).get("/api/v1/calendar").json()["url"]
    assert f'value="{url}"' in made.text
    reader.submit(made, "/me/calendar/new")
    assert api(ONE).get("/api/v1/calendar").json()["url"] != url
    assert "生成地址" in reader.submit(reader.get("/me/calendar"), "/me/calendar/off").text
