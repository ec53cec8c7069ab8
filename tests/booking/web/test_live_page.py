"""The area page in Debian's Chromium while others book: it changes where it stands, and asks the service for nothing."""

import re
from datetime import timedelta

import pytest
from attrs import evolve

from booking.service.commands import KeepTime

pytestmark = pytest.mark.xdist_group("chromium")

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
SEATS = """() => [...document.querySelectorAll("#area [data-seat], #area [data-chip]")].map((seat) => [
  seat.id, seat.getAttribute("class"), seat.getAttribute("aria-label"), seat.getAttribute("href"), seat.getAttribute("role"),
  seat.getAttribute("tabindex"), seat.getAttribute("aria-current"), seat.querySelector("use").getAttribute("href"),
  seat.querySelector("use").getAttribute("width"), seat.textContent.trim().replace(/\\s+/g, " "),
])"""
BESIDE = """() => [...document.querySelectorAll("#area .count, #area [data-when], #book .what, .hours li")]
  .filter((one) => !one.hidden).map((one) => one.innerText)"""


@pytest.fixture
def look_on(asked_by):
    """`look_on(page, house, path)`: sign the other reader in, open a page, wait for its stream; what it asks for from then on."""

    def look(page, house, path="/areas/2f-centre", reader=OTHER, language="zh_Hans_CN"):
        page.goto(f"{house.url}/sign-in")
        page.locator("#reader").fill(reader)
        page.locator("#password").fill("correct horse")
        page.locator("form[action='/sign-in'] button").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.goto(f"{house.url}/language/{language}?next=/areas")
        with page.expect_response("**/events?seen=*"):
            page.goto(f"{house.url}{path}")
        return asked_by(page)

    return look


def seat(page, label="065"):
    return page.locator(f"#seat-{label}")


def drawn_anew(page):
    """Return what a page that the server draws now looks like, beside what this one looks like."""
    mine = page.evaluate(SEATS), page.evaluate(BESIDE)
    page.reload()
    return mine, (page.evaluate(SEATS), page.evaluate(BESIDE))


@pytest.mark.parametrize(
    ("language", "path", "name"),
    [
        ("zh_Hans_CN", "/areas/2f-centre", "065 号座位，已约，至 20:00"),
        ("en", "/areas/2f-centre", "Seat 065, reserved, until 20:00"),
        ("zh_Hans_CN", "/areas/2f-centre?view=list", "065 号座位，已约，至 20:00"),
    ],
)
def test_what_one_reader_books_changes_on_anothers_page_without_a_request(
    house, api, desktop, look_on, language, path, name
):
    asked = look_on(desktop, house, path, language=language)
    before = int(desktop.locator("[data-free]").inner_text())
    free_name = seat(desktop).get_attribute("aria-label")
    seat(desktop).focus()
    booked = api(ONE).book().json()
    desktop.locator("#seat-065.reserved").wait_for()
    assert seat(desktop).get_attribute("aria-label").startswith(name)
    assert int(desktop.locator("[data-free]").inner_text()) == before - 1
    assert desktop.evaluate("document.activeElement.id") == "seat-065"  # who stood there with the keyboard still does
    api(ONE).post(f"/api/v1/reservations/{booked['id']}/cancel", headers={"Idempotency-Key": "c"})
    desktop.locator("#seat-065.free").wait_for()
    assert seat(desktop).get_attribute("aria-label") == free_name
    assert int(desktop.locator("[data-free]").inner_text()) == before
    api(ONE).book(seat="2f-centre-064", end="2023-07-17T18:00:00+08:00")
    desktop.locator("#seat-064.reserved").wait_for()
    assert asked == []
    mine, fresh = drawn_anew(desktop)
    assert mine == fresh


def test_a_screen_reader_is_told_the_new_name(house, api, desktop, look_on):
    look_on(desktop, house)
    api(ONE).book()
    desktop.locator("#seat-065.reserved").wait_for()
    shown = desktop.get_by_role("img", name=re.compile("^065 号座位，已约"))
    assert shown.count() == 1
    assert shown.get_attribute("aria-disabled") == "true"
    assert desktop.get_by_role("link", name=re.compile("^065 号座位")).count() == 0
    assert desktop.get_by_role("link", name=re.compile("^064 号座位，可选")).count() == 1


