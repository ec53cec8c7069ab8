"""违约记录 as readers, and staff, meet it: through the API and the pages, each reader their own, in both languages."""

import re

import pytest

from booking.service.commands import Sweep
from booking.service.violation_commands import HearGate

pytestmark = pytest.mark.databases("sqlite", "postgres")

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"


@pytest.fixture
def missed(house, api):
    """Reader ONE booked 16:38–20:00 and did not come; every gate has told all by 17:09."""
    stay = api(ONE).book().json()["id"]
    house.at("17:09")
    house.do(Sweep(at=house.clock.now()))
    for gate in house.site.gates:
        now = house.clock.now()
        house.do(HearGate(gate=gate.id, at=now, wall=now, epoch=1, watermark=0, last_sequence=0))
    return stay


def text_of(page):
    body = page.text.split("<main", 1)[1].split("</main>", 1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_the_api_lists_a_violation_with_its_evidence_and_key(api, missed):
    """请在预约时间开始前30分钟到预约时间开始后30分钟内签到，否则会被记录违约一次"""
    answer = api(ONE).get("/api/v1/violations").json()
    (found,) = answer["items"]
    assert (found["kind"], found["standing"], found["reservation"]) == ("no-show", "standing", missed)
    assert found["occurred_at"] == "2023-07-17T17:08:00+08:00"
    assert found["policy_key"] == "policy.check_in.closes_after"
    assert [line["change"] for line in found["evidence"]] == ["reserved", "missed", "violation"]
    assert all(line["sentence"] for line in found["evidence"])
    assert (answer["suspension"], found["suspended_until"]) == (None, None)
    assert api(OTHER).get("/api/v1/violations").json() == {"items": [], "suspension": None}
    assert api().get("/api/v1/violations").status_code == 401


def test_an_appeal_is_the_readers_own_and_answered_once(api, missed):
    client = api(ONE)
    (found,) = client.get("/api/v1/violations").json()["items"]
    path = f"/api/v1/violations/{found['id']}/appeal"
    assert api(OTHER).post(path, json={"words": "我在场"}).status_code == 404
    for wrong in ({}, {"words": ""}, {"words": "x" * 1001}, {"words": "x", "more": 1}):
        assert client.post(path, json=wrong).status_code == 422
    key = {"idempotency-key": "k1"}
    first = client.post(path, json={"words": "我在场"}, headers=key)
    assert (first.status_code, first.json()["appeal"], first.json()["can_appeal"]) == (200, "我在场", False)
    assert client.post(path, json={"words": "我在场"}, headers=key).status_code == 200
    again = client.post(path, json={"words": "真的"})
    assert (again.status_code, again.json()["code"]) == (409, "not-possible-now")


def test_the_record_stands_beside_the_reservations_with_its_count(browser, missed):
    """预约记录 违约记录"""
    phone = browser(ONE)
    home = phone.get("/")
    assert re.search(r'href="/violations"[^>]*>违约记录<b>1</b>', home.text)
    page = phone.get("/violations")
    assert "未签到" in text_of(page)
    assert "已记录" in text_of(page)
    assert "30" in text_of(page)
    assert "没有违约记录" in text_of(browser(OTHER).get("/violations"))


def test_from_the_appeal_to_the_decision_with_forms_alone(browser, missed):
    phone, desk = browser(ONE), browser(STAFF)
    link = re.search(r'href="(/violations/[^"]+/appeal)"', phone.get("/violations").text)[1]
    assert "记违约一次" in text_of(phone.get(link))
    sent = phone.submit(phone.get(link), link, words="<b>我在场</b>")
    assert "您的申诉正在由馆员处理" in text_of(sent)
    waiting = desk.get("/staff/violations")
    assert "&lt;b&gt;我在场&lt;/b&gt;" in waiting.text
    action = link.replace("/violations", "/staff/violations").replace("/appeal", "/lift")
    done = desk.submit(waiting, action)
    assert "没有待处理的违约" in text_of(done)
    assert "撤销违约" in text_of(done)
    assert "申诉成立" in text_of(phone.get("/violations"))
    assert not re.search(r"违约记录<b>", phone.get("/").text)


def test_staff_excuse_an_outage_and_it_is_on_record(browser, missed, api):
    desk = browser(STAFF)
    page = desk.get("/staff/violations")
    wrong = desk.submit(page, "/staff/amnesties", start="2023-07-17T18:00", end="2023-07-17T16:00", reason="断网")
    assert wrong.status_code == 422
    assert "更晚的结束时间" in text_of(wrong)
    done = desk.submit(page, "/staff/amnesties", start="2023-07-17T16:00", end="2023-07-17T18:00", reason="断网")
    assert "断网" in text_of(done)
    assert "撤销 1 条" in text_of(done)
    (found,) = api(ONE).get("/api/v1/violations").json()["items"]
    assert (found["standing"], found["lifted_because"]) == ("lifted", "amnesty")


def test_readers_are_kept_out_of_what_staff_decide(browser, api, missed):
    phone = browser(ONE)
    (found,) = api(ONE).get("/api/v1/violations").json()["items"]
    assert phone.get("/staff/violations").status_code == 403
    token = phone.form(phone.get(f"/violations/{found['id']}/appeal"), f"/violations/{found['id']}/appeal")
    for path in (f"/staff/violations/{found['id']}/lift", "/staff/amnesties"):
        assert phone.post(path, data=token, headers={"origin": phone.own}).status_code == 403
    assert browser(STAFF).get(f"/violations/{found['id']}/appeal").status_code == 404


def test_the_record_speaks_english_too(browser, missed):
    phone = browser(ONE)
    phone.get("/language/en?next=%2Fviolations")
    page = text_of(phone.get("/violations"))
    assert "Not checked in in time" in page
    assert "counts" in page
