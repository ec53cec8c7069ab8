"""通知公告: staff put notices up in both languages and take them down; readers see what stands now and nobody else's seat."""

import pytest

ONE, STAFF = "S2023001", "STAFF01"
FORM = {
    "title_zh": "国庆闭馆",
    "title_en": "Closed for the holiday",
    "text_zh": "10月1日闭馆。\n2日照常开放。",
    "text_en": "Closed on 1 October.\nOpen again on the 2nd.",
}


def titles(client):
    return [notice["title"]["zh"] for notice in client.get("/api/v1/notices").json()["items"]]


@pytest.fixture
def desk(browser):
    """A browser of staff with `put(**changes)`."""
    staff = browser(STAFF)
    staff.put = lambda **changes: staff.submit(staff.get("/staff/notices"), "/staff/notices", **(FORM | changes))
    return staff


def test_a_notice_is_read_by_everybody_in_their_language(desk, browser, api):
    """我的、通知公告: the third tab of the manual's phone pages."""
    assert desk.put().status_code == 200
    (notice,) = api().get("/api/v1/notices").json()["items"]
    assert notice["title"] == {"zh": "国庆闭馆", "en": "Closed for the holiday"}
    assert (notice["shown_from"], notice["shown_until"]) == ("2023-07-17T16:38:00+08:00", None)
    assert STAFF not in api().get("/api/v1/notices").text
    reader = browser(ONE)
    page = reader.get("/notifications").text
    assert "国庆闭馆" in page
    assert "2日照常开放" in page
    assert "Closed for the holiday" not in page
    assert "Closed for the holiday" in reader.get("/language/en?next=/notifications").text


def test_it_stands_from_its_first_moment_until_its_last(desk, api, house):
    desk.put(shown_from="2023-07-17T18:00", shown_until="2023-07-17T20:00")
    for clock, shown in [("17:59", []), ("18:00", ["国庆闭馆"]), ("19:59", ["国庆闭馆"]), ("20:00", [])]:
        house.at(clock)
        assert titles(api()) == shown, clock


def test_taking_it_down_is_on_record_and_final(desk, api, house):
    desk.put()
    page = desk.get("/staff/notices")
    (notice,) = house.reads.every_notice()
    house.at("17:00")
    desk.submit(page, f"/staff/notices/{notice.id}/withdraw")
    assert titles(api()) == []
    house.at("17:30")
    desk.submit(page, f"/staff/notices/{notice.id}/withdraw")
    (after,) = house.reads.every_notice()
    assert (after.written_by, after.withdrawn_by) == (STAFF, STAFF)
    assert after.withdrawn_at.minute == 0, "the first withdrawal counts"
    assert "撤下于 17:00" in desk.get("/staff/notices").text


def test_a_form_sent_twice_puts_up_one(desk, api):
    page = desk.get("/staff/notices")
    for _ in range(2):
        desk.submit(page, "/staff/notices", **FORM)
    assert titles(api()) == ["国庆闭馆"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title_en": " "},
        {"text_zh": ""},
        {"title_zh": "长" * 81},
        {"text_en": "x" * 2001},
        {"shown_until": "2023-07-17T16:38"},
        {"shown_from": "2023-07-18T10:00", "shown_until": "2023-07-18T09:00"},
        {"shown_from": "tomorrow"},
    ],
)
def test_what_is_not_whole_is_said_and_not_put_up(desk, api, wrong):
    page = desk.put(**wrong)
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert titles(api()) == []


def test_readers_write_none(browser, api):
    reader = browser(ONE)
    form = reader.form(reader.get("/me/code"), "/me/code")
    assert reader.get("/staff/notices").status_code == 403
    for path in ("/staff/notices", "/staff/notices/x/withdraw"):
        answer = reader.post(path, data=form | FORM, headers={"origin": reader.own})
        assert answer.status_code == 403, path
    assert titles(api()) == []


def test_what_staff_write_is_text_and_no_markup(desk, browser):
    desk.put(title_zh="<script>alert(1)</script>", text_zh="a & b\x00\x07")
    page = browser(ONE).get("/notifications").text
    assert "<script>alert" not in page
    assert "a &amp; b<" in page


def test_an_unknown_notice_cannot_be_taken_down(desk):
    desk.put()
    form = desk.form(desk.get("/staff/notices"), "/staff/notices")
    assert desk.post("/staff/notices/none/withdraw", data=form, headers={"origin": desk.own}).status_code == 404
