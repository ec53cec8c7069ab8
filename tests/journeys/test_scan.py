"""Journey 2, scan: the picture that the kiosk really draws, read by another decoder, opened on a phone; and the way back.

The manual: "打开二维码扫描器，扫描馆内选座机…动态二维码实现签到功能".
"""

import io
import os
from datetime import UTC, datetime, timedelta

import pytest
import zxingcpp
from PIL import Image

from messages import checkin
from runtime.clock import Clock

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chromium")]


@pytest.fixture(scope="module")
def clock():
    """Nearly the library's clock: it was started a little later than this."""
    return Clock.starting_at(datetime(2023, 7, 17, 8, 38, tzinfo=UTC))


def picture(library) -> Image.Image:
    """What the kiosk shows now, as staff see it."""
    answer = library.staff().http.get(library.run["kiosks"][0]["screen"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def shown_code(library) -> str:
    """Decode the kiosk's picture as a phone's camera does."""
    found = zxingcpp.read_barcodes(picture(library), formats=zxingcpp.BarcodeFormat.QRCode)
    assert len(found) == 1, [code.text for code in found]
    return found[0].text


def test_the_kiosks_code_checks_in(library, phone, sign_in):
    account = library.run["demo_accounts"][0]
    reader = library.reader(0)
    booked = reader.reserve(end="2023-07-17T17:00:00+08:00")
    assert picture(library).size == (1080, 1920)
    url = shown_code(library)
    assert url.startswith(f"{library.run['http']}/c/")
    assert len(checkin.code_in_url(url)) == 22

    phone.goto(url)  # not signed in yet: asked who it is, then on with the same scan
    assert "/sign-in" in phone.url
    sign_in(phone, account, here=True)
    assert phone.url.endswith("/check-in")
    assert "065" in phone.locator("main").inner_text()
    assert reader.reservation(booked["id"])["status"] == "reserved"  # looking writes nothing
    phone.locator("form[action='/check-in'] button").click()

    # Seat, times, and what to do next.
    phone.wait_for_url("**/done/checked-in")
    said = phone.locator("main").inner_text()
    assert "二层中厅" in said
    assert "065" in said
    assert "17:00" in said
    assert "暂离" in said or "结束" in said
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    after = reader.reservation(booked["id"])
    assert after["status"] == "in-use"
    assert after["history"][-1]["source"] == "kiosk-code"
    assert reader.told()[-1] == "checked-in"
    assert library.seat(booked["seat"]) == "taken"


def bad_codes(library, clock):
    """Each wrong code with the reason that its page gives."""
    master = (library.data / "booking" / "master-secret").read_bytes()
    kiosk = 1
    step = checkin.step_at(clock.now())
    good = checkin.mint(checkin.day_key(master, checkin.epoch_of(step), kiosk), kiosk, step)
    old_step = checkin.step_at(clock.now() - timedelta(minutes=1))
    old = checkin.mint(checkin.day_key(master, checkin.epoch_of(old_step), kiosk), kiosk, old_step)
    altered = good[:15] + ("0" if good[15] != "0" else "1") + good[16:]
    return {
        "a minute old": (old, "code-stale"),
        "from another key": (checkin.mint(os.urandom(32), kiosk, step), "code-forged"),
        "altered by a character": (altered, "code-forged"),
        "cut off": (good[:-1], "code-malformed"),
        "of a kiosk that is not ours": (checkin.mint(os.urandom(32), 999, step), "code-forged"),
    }


def test_a_wrong_code_says_what_is_wrong_and_to_scan_again(library, phone, sign_in, clock):
    sign_in(phone, library.run["demo_accounts"][1])
    booked = library.reader(1).reserve("2f-centre-063")
    reasons = set()
    for name, (code, reason) in bad_codes(library, clock).items():
        answer = phone.goto(f"{library.run['http']}/c/{code}")
        assert 400 <= answer.status < 500, name
        shown = phone.locator(".reason")
        assert shown.get_attribute("data-code") == reason, name
        assert "扫" in phone.locator("main").inner_text(), name  # scan again
        reasons.add(shown.inner_text())
        assert library.reader(1).reservation(booked["id"])["status"] == "reserved"
    assert len(reasons) == 3  # stale, forged and malformed are told apart


def test_a_code_is_drawn_anew(library, wait_for):
    first = shown_code(library)
    wait_for(lambda: shown_code(library) != first, "the kiosk shows the next code")


def test_the_readers_code_is_read_by_the_kiosks_camera(library, phone, sign_in, wait_for):
    """The other way round: the phone's picture before the kiosk's camera, which here is a file."""
    account = library.run["demo_accounts"][2]
    sign_in(phone, account)
    phone.goto(f"{library.run['http']}/me/code")
    phone.locator("form[action='/me/code'] button").click()
    paper = phone.locator("[data-reader-code]")
    paper.wait_for()
    assert checkin.is_reader_code(paper.get_attribute("data-reader-code"))
    library.show_to_camera(paper.screenshot())
    wait_for(lambda: account["reader"] in library.kiosk_sessions(), "the kiosk identified the reader")
