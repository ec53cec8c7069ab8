"""Devices over the API: they join once, sign what they ask, and are believed for nothing else."""

import threading
from datetime import timedelta

import pytest

from booking.service.pictures import AskPicture
from booking.web import pages_staff
from messages import checkin
from runtime import signing
from runtime.signing import SigningKey

MASTER = b"m" * 32
ONE = "S2023001"
OTHER = "S2023002"
STAFF = "STAFF01"

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def test_a_kiosk_joins_and_gets_its_number_and_a_week_of_keys(device, house):
    joined = device().enrol()
    assert joined.status_code == 201
    body = joined.json()
    assert body["server_kid"] == house.server_key.kid
    assert signing.from_text(body["server_public_key"]) == house.server_key.public_bytes
    assert body["kiosk_number"] == house.kiosk.number
    today = checkin.epoch_of(checkin.step_at(house.clock.now()))
    assert sorted(int(epoch) for epoch in body["day_keys"]) == list(range(today, today + 8))  # today and the next 7
    assert signing.from_text(body["day_keys"][str(today)]) == checkin.day_key(MASTER, today, house.kiosk.number)


def test_a_gate_gets_no_keys(device):
    body = device("south", "gate").enrol().json()
    assert (body["kiosk_number"], body["day_keys"]) == (None, {})


def test_a_code_lets_one_device_in_once(device):
    assert device().enrol().status_code == 201
    assert device().enrol().status_code in (401, 403)


@pytest.mark.parametrize(
    "changes",
    [{"code": "wrong"}, {"device": "nobody"}, {"kind": "gate"}, {"device": "south"}],
)
def test_a_wrong_code_name_or_kind_is_refused(device, changes):
    assert device().enrol(**changes).status_code == 403


@pytest.mark.parametrize(
    "changes", [{"public_key": "x"}, {"kid": "0" * 16}, {"kid": "x"}, {"kind": "phone"}, {"more": 1}]
)
def test_a_wrong_form_is_a_problem(device, changes):
    assert device().enrol(**changes).status_code == 422


def test_guessing_codes_is_stopped(device):
    answers = [device().enrol(code=f"guess-{n}").status_code for n in range(11)]
    assert answers[:10] == [403] * 10
    assert answers[10] == 429


def test_keys_are_for_the_device_that_signs(device, house):
    kiosk = device()
    kiosk.enrol()
    path = "/api/v1/devices/k-2s/keys"
    assert len(kiosk.signed("GET", path).json()["day_keys"]) == 8
    assert kiosk.get(path).status_code == 403
    assert kiosk.signed("GET", path, key=SigningKey.generate()).status_code == 403
    assert kiosk.signed("GET", path, now=house.clock.now() - timedelta(minutes=5)).status_code == 403
    assert kiosk.signed("GET", "/api/v1/devices/k-2n/keys").status_code == 403
    gate = device("south", "gate")
    gate.enrol()
    assert gate.signed("GET", path).status_code == 403


def test_a_recorded_request_does_not_count_twice(device, house):
    kiosk = device()
    kiosk.enrol()
    path = "/api/v1/devices/k-2s/keys"
    proof = kiosk.key.sign_http("GET", path, b"", device="k-2s", now=house.clock.now())
    assert [kiosk.get(path, headers=proof).status_code for _ in range(2)] == [200, 403]


def test_a_card_and_a_reader_code_identify_at_a_kiosk(device, api, house):
    kiosk = device()
    kiosk.enrol()
    path = "/api/v1/kiosks/k-2s/sessions"
    api(ONE).book()
    by_card = kiosk.signed("POST", path, {"card": "0006547886"}).json()
    assert by_card["reader"] == {"name": "林知夏"}
    assert by_card["current"]["label"] == "065"
    assert by_card["expires_at"] == "2023-07-17T16:39:30+08:00"  # 90 s
    made = api(OTHER).post("/api/v1/reader-codes").json()
    assert made["picture"].startswith("data:image/svg+xml;base64,")
    assert checkin.is_reader_code(made["code"])
    by_code = kiosk.signed("POST", path, {"reader_code": made["code"]})
    assert by_code.json()["reader"] == {"name": "王小满"}
    again = kiosk.signed("POST", path, {"reader_code": made["code"]})
    assert (again.status_code, again.json()["code"]) == (403, "reader-code-invalid")
    late = api(OTHER).post("/api/v1/reader-codes").json()["code"]
    house.at("16:40")
    assert kiosk.signed("POST", path, {"reader_code": late}).json()["code"] == "reader-code-invalid"


