"""What a gate did for a reader: told at once, confirmed or corrected by the reader and by nobody else."""

import hashlib
import re

import pytest

from booking.service.commands import RecordGateEvent
from messages import access
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction

pytestmark = pytest.mark.databases("sqlite", "postgres")

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
CARD = "0006547886"


@pytest.fixture
def swipe(house):
    """`swipe(direction)`: reader ONE's card at the south gate, now."""
    count = 0

    def go(direction=Direction.IN, card=CARD):
        nonlocal count
        count += 1
        now = house.clock.now()
        portal = "south-1" if direction is Direction.IN else "south-2"
        event = AccessEvent(
            portal=portal,
            direction=direction,
            credential=Credential(CredentialKind.CARD, card),
            outcome=AccessOutcome.REPORTED,
            occurred_at=now,
            monotonic_ns=count,
            boot_id="boot",
            epoch=1,
            sequence=count,
        )
        payload = access.encode("bjut", "south", event)
        digest = hashlib.sha256(payload).digest()
        return house.do(RecordGateEvent(gate="south", at=now, event=event, payload=payload, digest=digest))

    return go


def only(answer):
    (item,) = answer.json()["items"]
    return item


def test_a_passage_in_checks_in_and_is_told(api, swipe):
    """「系统会依据门禁记录辅助签到、暂离」"""
    client = api(ONE)
    stay = client.book().json()["id"]
    swipe()
    record = only(client.get("/api/v1/gate-records"))
    assert (record["reservation"], record["effect"], record["answer"]) == (stay, "checked-in", None)
    assert record["portal_name"]["zh"] == "南闸机1号（进）"
    assert record["occurred_at"] == "2023-07-17T16:38:00+08:00"
    notes = client.get("/api/v1/notifications").json()["items"]
    assert [note["kind"] for note in notes] == ["checked-in", "reserved"]
    assert CARD not in client.get("/api/v1/gate-records").text


def test_confirm_stands_and_dispute_restores(api, swipe, house):
    client = api(ONE)
    stay = client.book().json()["id"]
    swipe()
    record = only(client.get("/api/v1/gate-records"))["id"]
    assert client.post(f"/api/v1/gate-records/{record}/confirm").json()["answer"] == "confirmed"
    assert client.get(f"/api/v1/reservations/{stay}").json()["status"] == "in-use"
    house.at("16:50")
    swipe(Direction.OUT)
    out = client.get("/api/v1/gate-records").json()["items"][0]
    assert out["effect"] == "stepped-away"
    assert client.post(f"/api/v1/gate-records/{out['id']}/dispute").json()["answer"] == "disputed"
    assert client.get(f"/api/v1/reservations/{stay}").json()["status"] == "in-use"


def test_the_time_to_answer_ends(api, swipe, house):
    client = api(ONE)
    client.book()
    swipe()
    record = only(client.get("/api/v1/gate-records"))["id"]
    house.at("17:09")
    late = client.post(f"/api/v1/gate-records/{record}/dispute")
    assert (late.status_code, late.json()["code"]) == (409, "confirm-too-late")
    assert late.json()["policy_key"] == "policy.gate.confirm_for"


def test_anothers_passage_is_not_there(api, browser, swipe):
    api(ONE).book()
    swipe()
    record = only(api(ONE).get("/api/v1/gate-records"))["id"]
    stranger, page = api(OTHER), browser(OTHER)
    assert stranger.get("/api/v1/gate-records").json() == {"items": []}
    assert stranger.get("/api/v1/notifications").json() == {"items": []}
    for verb in ("confirm", "dispute"):
        assert stranger.post(f"/api/v1/gate-records/{record}/{verb}").status_code == 404
    assert page.get(f"/gate-records/{record}/dispute").status_code == 404


def test_the_home_page_tells_what_the_gate_did_and_offers_to_correct_it(browser, swipe, house):
    """ "16:38 南闸机…进馆，已为你签到。不是你？更正"""
    phone = browser(ONE)
    phone.submit(phone.get("/areas/2f-centre?seat=2f-centre-065"), "/reservations")
    swipe()
    home = phone.get("/")
    assert "16:38 南闸机1号（进），签到成功。" in home.text
    link = re.search(r'href="(/gate-records/[^"]+/dispute)"', home.text)[1]
    asked = phone.get(link)
    assert "这不是您本人？" in asked.text
    done = phone.submit(asked, link)
    assert done.url.path == "/gate-records"
    assert "已更正" in done.text
    assert "已预约" in phone.get("/").text


def test_staff_see_passages_with_masked_cards(browser, swipe):
    swipe()
    swipe(card="0000009999")
    page = browser(STAFF).get("/staff/gates").text
    assert ONE in page
    assert CARD not in page
    assert "0000009999" not in page
    assert "未知" in page