@pytest.mark.parametrize(
    ("booked", "now", "tomorrow"),
    [
        (("2023-07-17T19:00:00+08:00", "2023-07-17T21:00:00+08:00"), "reserved", "free"),
        (("2023-07-18T09:00:00+08:00", "2023-07-18T11:00:00+08:00"), "free", "reserved"),
    ],
)
def test_it_is_the_wished_time_that_counts(house, api, desktop, phone, look_on, booked, now, tomorrow):
    today = look_on(desktop, house, "/areas/2f-centre?start=now&end=2023-07-17T20:00:00%2B08:00")
    later = look_on(phone, house, "/areas/2f-centre?date=2023-07-18&start=2023-07-18T10:00:00%2B08:00")
    api(ONE).book(start=booked[0], end=booked[1])
    api(ONE).book(seat="2f-centre-064", start="2023-07-17T18:00:00+08:00", end="2023-07-17T19:00:00+08:00")
    api("S2023002").book(seat="2f-centre-063", start="2023-07-18T10:00:00+08:00", end="2023-07-18T12:00:00+08:00")
    desktop.locator("#seat-064.reserved").wait_for()
    phone.locator("#seat-063.yours, #seat-063.reserved").wait_for()
    assert seat(desktop).get_attribute("class") == f"seat {now}"
    assert seat(phone).get_attribute("class") == f"seat {tomorrow}"
    assert (today, later) == ([], [])
    mine, fresh = drawn_anew(desktop)
    assert mine == fresh


def test_the_readers_choice_stays_and_a_page_drawn_before_a_change_is_put_right(house, api, desktop, look_on):
    look_on(desktop, house, "/areas/2f-centre?seat=2f-centre-061")
    held = []

    def hold(route):
        held.append((route, route.fetch()))  # drawn now, delivered later

    desktop.route("**/areas/2f-centre?*", hold)
    with desktop.expect_request("**/areas/2f-centre?*"):
        desktop.locator("select[name=end]").select_option(label="17:00")
    while not held:
        desktop.wait_for_timeout(10)
    api(ONE).book(seat="2f-centre-047")
    desktop.locator("#seat-047.reserved").wait_for()
    assert desktop.locator("select[name=end]").input_value().endswith("T17:00:00+08:00")
    for route, answer in held:
        route.fulfill(response=answer)
    desktop.locator("#book input[name=end][value*='T17:00']").wait_for(state="attached")
    desktop.locator("#seat-047.reserved").wait_for()
    assert seat(desktop, "061").get_attribute("class") == "seat chosen"
    desktop.unroute("**/areas/2f-centre?*")
    desktop.locator("#book form[action='/reservations'] button").click()
    desktop.wait_for_url("**/done/booked")
    assert "17:00" in desktop.locator("main").inner_text()


def test_who_has_chosen_the_seat_that_another_takes_is_told_and_may_wait_for_it(house, api, desktop, look_on):
    look_on(desktop, house, "/areas/2f-centre?seat=2f-centre-065")
    api(ONE).book()
    desktop.locator("#book", has_text="065 号座位已被占用").or_(
        desktop.locator("#book form[action='/waits']")
    ).first.wait_for()
    assert seat(desktop).get_attribute("class") == "seat reserved"
    assert desktop.locator("#book form[action='/reservations']").count() == 0


def test_ones_own_seat_stays_ones_own(house, api, desktop, look_on):
    booked = api(OTHER).book().json()
    asked = look_on(desktop, house)
    assert seat(desktop).get_attribute("class") == "seat yours"
    house.at("16:50")
    api(OTHER).post(f"/api/v1/reservations/{booked['id']}/extend", headers={"Idempotency-Key": "e"})
    api(ONE).book(seat="2f-centre-064")
    desktop.locator("#seat-064.reserved").wait_for()
    assert seat(desktop).get_attribute("class") == "seat yours"
    api(OTHER).post(f"/api/v1/reservations/{booked['id']}/cancel", headers={"Idempotency-Key": "c"})
    desktop.locator("#seat-065.free").wait_for()
    assert asked == []


