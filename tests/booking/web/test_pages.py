"""The pages as a browser without script meets them: every step a link or a form, every answer in the reader's language."""

import re

import pytest

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
SEAT = "/areas/2f-centre?seat=2f-centre-065"


def text_of(page):
    body = page.text.split("<main", 1)[1].split("</main>", 1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_signing_in_leads_on_to_where_the_reader_wanted_to_be(browser):
    phone = browser()
    asked = phone.get("/areas/2f-centre")
    assert asked.url.path == "/sign-in"
    onward = phone.form(asked, "/sign-in")["next"]
    assert phone.sign_in(ONE, next=onward).url.path == "/areas/2f-centre"


@pytest.mark.parametrize(
    "onward", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "x" * 600]
)
def test_signing_in_never_leads_elsewhere(browser, onward):
    page = browser().sign_in(ONE, next=onward)
    assert page.url.path == "/areas"


def test_a_wrong_password_is_said_on_the_page(browser):
    page = browser().sign_in(ONE, "wrong")
    assert page.status_code == 401
    assert "学号或密码不正确" in text_of(page)
    assert "wrong" not in page.text


def test_book_see_cancel_with_forms_alone(browser, house):
    phone = browser(ONE)
    areas = phone.get("/areas")
    assert areas.text.count('class="card area') == 18
    area = phone.get(SEAT)
    assert "预约 065 号" in text_of(area)
    assert area.text.count('<a class="seat ') == 68
    done = phone.submit(area, "/reservations")
    assert done.url.path.endswith("/done/booked")
    assert "预约成功" in text_of(done)
    assert "图书馆 2 层 二层中厅 065号" in text_of(done)
    assert "17:08" in text_of(done)  # to be checked in by
    stay = done.url.path.split("/")[2]
    assert "已预约 · 二层中厅 065" in phone.get("/").text
    asked = phone.get(f"/reservations/{stay}/cancel")
    assert "取消这个预约？" in text_of(asked)
    assert house.reads.current(ONE, house.clock.now()) is not None  # asking changed nothing
    assert "已取消" in text_of(phone.submit(asked, f"/reservations/{stay}/cancel"))
    assert house.reads.current(ONE, house.clock.now()) is None


def test_who_comes_second_gets_a_polite_no_and_a_fresh_map(browser):
    first, second = browser(ONE), browser(OTHER)
    pages = first.get(SEAT), second.get(SEAT)
    assert first.submit(pages[0], "/reservations").status_code == 200
    refused = second.submit(pages[1], "/reservations")
    assert refused.status_code == 409
    assert "刚刚被其他读者预约" in text_of(refused)
    assert "20:00" in text_of(refused)  # when it is free again
    assert 'id="seat-065"' in refused.text
    assert re.search(r'class="seat reserved" id="seat-065"', refused.text)


def test_a_form_sent_twice_books_once(browser, house):
    phone = browser(ONE)
    page = phone.get(SEAT)
    first, second = (phone.submit(page, "/reservations") for _ in range(2))
    assert first.url == second.url
    assert len(house.reads.reservations(ONE, house.clock.now()).items) == 1


def test_check_in_away_back_end_by_pages(browser, house):
    phone = browser(ONE)
    phone.submit(phone.get(SEAT), "/reservations")
    scanned = phone.get(f"/c/{house.code()}")
    assert scanned.url.path == "/check-in"
    done = phone.submit(scanned, "/check-in")
    assert "签到成功" in text_of(done)
    stay = done.url.path.split("/")[2]
    away = phone.submit(phone.get("/"), f"/reservations/{stay}/step-away")
    assert "17:08" in text_of(away)
    assert "欢迎回来" in text_of(phone.submit(phone.get("/"), f"/reservations/{stay}/return"))
    ended = phone.submit(phone.get(f"/reservations/{stay}/end"), f"/reservations/{stay}/end")
    assert "已结束" in text_of(ended)
    history = text_of(phone.get(f"/reservations/{stay}"))
    for step in ("预约成功（网页）", "签到成功（扫码）", "已暂离", "已返回", "已结束"):
        assert step in history


def test_the_same_pages_in_english(browser):
    phone = browser(ONE)
    page = phone.get("/language/en?next=/areas")
    assert page.url.path == "/areas"
    assert '<html lang="en">' in page.text
    assert "2F Centre" in text_of(page)
    for path in ("/", "/areas", SEAT, "/notifications", "/me", "/me/code", "/gate-records", "/check-in", "/sign-out"):
        shown = phone.get(path)
        assert not re.search(r"[\u4e00-\u9fff]", shown.text.replace("中文", "").replace("林知夏", "")), path
    assert "刷卡" in phone.get("/language/zh_Hans_CN?next=/check-in").text
    assert phone.get("/language/xx?next=/areas").url.path == "/areas"


@pytest.mark.parametrize("wrong", [{"csrf": "guess"}, {"csrf": ""}, {"csrf": None}])
def test_a_form_without_this_sessions_token_changes_nothing(browser, house, wrong):
    phone = browser(ONE)
    fields = phone.form(phone.get(SEAT), "/reservations") | wrong
    answer = phone.post(
        "/reservations",
        data={name: value for name, value in fields.items() if value is not None},
        headers={"origin": phone.own},
    )
    assert answer.status_code == 403
    assert house.reads.current(ONE, house.clock.now()) is None


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example"])
def test_a_form_from_another_site_changes_nothing(browser, house, origin):
    phone = browser(ONE)
    fields = phone.form(phone.get(SEAT), "/reservations")
    answer = phone.post("/reservations", data=fields, headers={"origin": origin} if origin else {})
    assert answer.status_code == 403
    assert house.reads.current(ONE, house.clock.now()) is None
    for path in ("/sign-in", "/me/code"):
        assert phone.post(path, data=fields, headers={"origin": origin} if origin else {}).status_code == 403


