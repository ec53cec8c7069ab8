"""Journey 3, the plain way: two readers at two browsers, Debian's Chromium, the pages as they are.

Quoted are the manual's own words for each step (1.3 自选座位, 1.4 我的预约).
"""

import pytest

from config import load, shipped
from config.schema import Site

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chromium")]


@pytest.fixture(scope="module")
def site():
    return load(Site, shipped("sites", "bjut.toml"))


def seat_on_map(page, label="065"):
    return page.locator(f"#seat-{label}")


def test_book_see_and_cancel(library, desktop, sign_in, site):
    account = library.run["demo_accounts"][0]
    sign_in(desktop, account)

    # "点击楼层区域进行座位预约": the 18 areas in the manual's order, each with total and free ("总数: 68 可用: 68").
    cards = desktop.locator("a.area")
    assert [name.strip() for name in cards.locator(".name").all_inner_texts()] == [area.name.zh for area in site.areas]
    assert cards.count() == 18
    centre = cards.filter(has_text="二层中厅")
    assert "68" in centre.inner_text()
    assert "222" in cards.filter(has_text="二层东区").inner_text()

    # "日期（当日和次日）"
    days = desktop.locator("nav.days a")
    assert days.count() == 2
    days.nth(1).click()
    desktop.wait_for_url("**/areas?date=2023-07-18")
    assert desktop.locator("nav.days a[aria-current=date]").get_attribute("href") == "/areas?date=2023-07-18"
    desktop.locator("nav.days a").nth(0).click()
    desktop.wait_for_url("**/areas?date=2023-07-17")

    # "点击 065 号座位", on the map with the plan's geometry: 065 stands left of and above 063, as in the manual's picture.
    desktop.locator("a.area").filter(has_text="二层中厅").click()
    seat = seat_on_map(desktop)
    assert desktop.locator("svg.map a.seat").count() == 68
    box, other = seat.bounding_box(), seat_on_map(desktop, "063").bounding_box()
    assert box["x"] < other["x"]
    assert box["y"] < other["y"]
    seat.click()
    desktop.locator("#seat-065.chosen").wait_for()

    # "选择开始时间和结束时间": "现在 17:00 18:00 …"
    starts = desktop.locator("select[name=start] option").all_inner_texts()
    assert "16:3" in starts[0] or "16:4" in starts[0]
    assert starts[1].strip() == "17:00"
    desktop.locator("select[name=end]").select_option(label="17:00")
    desktop.locator("#book form[action='/reservations'] button").click()

    # "预约成功（请在预约时间开始前 30 分钟到预约时间开始后 30 分钟内签到…）"
    desktop.wait_for_url("**/done/booked")
    said = desktop.locator("main").inner_text()
    assert "065" in said
    assert "17:00" in said
    assert "前" in said  # by when to check in

    # "我的预约": "图书馆2层二层中厅065号 已预约 取消"
    desktop.goto(f"{library.run['http']}/")
    assert "已预约" in desktop.locator(".lead").inner_text()
    desktop.locator("a.action.danger", has_text="取消").click()

    # "点击取消按钮，弹出取消预约确认框": asked once more, and going back changes nothing.
    desktop.wait_for_url("**/cancel")
    desktop.locator("a.button.outline").click()
    reader = library.reader(0)
    assert reader.get("/reservations")["items"][0]["status"] == "reserved"
    desktop.goto(f"{library.run['http']}/")
    desktop.locator("a.action.danger", has_text="取消").click()
    desktop.locator("button.danger").click()
    desktop.wait_for_url("**/done/cancel")
    [mine] = reader.get("/reservations")["items"]
    assert mine["status"] == "cancelled"
    desktop.goto(f"{library.run['http']}/")
    assert "已取消" in desktop.locator("main").inner_text()
    assert library.seat(mine["seat"]) == "free"


def test_the_second_browser_is_refused_politely_with_a_fresh_map(library, desktop, phone, sign_in, wait_for):
    first, second = desktop, phone
    sign_in(first, library.run["demo_accounts"][1])
    sign_in(second, library.run["demo_accounts"][2])
    second.route("**/events", lambda route: route.abort())  # its live map is late, as on a bad connection
    for page in (first, second):
        page.goto(f"{library.run['http']}/areas/2f-centre?seat=2f-centre-066")
        assert seat_on_map(page, "066").get_attribute("class").split() == ["seat", "chosen"]

    first.locator("#book form[action='/reservations'] button").click()
    first.wait_for_url("**/done/booked")
    second.locator("#book form[action='/reservations'] button").click()

    alert = second.locator("[role=alert]")
    alert.wait_for()
    assert "066" in alert.inner_text() or "座位" in alert.inner_text()
    look = seat_on_map(second, "066").get_attribute("class").split()[1]
    assert look in {"reserved", "taken"}  # the map under the refusal is the fresh one
    assert library.reader(2).get("/reservations")["items"] == []
    assert len(library.reader(1).get("/reservations")["items"]) == 1


def test_an_open_map_changes_by_itself(library, desktop, sign_in, wait_for):
    sign_in(desktop, library.run["demo_accounts"][3])
    desktop.goto(f"{library.run['http']}/areas/2f-centre")
    assert seat_on_map(desktop, "045").get_attribute("class").split()[1] == "free"
    booked = library.reader(4).reserve("2f-centre-045")
    desktop.locator("#seat-045.reserved").wait_for()
    library.reader(4).post(f"/reservations/{booked['id']}/cancel", expect=200)
    desktop.locator("#seat-045.free").wait_for()


def test_a_swipe_changes_an_open_map(library, desktop, sign_in):
    reader = library.reader(5)
    reader.reserve("2f-centre-046")
    sign_in(desktop, library.run["demo_accounts"][3])
    desktop.goto(f"{library.run['http']}/areas/2f-centre")
    library.turnstiles["south-1"].swipe(reader.account["card"])
    desktop.locator("#seat-046.taken").wait_for()


def test_a_live_change_never_takes_back_what_the_reader_has_just_chosen(library, desktop, phone, sign_in, asked_by):
    """Two browsers: what one books changes on the other's map without a request, and leaves its reader's time alone."""
    sign_in(desktop, library.run["demo_accounts"][3])
    sign_in(phone, library.run["demo_accounts"][4])
    with desktop.expect_response("**/events?seen=*"):
        desktop.goto(f"{library.run['http']}/areas/2f-centre?seat=2f-centre-061")
    desktop.locator("select[name=end]").select_option(label="17:00")
    desktop.locator("#book input[name=end][value*='T17:00']").wait_for(state="attached")
    asked = asked_by(desktop)
    phone.goto(f"{library.run['http']}/areas/2f-centre?seat=2f-centre-047")
    phone.locator("#book form[action='/reservations'] button").click()
    phone.wait_for_url("**/done/booked")
    desktop.locator("#seat-047.reserved").wait_for()
    assert asked == []
    assert desktop.locator("select[name=end]").input_value().endswith("T17:00:00+08:00")
    assert seat_on_map(desktop, "061").get_attribute("class") == "seat chosen"
    desktop.locator("#book form[action='/reservations'] button").click()
    desktop.wait_for_url("**/done/booked")
    assert "17:00" in desktop.locator("main").inner_text()