def test_an_area_that_fills_up_says_so_and_takes_it_back(open_house, api_of, desktop, look_on):
    """Of the 68 seats all but two are closed in this library's site file."""

    def almost_closed(site):
        [centre] = [area for area in site.areas if area.id == "2f-centre"]
        centre = evolve(centre, closed_seats=[f"{n:03}" for n in range(1, 67)])
        return evolve(site, areas=[centre if area.id == centre.id else area for area in site.areas])

    house = open_house(almost_closed)
    asked = look_on(desktop, house)
    mine = [api_of(house, ONE).book(seat="2f-centre-067"), api_of(house, STAFF).book(seat="2f-centre-068")]
    assert [answer.status_code for answer in mine] == [201, 201]
    desktop.locator("#book b[data-when=full]").wait_for()
    assert desktop.locator("[role=status][data-when=full]").is_visible()
    assert desktop.locator("#book form[action='/waits']").is_visible()
    assert not desktop.locator("#book form[action='/reservations']").is_visible()
    api_of(house, ONE).post(f"/api/v1/reservations/{mine[0].json()['id']}/cancel", headers={"Idempotency-Key": "c"})
    desktop.locator("#seat-067.free").wait_for()
    assert desktop.locator("#book form[action='/reservations']").is_visible()
    assert not desktop.locator("[role=status][data-when=full]").is_visible()
    assert asked == []


@pytest.mark.parametrize("view", ["", "&view=list"])
def test_a_narrowed_map_stays_narrow_and_counts_what_fits(open_house, api_of, desktop, look_on, view):
    def with_filters(site):
        booking = evolve(site.policy.booking, filters=["power", "window"])
        return evolve(site, policy=evolve(site.policy, booking=booking))

    house = open_house(with_filters)
    asked = look_on(desktop, house, f"/areas/2f-centre?needs=power{view}")
    fitting = int(desktop.locator("[data-fitting]").inner_text())
    power = {seat.label for seat in house.context.plans["2f-centre"].seats if "power" in seat.features}
    with_one, without = min(power), min({f"{n:03}" for n in range(1, 69)} - power)
    api_of(house, ONE).book(seat=f"2f-centre-{without}")
    api_of(house, STAFF).book(seat=f"2f-centre-{with_one}")
    desktop.locator(f"#seat-{with_one}.reserved").wait_for()
    desktop.locator(f"#seat-{without}.reserved.other").wait_for(state="attached")
    assert int(desktop.locator("[data-fitting]").inner_text()) == fitting - 1
    assert int(desktop.locator("[data-free]").inner_text()) == 66
    assert asked == []
    mine, fresh = drawn_anew(desktop)
    assert mine == fresh


def test_places_without_seats_are_live_by_the_hour(open_house, api_of, desktop, look_on):
    house = open_house(site="two-campus.toml")
    area = next(area for area in house.site.areas if area.capacity is not None)
    asked = look_on(desktop, house, f"/areas/{area.id}")
    row = desktop.locator(".hours li", has_text="18:00–19:00")
    assert row.locator("b").inner_text() == str(area.capacity)
    span = {"start": "2023-07-17T18:00:00+08:00", "end": "2023-07-17T20:00:00+08:00"}
    booked = api_of(house, ONE).post("/api/v1/reservations", json={"area": area.id} | span)
    assert booked.status_code == 201, booked.text
    desktop.locator(".hours li", has_text="18:00–19:00").locator("b", has_text=str(area.capacity - 1)).wait_for()
    assert asked == []
    mine, fresh = drawn_anew(desktop)
    assert mine == fresh


def test_numbers_that_begin_anew_are_one_plain_reload(house, desktop, look_on):
    """A server clock that was set back (fault row 8): the page is drawn again by the service, once."""
    asked = look_on(desktop, house)
    now = house.clock.now()
    with desktop.expect_response("**/areas/2f-centre?*live=1"):
        house.do(KeepTime(at=now), KeepTime(at=now - timedelta(hours=2)))
    assert len(asked) == 1
    seat(desktop).and_(desktop.locator(".free")).wait_for()
