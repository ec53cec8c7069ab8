"""When the library is open and when a day can be booked, over the API: each key changes the outcome, each no says when."""

from datetime import date, time, timedelta

import attrs
import pytest

from config.schema import DateHours, Weekday, WeekHours
from config.values import Text

ONE = "S2023001"
HOLIDAY = Text("国庆节闭馆", "National Day")


def at(hhmm, day=17):
    return f"2023-07-{day}T{hhmm}:00+08:00"


def with_venue(**changes):
    return lambda site: attrs.evolve(site, venues=[attrs.evolve(site.venues[0], **changes)])


def with_area(area_id, **changes):
    return lambda site: attrs.evolve(
        site, areas=[attrs.evolve(area, **changes) if area.id == area_id else area for area in site.areas]
    )


def with_booking(**changes):
    return lambda site: attrs.evolve(
        site, policy=attrs.evolve(site.policy, booking=attrs.evolve(site.policy.booking, **changes))
    )


def book(client, start, end, seat="2f-centre-065"):
    answer = client.post("/api/v1/reservations", json={"seat": seat, "start": start, "end": end})
    return answer.json() | {"http": answer.status_code}


def test_the_usual_hours_where_nothing_else_is_said(api_of, open_house):
    assert book(api_of(open_house(), ONE), at("10:00", 18), at("12:00", 18))["http"] == 201


@pytest.mark.parametrize(
    ("change", "start", "end", "code", "key", "opens"),
    [
        (  # a closure of the whole library, with its reason
            with_venue(exceptions=[DateHours(date(2023, 7, 18), reason=HOLIDAY)]),
            "10:00", "12:00", "closed", "venues.exceptions", at("08:00", 19),
        ),
        (  # and one of several days: it opens again after the last
            with_venue(exceptions=[DateHours(date(2023, 7, 18), date(2023, 7, 20))]),
            "10:00", "12:00", "closed", "venues.exceptions", at("08:00", 21),
        ),
        (  # one area alone
            with_area("2f-centre", exceptions=[DateHours(date(2023, 7, 18))]),
            "10:00", "12:00", "closed", "areas.exceptions", at("08:00", 19),
        ),
        (  # a weekday
            with_venue(weekdays=[WeekHours([Weekday.TUESDAY])]),
            "10:00", "12:00", "closed", "venues.weekdays", at("08:00", 19),
        ),
        (
            with_venue(weekdays=[WeekHours([Weekday.TUESDAY], time(13), time(17))]),
            "10:00", "12:00", "outside-opening-hours", "venues.weekdays", at("13:00", 18),
        ),
        (
            with_area("2f-centre", exceptions=[DateHours(date(2023, 7, 18), None, time(13), time(17))]),
            "17:00", "18:00", "outside-opening-hours", "areas.exceptions", at("08:00", 19),
        ),
    ],
)  # fmt: skip
def test_weekdays_closures_and_short_days_refuse_with_key_and_next_opening(
    api_of, open_house, change, start, end, code, key, opens
):
    """opening hours; closures and exceptions by date"""
    problem = book(api_of(open_house(change), ONE), at(start, 18), at(end, 18))
    assert (problem["http"], problem["code"], problem["policy_key"]) == (422, code, key)
    assert problem["next_allowed_at"] == opens


def test_the_reason_of_a_closure_is_told_in_both_languages(api_of, open_house):
    house = open_house(with_venue(exceptions=[DateHours(date(2023, 7, 18), reason=HOLIDAY)]))
    said = book(api_of(house, ONE), at("10:00", 18), at("12:00", 18))["sentences"]
    assert "原因：国庆节闭馆" in said["zh"]
    assert "National Day" in said["en"]
    assert "Open again from" in said["en"]


def test_an_exam_week_opens_longer_and_an_area_never_longer_than_its_venue(api_of, open_house):
    exam = DateHours(date(2023, 7, 17), date(2023, 7, 23), time(7), time.max)
    client = api_of(open_house(with_venue(exceptions=[exam])), ONE)
    assert book(client, at("22:00"), at("00:00", 18))["http"] == 201
    assert book(client, at("07:00", 18), at("08:00", 18))["http"] == 201
    longer = open_house(with_area("2f-centre", exceptions=[exam]), name="area")
    assert book(api_of(longer, ONE), at("21:00"), at("23:00"))["code"] == "outside-opening-hours"


def test_areas_and_maps_of_a_closed_day_have_nothing_free(api_of, open_house):
    house = open_house(with_area("2f-centre", exceptions=[DateHours(date(2023, 7, 17), reason=HOLIDAY)]))
    items = api_of(house).get("/api/v1/areas").json()["items"]
    free = {area["id"]: area["free"] for area in items}
    assert free["2f-centre"] == 0
    assert free["2f-east"] > 0
    seats = house.reads.area_map("2f-centre", house.clock.now()).seats
    assert {(seat.status, seat.until.isoformat()) for seat in seats} == {("closed", at("08:00", 18))}


def test_a_closed_day_says_why_on_its_page(open_house, clients, browser_of):
    house = open_house(with_venue(exceptions=[DateHours(date(2023, 7, 18), reason=HOLIDAY)]))
    page = browser_of(house, ONE).get("/areas/2f-centre?date=2023-07-18").text
    assert "国庆节闭馆" in page
    assert "全天不开放" in page


RELEASE = with_booking(advance_days=2, release_at=time(22))


def test_the_last_day_opens_at_its_release(api_of, open_house):
    """最多可提前三天预约，晚上10:00以后可预约第三天"""
    house = open_house(RELEASE)
    client = api_of(house, ONE)
    house.at("21:59")
    early = book(client, at("10:00", 19), at("12:00", 19))
    assert (early["code"], early["policy_key"]) == ("too-far-ahead", "policy.booking.release_at")
    assert early["next_allowed_at"] == at("22:00")
    assert "22:00" in early["sentences"]["en"]
    further = book(client, at("10:00", 20), at("12:00", 20))
    assert (further["policy_key"], further["next_allowed_at"]) == ("policy.booking.advance_days", at("22:00", 18))
    house.at("22:00")
    assert book(client, at("10:00", 19), at("12:00", 19))["http"] == 201


def test_without_a_release_the_last_day_opens_at_midnight(api_of, open_house):
    """日期（当日和次日）"""
    client = api_of(open_house(with_booking(advance_days=2)), ONE)
    assert book(client, at("10:00", 19), at("12:00", 19))["http"] == 201


def test_pages_offer_the_days_that_can_be_booked(open_house, browser_of):
    house = open_house(RELEASE)
    client = browser_of(house, ONE)
    assert "date=2023-07-18" in client.get("/areas").text
    assert "date=2023-07-19" not in client.get("/areas").text
    house.at("22:00")
    assert "date=2023-07-19" in client.get("/areas").text


def test_the_areas_of_a_day_that_cannot_be_booked_yet_have_nothing_free(api_of, open_house):
    house = open_house(RELEASE)
    seen = lambda: {area["free"] for area in api_of(house).get("/api/v1/areas?date=2023-07-19").json()["items"]}  # noqa: E731
    assert seen() == {0}
    house.clock.put(house.clock.now() + timedelta(hours=6))
    assert seen() != {0}
