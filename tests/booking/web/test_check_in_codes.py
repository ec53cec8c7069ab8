"""The kiosk's code on a phone: good, old, another key's, one character off; and the grant that it leaves."""

import base64

import pytest

from booking.service.commands import Sweep

ONE = "S2023001"


def test_a_good_code_leaves_a_grant_and_no_code_in_the_address(browser, house):
    phone = browser()
    answer = phone.get(f"/c/{house.code()}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/check-in"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "Max-Age=300" in answer.headers["set-cookie"]


@pytest.mark.parametrize("swept", [False, True])
def test_a_scan_survives_signing_in_and_counts_at_its_own_moment(browser, house, api, swept):
    api(ONE).book(start="2023-07-17T17:00:00+08:00")
    house.at("17:29")  # the window closes at 17:30
    phone = browser()
    asked = phone.get(f"/c/{house.code()}")
    assert asked.url.path == "/sign-in"
    house.at("17:32")  # typing took three minutes
    if swept:  # and the miss is already written down
        house.do(Sweep(at=house.clock.now()))
    page = phone.sign_in(ONE, next=phone.form(asked, "/sign-in")["next"])
    assert page.url.path == "/check-in"
    assert "签到这个座位？" in page.text
    assert "签到成功" in phone.submit(page, "/check-in").text


def change_one(code):
    last = "0" if code[-1] != "0" else "1"
    return code[:-1] + last


@pytest.mark.parametrize(
    ("make", "status", "code", "says"),
    [
        (lambda house: house.code(steps=-6), 410, "code-stale", "已过期"),
        (lambda house: house.code(steps=3), 410, "code-stale", "已过期"),
        (lambda house: house.code(master=b"x" * 32), 403, "code-forged", "不是由本馆机器生成"),
        (lambda house: change_one(house.code()), 403, "code-forged", "不是由本馆机器生成"),
        (lambda house: house.code(kiosk=31000), 403, "code-forged", "不是由本馆机器生成"),
        (lambda house: house.code()[:-1], 400, "code-malformed", "不是完整的签到码"),
        (lambda house: house.code()[:-1] + "U", 400, "code-malformed", "不是完整的签到码"),
        (lambda house: "2" + house.code()[1:], 400, "code-malformed", "不是完整的签到码"),
    ],
)
def test_a_bad_code_is_a_clear_page_that_says_to_scan_again(browser, api, house, make, status, code, says):
    made = make(house)
    page = browser(ONE).get(f"/c/{made}")
    assert page.status_code == status
    assert says in page.text
    assert f'data-code="{code}"' in page.text
    assert "扫" in page.text
    answer = api(ONE).post("/api/v1/check-ins", json={"code": made})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_step_before_and_after_count(browser, house, steps):
    assert browser(ONE).get(f"/c/{house.code(steps=steps)}").url.path == "/check-in"


def test_codes_fold_case(browser, house):
    assert browser(ONE).get(f"/c/{house.code().lower()}").url.path == "/check-in"


def test_a_grant_lasts_five_minutes(browser, house, api):
    api(ONE).book()
    phone = browser(ONE)
    page = phone.get(f"/c/{house.code()}")
    house.at("16:44")
    late = phone.submit(page, "/check-in")
    assert late.status_code == 410
    assert 'data-code="grant-expired"' in late.text


def test_a_grant_that_is_not_ours_is_none(browser, house, api):
    api(ONE).book()
    phone = browser(ONE)
    phone.get(f"/c/{house.code()}")
    sealed = phone.cookies["seatgate-grant"]
    body, mac = sealed.split(".")
    forged = base64.urlsafe_b64encode(b'{"kiosk":1,"step":1,"seen_at":"2023-07-17T08:38:00Z"}').decode().rstrip("=")
    for value in (f"{forged}.{mac}", body, f"{body}.", ".", "x" * 500, f"{body}.{mac[:-2]}"):
        phone.cookies.delete("seatgate-grant")
        phone.cookies.set("seatgate-grant", value)
        assert phone.get("/check-in").status_code == 410, value


def test_the_same_scan_counts_once(api, house):
    client = api(ONE)
    stay = client.book().json()["id"]
    code = house.code()
    assert client.post("/api/v1/check-ins", json={"code": code}).status_code == 201
    client.post(f"/api/v1/reservations/{stay}/step-away")
    again = client.post("/api/v1/check-ins", json={"code": code})
    assert (again.status_code, again.json()["code"]) == (409, "code-used")


def test_nothing_to_check_in_is_said(browser, api, house):
    assert api(ONE).post("/api/v1/check-ins", json={"code": house.code()}).json()["code"] == "nothing-to-check-in"
    assert "您没有预约" in browser(ONE).get(f"/c/{house.code()}").text


def test_too_early_is_said_with_the_time(browser, api, house):
    api(ONE).book(start="2023-07-17T18:00:00+08:00")
    early = api(ONE).post("/api/v1/check-ins", json={"code": house.code()}).json()
    assert (early["code"], early["next_allowed_at"]) == ("window-not-open", "2023-07-17T17:30:00+08:00")
    assert "17:30" in browser(ONE).get(f"/c/{house.code()}").text


def test_checking_in_without_a_scan_tells_how_to(browser, api):
    assert "对准屏幕上的二维码" in browser(ONE).get("/check-in").text
    assert api(ONE).post("/api/v1/check-ins").json()["code"] == "grant-expired"
