"""Booking over the API: every refusal is a problem that names its rule; a reader sees their own and nothing else."""

import json

import pytest

pytestmark = pytest.mark.databases("sqlite", "postgres")

ONE = "S2023001"
OTHER = "S2023002"


T = "2023-07-17T{}:00+08:00"


def test_book_list_see_cancel(api):
    client = api(ONE)
    made = client.book(start=T.format("17:00"))
    assert made.status_code == 201
    stay = made.json()
    assert made.headers["location"] == f"/api/v1/reservations/{stay['id']}"
    assert stay["seat"] == "2f-centre-065"
    assert stay["label"] == "065"
    assert stay["area_name"] == {"zh": "二层中厅", "en": "2F Centre"}
    assert stay["start"] == T.format("17:00")
    assert stay["check_in_from"] == T.format("16:30")  # 请在预约时间开始前 30 分钟到预约时间开始后 30 分钟内签到
    assert stay["check_in_until"] == T.format("17:30")
    assert stay["status"] == "reserved"
    listed = client.get("/api/v1/reservations").json()
    assert [item["id"] for item in listed["items"]] == [stay["id"]]
    detail = client.get(f"/api/v1/reservations/{stay['id']}", headers={"accept-language": "en"}).json()
    assert [line["change"] for line in detail["history"]] == ["reserved"]
    assert detail["history"][0]["sentence"] == "Booked on the web"
    cancelled = client.post(f"/api/v1/reservations/{stay['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    again = client.post(f"/api/v1/reservations/{stay['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not-possible-now")


def test_no_start_is_now(api):
    """「现在」"""
    assert api(ONE).book().json()["start"] == T.format("16:38")


def test_an_area_gives_its_best_free_seat_and_a_taken_seat_the_next_best(api):
    assert api(ONE).book(seat=None, json={"area": "2f-centre"}).json()["area"] == "2f-centre"
    taken = api(ONE).get("/api/v1/reservations").json()["items"][0]["seat"]
    other = api(OTHER).book(seat=taken, json={"area": "2f-centre"})
    assert other.status_code == 201
    assert other.json()["seat"] != taken


@pytest.mark.parametrize(
    ("wish", "status", "code", "key"),
    [
        ({"seat": "2f-centre-999"}, 404, "unknown-seat", None),
        ({"seat": None, "area": "9f"}, 404, "unknown-area", None),
        ({"start": T.format("15:00")}, 422, "in-the-past", None),
        ({"start": T.format("17:15")}, 422, "off-grid", "policy.booking.grid"),
        ({"end": T.format("16:40")}, 422, "off-grid", "policy.booking.grid"),
        ({"start": T.format("17:00"), "end": T.format("22:00")}, 422, "too-long", "areas.max_length"),
        (
            {"start": T.format("21:00"), "end": "2023-07-18T00:00:00+08:00"},
            422,
            "outside-opening-hours",
            "venues.closes",
        ),
        (
            {"start": "2023-07-19T09:00:00+08:00", "end": "2023-07-19T10:00:00+08:00"},
            422,
            "too-far-ahead",
            "policy.booking.advance_days",
        ),
    ],
)
def test_a_refusal_names_its_rule(api, wish, status, code, key):
    body = {"seat": "2f-centre-065", "end": T.format("20:00")} | wish
    answer = api(ONE).post("/api/v1/reservations", json=body, headers={"accept-language": "en"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["policy_key"]) == (status, code, key)
    assert problem["status"] == status
    assert problem["type"] == f"/docs#{code}"
    assert problem["detail"] == problem["sentences"]["en"]
    assert problem["sentences"]["zh"] != problem["sentences"]["en"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_taken_seat_and_a_second_booking_at_the_same_time_are_refused(api):
    assert api(ONE).book().status_code == 201
    taken = api(OTHER).book().json()
    assert (taken["code"], taken["next_allowed_at"]) == ("seat-taken", T.format("20:00"))
    overlap = api(ONE).book(seat="2f-centre-066")
    assert (overlap.status_code, overlap.json()["code"]) == (409, "reader-overlap")


def test_the_sentence_says_the_limit(api):
    body = {"seat": "2f-centre-065", "start": T.format("17:00"), "end": T.format("22:00")}
    answer = api(ONE).post("/api/v1/reservations", json=body)
    assert "每次最长 4 小时" in answer.json()["sentences"]["zh"]
    assert "At most 4 h at a time." in answer.json()["sentences"]["en"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'{"seat": "2f-centre-065"}',
        b'{"seat": "2f-centre-065", "end": "2023-07-17T20:00:00"}',
        b'{"seat": "2f-centre-065", "end": "tomorrow"}',
        b'{"seat": "2f-centre-065", "end": "2023-07-17T20:00:00+08:00", "reader": "S2023002"}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
def test_a_wrong_form_is_a_problem(api, body):
    answer = api(ONE).post("/api/v1/reservations", content=body)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] == "invalid-request"


@pytest.mark.parametrize(("size", "chunked"), [(65 * 1024, False), (65 * 1024, True)])
def test_a_body_above_the_cap_is_refused(api, size, chunked):
    body = b"x" * size
    answer = api(ONE).post("/api/v1/reservations", content=iter([body]) if chunked else body)
    assert answer.status_code == 413
    assert answer.json()["code"] == "invalid-request"


def test_an_idempotency_key_gives_the_first_answer_again(api, house):
    client, key = api(ONE), {"idempotency-key": "a-key-of-mine"}
    first = client.book(headers=key)
    house.at("16:39")
    second = client.book(headers=key)
    assert second.status_code == 201
    assert second.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    other = client.book(seat="2f-centre-066", headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert api(OTHER).book(seat="2f-centre-066", headers=key).status_code == 201  # another reader's key is another key
    long = client.book(headers={"idempotency-key": "k" * 129})
    assert long.json()["code"] == "invalid-request"


def test_anothers_reservation_is_as_unknown_as_none(api):
    stay = api(ONE).book().json()["id"]
    stranger = api(OTHER)
    unknown = stranger.get("/api/v1/reservations/nothing")
    for answer in (
        stranger.get(f"/api/v1/reservations/{stay}"),
        *(
            stranger.post(f"/api/v1/reservations/{stay}/{verb}")
            for verb in ("cancel", "step-away", "return", "extend", "end")
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-reservation")
        assert answer.json() == unknown.json()
    assert stay not in json.dumps(stranger.get("/api/v1/reservations").json())


def test_the_readers_actions(api, house):
    client = api(ONE)
    stay = client.book().json()["id"]
    assert client.post("/api/v1/check-ins", json={"code": house.code()}).json()["status"] == "in-use"
    away = client.post(f"/api/v1/reservations/{stay}/step-away").json()
    assert (away["status"], away["away_until"]) == ("away", T.format("17:08"))
    assert client.post(f"/api/v1/reservations/{stay}/return").json()["status"] == "in-use"
    early = client.post(f"/api/v1/reservations/{stay}/extend").json()
    assert early["code"] == "extend-too-early"
    assert early["policy_key"] == "policy.extend.opens_before_end"
    assert early["next_allowed_at"]
    assert client.post(f"/api/v1/reservations/{stay}/end").json()["status"] == "ended"


def test_pages_of_reservations(api):
    client = api(ONE)
    for seat in range(61, 66):
        stay = client.book(seat=f"2f-centre-0{seat}", start=T.format("18:00")).json()["id"]
        client.post(f"/api/v1/reservations/{stay}/cancel")
    first = client.get("/api/v1/reservations?limit=3").json()
    rest = client.get("/api/v1/reservations", params={"limit": 3, "cursor": first["next"]}).json()
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [3, 2, None]
    for query in ("limit=0", "limit=101", "limit=x", "cursor=" + "c" * 300):
        assert client.get(f"/api/v1/reservations?{query}").status_code == 422, query
    assert client.get("/api/v1/reservations?cursor=nonsense").status_code in (200, 422)