def test_another_readers_token_is_not_this_ones(browser):
    page = browser(OTHER).get(SEAT)
    phone = browser(ONE)
    stolen = phone.form(page, "/reservations")
    assert phone.post("/reservations", data=stolen, headers={"origin": phone.own}).status_code == 403


def test_no_page_shows_another_reader(browser):
    one, other = browser(ONE), browser(OTHER)
    done = one.submit(one.get(SEAT), "/reservations")
    stay = done.url.path.split("/")[2]
    for path in ("/", "/areas", SEAT, "/areas/2f-centre?view=list", "/notifications", "/me", "/gate-records"):
        shown = other.get(path).text
        assert ONE not in shown, path
        assert "林知夏" not in shown, path
        assert stay not in shown, path
    for path in (f"/reservations/{stay}", f"/reservations/{stay}/cancel", f"/reservations/{stay}/done/booked"):
        assert other.get(path).status_code == 404, path
    fields = other.form(other.get("/areas/2f-centre?seat=2f-centre-066"), "/reservations")
    for verb in ("cancel", "end", "step-away"):
        answer = other.post(f"/reservations/{stay}/{verb}", data=fields, headers={"origin": other.own})
        assert answer.status_code == 404


def test_the_code_for_the_kiosk_is_shown_large_and_only_on_a_post(browser):
    phone = browser(ONE)
    asked = phone.get("/me/code")
    assert "data-reader-code" not in asked.text
    shown = phone.submit(asked, "/me/code")
    assert re.search(r'data-reader-code="R1[0-9A-Z]{26}"', shown.text)
    assert 'shape-rendering="crispEdges"' in shown.text
    assert 'data-seconds="60"' in shown.text


def test_signing_out_asks_first(browser):
    """点击退出按钮会进入确认退出登录界面，如图所示，点击退出登录，之后就会回到用户登录界面"""
    phone = browser(ONE)
    asked = phone.get("/sign-out")
    assert "退出登录？" in text_of(asked)
    assert phone.get("/me").url.path == "/me"
    assert phone.submit(asked, "/sign-out").url.path == "/sign-in"
    assert phone.get("/me").url.path == "/sign-in"


def test_what_is_not_there_is_a_page_for_browsers_and_a_problem_for_others(browser, api):
    page = browser(ONE).get("/nowhere")
    assert page.status_code == 404
    assert "未找到" in text_of(page)
    answer = api().get("/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert api().put("/api/v1/session").status_code == 405
    assert api().put("/api/v1/session").json()["code"] == "invalid-request"


def test_a_closed_library_says_so(browser, house):
    """At 22:30 the day is over; tomorrow can still be booked."""
    house.at("22:30")
    phone = browser(ONE)
    assert phone.get("/areas").text.count("不开放") >= 18
    assert "当天不再开放" in text_of(phone.get("/areas/2f-centre"))
    tomorrow = phone.get("/areas/2f-centre?date=2023-07-18")
    assert '<select name="start">' in tomorrow.text
    assert "现在" not in tomorrow.text.split('<select name="start">')[1].split("</select>")[0]


def test_the_times_offered_are_the_manuals(browser, house):
    """「选择开始时间 现在 17:00 18:00 …」「选择结束时间 17:00 18:00 19:00 20:00」"""
    house.at("16:13")
    page = browser(ONE).get("/areas/2f-centre")
    starts, ends = (
        re.findall(r">([^<>]+)</option>", page.text.split(f'<select name="{name}">')[1].split("</select>")[0])
        for name in ("start", "end")
    )
    assert starts[:3] == ["现在 16:13", "17:00", "18:00"]
    assert ends == ["17:00", "18:00", "19:00", "20:00"]


@pytest.mark.parametrize("query", ["date=x", "start=x", "end=x", "start=2023-07-17T17:00:00"])
def test_a_made_up_address_is_a_problem_not_a_fault(browser, query):
    assert browser(ONE).get(f"/areas/2f-centre?{query}").status_code == 422


@pytest.mark.parametrize(
    "query", ["date=2020-01-01", "zoom=9", "seat=nonsense", "view=x", "end=2023-07-17T03:00:00%2B08:00"]
)
def test_a_wish_that_is_not_offered_falls_back_to_what_is(browser, query):
    page = browser(ONE).get(f"/areas/2f-centre?{query}")
    assert page.status_code == 200
    assert "请选择座位" in text_of(page)


def test_the_list_is_an_equal_way(browser):
    page = browser(ONE).get("/areas/2f-centre?view=list&seat=2f-centre-065")
    assert page.text.count('class="chip') == 68
    assert "预约 065 号" in text_of(page)


def test_every_seat_of_the_map_has_a_name_and_a_state(browser):
    page = browser(ONE).get("/areas/2f-centre")
    seats = re.findall(r'<a class="seat (\w+)"[^>]*aria-label="([^"]+)"', page.text)
    assert len(seats) == 68
    for look, name in seats:
        assert re.match(r"\d{3} 号座位，\S+", name), name
        assert look in ("free", "reserved", "taken", "away", "closed")
