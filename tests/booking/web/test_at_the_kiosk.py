"""What a reader does at a kiosk that has just seen their code: in its session, over the API, as the kiosk asks for it."""

import pytest

ONE = "S2023001"


@pytest.fixture
def scene(house, api_of, device_of):
    """`scene()`: (the reader's own client, a client with the kiosk's session of that reader)."""

    def make():
        reader = api_of(house, ONE)
        machine = device_of(house, "k-2s", "kiosk")
        machine.enrol()
        code = reader.post("/api/v1/reader-codes").json()["code"]
        opened = machine.signed("POST", "/api/v1/kiosks/k-2s/sessions", {"reader_code": code}).json()
        return reader, opened

    return make


def act(house, token, reservation, action, key="k", **headers):
    import httpx

    return httpx.post(
        f"{house.url}/api/v1/reservations/{reservation}/{action}",
        json={},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key} | headers,
    )


def test_who_is_seen_by_a_kiosk_checks_in_there_and_not_with_a_phone_alone(house, scene):
    """Readers check in by scanning the kiosk's code, or by showing the kiosk their own."""
    reader, opened = scene()
    stay = reader.book().json()["id"]
    refused = reader.post(f"/api/v1/reservations/{stay}/check-in", headers={"Idempotency-Key": "a"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    done = act(house, opened["token"], stay, "check-in")
    assert (done.status_code, done.json()["status"]) == (200, "in-use")
    again = act(house, opened["token"], stay, "check-in")
    assert (again.json()["checked_in_at"], again.headers["idempotency-replayed"]) == (
        done.json()["checked_in_at"],
        "true",
    )


def test_before_the_window_the_refusal_says_when_in_the_readers_language(house, scene):
    reader, opened = scene()
    stay = reader.book(start="2023-07-17T20:00:00+08:00", end="2023-07-17T21:00:00+08:00").json()["id"]
    for language, word in (("en", "19:30"), ("zh-Hans-CN", "19:30")):
        no = act(house, opened["token"], stay, "check-in", **{"Accept-Language": language})
        assert no.json()["code"] == "window-not-open"
        assert word in no.json()["detail"]
    assert reader.get(f"/api/v1/reservations/{stay}").json()["status"] == "reserved"


def test_the_session_shows_only_its_readers_seat(house, scene, api_of):
    reader, opened = scene()
    other = api_of(house, "S2023002").book(seat="2f-centre-001").json()["id"]
    assert act(house, opened["token"], other, "check-in").status_code == 404
    assert opened["current"] is None
    assert reader.get("/api/v1/reservations").json()["items"] == []
