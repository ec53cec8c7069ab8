"""The second manual's library: book, sign in at the door, go in, sign out at the door; a phone and its location.

"预约-签到-进馆-签退-离馆": quoted are the manual's own words for each step.
"""

import io

import pytest
import zxingcpp
from PIL import Image

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chromium")]
EAST = {"latitude": 30.2741, "longitude": 120.1551, "accuracy": 15}
TOWN = {"latitude": 30.2850, "longitude": 120.1551, "accuracy": 15}


@pytest.fixture(scope="module")
def library(make_library):
    """`seatgate run --site two-campus`: the shipped file by its name."""
    return make_library("--site", "two-campus")


@pytest.fixture(scope="module")
def staff(library):
    return library.staff()


def code_at(library, staff, door="door-east"):
    """Read the code off the picture that the screen at a door really shows, as a phone's camera does."""
    kiosk = next(kiosk for kiosk in library.run["kiosks"] if kiosk["id"] == door)
    assert kiosk["role"] == "entrance"
    shown = Image.open(io.BytesIO(staff.http.get(kiosk["screen"]).content))
    (found,) = zxingcpp.read_barcodes(shown, formats=zxingcpp.BarcodeFormat.QRCode)
    return found.text


def test_book_sign_in_and_sign_out_at_the_door(library, staff, phone, sign_in, wait_for):
    account, reader = library.run["demo_accounts"][0], library.reader(0)
    context = phone.context
    context.grant_permissions(["geolocation"])
    sign_in(phone, account)

    # "点击开始预约", "选择要预约的校区": two, each with its number of places.
    phone.goto(f"{library.run['http']}/areas")
    assert "300" in phone.locator("a.area").nth(0).inner_text()
    assert "250" in phone.locator("a.area").nth(1).inner_text()
    phone.locator("a.area").nth(0).click()

    # "选择时间段并提交预约": from now, on the list of what is free in each hour.
    phone.locator("select[name=end]").wait_for()
    assert phone.locator("ul.hours li").count() == 6  # what is left of the day: 16:38 to 22:00
    phone.locator("#book form[action='/reservations'] button").click()
    phone.wait_for_url("**/done/booked")
    (stay,) = reader.get("/reservations")["items"]
    assert (stay["area"], stay["seat"], stay["status"]) == ("east", "", "reserved")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390

    # "扫描图书馆入口处“签到二维码”": "必须在图书馆范围的位置进行签到以及签退".
    context.set_geolocation(TOWN)
    phone.goto(code_at(library, staff))
    phone.locator("form[action='/check-in'] button").click()
    phone.locator("[data-code=outside-geofence]").wait_for()
    assert reader.reservation(stay["id"])["status"] == "reserved"
    context.set_geolocation(EAST)
    scanned = code_at(library, staff)
    phone.goto(scanned)
    phone.locator("form[action='/check-in'] button").click()
    phone.wait_for_url("**/done/checked-in")
    assert "签退" in phone.locator("main").inner_text()
    assert reader.reservation(stay["id"])["status"] == "in-use"

    # "签退后可预约其他校区或其他时间段"
    phone.goto(f"{library.run['http']}/areas/west")
    phone.locator("#book form[action='/reservations'] button").click()
    phone.locator("[role=alert]").wait_for()
    phone.goto(wait_for(lambda: {code_at(library, staff)} - {scanned}, "the code changes").pop())
    phone.locator("form[action='/check-out'] button").click()
    phone.wait_for_url("**/done/signed-out")
    after = reader.reservation(stay["id"])
    assert (after["status"], after["history"][-1]["source"]) == ("ended", "entrance-code")
