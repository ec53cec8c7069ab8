"""Signing in and out over the API: nothing tells an unknown reader from a wrong password; tries are counted."""

import pytest

ONE = "S2023001"
OTHER = "S2023002"
PASSWORD = "correct horse"
STAFF = "STAFF01"


PROBLEM = "application/problem+json"


def sign_in(client, reader=ONE, password=PASSWORD, **options):
    return client.post("/api/v1/session", json={"reader": reader, "password": password}, **options)


def test_a_token_and_a_cookie_come_with_the_right_password(api, house):
    answer = sign_in(api())
    assert answer.status_code == 201
    assert answer.json()["reader"] == {"id": ONE, "name": "林知夏", "role": "reader"}
    assert answer.json()["expires_at"] == "2023-07-18T04:38:00+08:00"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("seatgate=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert house.reads.session(b"no such hash" * 2 + b"12345678", house.clock.now()) is None


def test_reader_ids_fold_case(api):
    """「研究生学号请使用大写字母。」"""
    assert sign_in(api(), " s2023001 ").status_code == 201


def test_each_sign_in_is_a_new_session(api):
    tokens = {sign_in(api()).json()["token"] for _ in range(3)}
    assert len(tokens) == 3


def test_an_unknown_reader_and_a_wrong_password_are_one_answer(api):
    wrong, unknown = sign_in(api(), password="wrong"), sign_in(api(), "S9999999")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.headers["content-type"] == PROBLEM
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "sign-in-failed"


def test_five_wrong_tries_close_the_account_for_a_while_for_every_address(api, house):
    for _ in range(5):
        assert sign_in(api(), password="wrong").status_code == 401
    refused = sign_in(api())
    assert refused.status_code == 429
    assert refused.json()["next_allowed_at"] == "2023-07-17T16:43:00+08:00"
    assert refused.headers["retry-after"] == "300"
    assert sign_in(api(), OTHER).status_code == 201  # another reader is not locked out
    house.at("16:43")
    assert sign_in(api()).status_code == 201


def test_an_unknown_reader_is_closed_after_as_many_tries(api):
    answers = [sign_in(api(), "S9999999").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_signing_out_ends_the_session(api):
    client = api(ONE)
    assert client.get("/api/v1/reservations").status_code == 200
    assert client.delete("/api/v1/session").status_code == 204
    assert client.get("/api/v1/reservations").status_code == 401


def test_a_session_ends_by_itself(api, house):
    client = api(ONE)
    house.at("04:39", day=18)
    assert client.get("/api/v1/reservations").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"reader": "S1"}',
        b'{"reader": "S1", "password": "x", "role": "staff"}',
        b'{"reader": "", "password": "x"}',
        b'{"reader": 1, "password": "x"}',
        '{"reader": "S1", "password": "%s"}'.replace("%s", "x" * 257).encode(),
    ],
)
def test_a_wrong_form_is_a_problem_and_repeats_nothing_sent(api, body):
    answer = api().post("/api/v1/session", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["code"] == "invalid-request"
    assert "xxxx" not in answer.text


@pytest.mark.parametrize("token", ["x", "x" * 5000, "ü"])
def test_a_token_of_no_session_is_nobody(api, token):
    answer = api().get("/api/v1/reservations", headers={"authorization": b"Bearer " + token.encode()})
    assert answer.status_code == 401
    assert answer.json()["code"] == "sign-in-required"


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_cookie_alone_changes_nothing(api, house, origin):
    """Another site can make a browser send our cookie, but not our Origin."""
    client = api()
    assert sign_in(client).status_code == 201
    assert client.get("/api/v1/reservations").status_code == 200
    answer = client.book(headers={"origin": origin} if origin else {})
    assert answer.status_code == 403
    assert answer.json()["code"] == "cross-site"
    assert client.book(headers={"origin": house.url}).status_code == 201


def test_staff_pages_are_for_staff(api):
    for path in ("/staff", "/staff/kiosks", "/staff/gates", "/staff/kiosks/k-2s/screen.png"):
        assert api().get(path).status_code == 401, path
        assert api(ONE).get(path).status_code == 403, path
    for path in ("/staff", "/staff/kiosks", "/staff/gates"):
        assert api(STAFF).get(path).status_code == 200, path