def test_a_kiosk_session_books_as_the_kiosk(device, house):
    kiosk = device()
    kiosk.enrol()
    token = kiosk.signed("POST", "/api/v1/kiosks/k-2s/sessions", {"card": "0006547886"}).json()["token"]
    stay = kiosk.post(
        "/api/v1/reservations",
        json={"seat": "2f-centre-065", "end": "2023-07-17T20:00:00+08:00"},
        headers={"authorization": f"Bearer {token}"},
    ).json()
    assert house.reads.reservation(ONE, stay["id"], house.clock.now()).history[0].source == "kiosk"


@pytest.mark.parametrize("body", [{}, {"card": "0006547886", "reader_code": "R1"}])
def test_one_way_to_identify_is_given(device, body):
    kiosk = device()
    kiosk.enrol()
    assert kiosk.signed("POST", "/api/v1/kiosks/k-2s/sessions", body).status_code == 422


def test_an_unknown_card_is_a_plain_no(device):
    kiosk = device()
    kiosk.enrol()
    answer = kiosk.signed("POST", "/api/v1/kiosks/k-2s/sessions", {"card": "9999999999"})
    assert answer.json()["code"] == "reader-code-invalid"
    assert "9999999999" not in answer.text


def test_staff_see_what_the_kiosk_shows(device, api, house):
    kiosk = device()
    kiosk.enrol()

    def answer():
        assert house.kiosks.asked_one.wait(30)
        command = house.kiosks.asked[0].command
        assert kiosk.signed("POST", f"/api/v1/kiosks/k-2s/screens/{command}", PNG).status_code == 202

    thread = threading.Thread(target=answer)
    thread.start()
    picture = api(STAFF).get("/staff/kiosks/k-2s/screen.png")
    thread.join(30)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.content == PNG
    again = kiosk.signed("POST", f"/api/v1/kiosks/k-2s/screens/{house.kiosks.asked[0].command}", PNG)
    assert again.status_code == 404


def test_a_broker_that_is_away_is_said_at_once(api, house):
    house.faults.append("the broker 127.0.0.1:1883 is not connected")
    answer = api(STAFF).get("/staff/kiosks/k-2s/screen.png")
    assert (answer.status_code, answer.json()["code"]) == (504, "unavailable")


def test_a_kiosk_that_does_not_answer_is_said_in_time(api, house, monkeypatch):
    monkeypatch.setattr(pages_staff, "PICTURE_WAIT", timedelta(seconds=0.2))
    answer = api(STAFF).get("/staff/kiosks/k-2s/screen.png")
    assert (answer.status_code, answer.json()["code"]) == (504, "unavailable")
    assert len(house.kiosks.asked) == 1


def test_a_picture_that_another_kiosk_was_asked_for_is_not_taken(device, house):
    kiosk = device()
    kiosk.enrol()
    now = house.clock.now()
    house.do(AskPicture(command="c1", kiosk="k-3e", at=now, deadline=now + timedelta(seconds=5)))
    assert kiosk.signed("POST", "/api/v1/kiosks/k-2s/screens/c1", PNG).status_code == 404
    house.do(AskPicture(command="c2", kiosk="k-2s", at=now, deadline=now - timedelta(seconds=1)))
    assert kiosk.signed("POST", "/api/v1/kiosks/k-2s/screens/c2", PNG).status_code == 404
    assert house.reads.picture("c1") is None


def test_no_more_pictures_are_waited_for_than_the_service_can_hold(api, house):
    now = house.clock.now()
    for number in range(16):
        house.do(AskPicture(command=f"c{number}", kiosk="k-2s", at=now, deadline=now + timedelta(seconds=5)))
    answer = api(STAFF).get("/staff/kiosks/k-2s/screen.png")
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-tries")


def test_what_is_no_picture_is_refused(device):
    kiosk = device()
    kiosk.enrol()
    assert kiosk.signed("POST", "/api/v1/kiosks/k-2s/screens/x", b"GIF89a").status_code == 422
