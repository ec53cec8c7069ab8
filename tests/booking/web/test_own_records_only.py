"""A reader sees their own alone: every GET that the API describes is asked as somebody else, and nothing of anyone shows."""

import hashlib

import pytest

from booking.service.commands import RecordGateEvent
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
NAME, CARD = "林知夏", "0006547886"


@pytest.fixture
def traces(api, house):
    """What ONE leaves behind everywhere: ids by the name that a path gives them."""
    mine = api(ONE)
    stay = mine.book().json()["id"]
    gate = house.site.gates[0]
    event = AccessEvent(
        portal=gate.portals[0].id,
        direction=Direction.IN,
        credential=Credential(CredentialKind.CARD, CARD),
        outcome=AccessOutcome.REPORTED,
        occurred_at=house.clock.now(),
        monotonic_ns=1,
        boot_id="boot",
        epoch=1,
        sequence=1,
    )
    digest = hashlib.sha256(b"x").digest()
    house.do(RecordGateEvent(gate=gate.id, at=house.clock.now(), event=event, payload=b"x", digest=digest))
    code = mine.post("/api/v1/activation-codes").json()["code"]
    app = mine.post("/api/v1/bindings", json={"reader": ONE, "code": code, "app": "trace-app"}).json()["id"]
    record = mine.get("/api/v1/gate-records").json()["items"][0]["id"]
    known = {
        "reservation_id": stay,
        "binding_id": app,
        "record_id": record,
        "area_id": "2f-centre",
        "command": "c" * 22,
    }
    return known, [ONE, NAME, CARD, stay, app, record, "trace-app"]


def gets(api):
    paths = api().get("/openapi.json").json()["paths"]
    return [path for path, operations in sorted(paths.items()) if "get" in operations and not path.endswith("/events")]


@pytest.mark.parametrize("who", [OTHER, None])
def test_no_get_of_the_api_shows_anything_of_another_reader(api, traces, who):
    """ "a reader sees only their own records; presence of others cannot be looked up" """
    known, hidden = traces
    client = api(who)
    asked = 0
    for pattern in gets(api):
        path = pattern.format_map(
            {**known, "device_id": "k-2s", "kiosk_id": "k-2s", "day": "2023-07-18"} | {"secret": "x" * 22}
        )
        window = {"start": "2023-07-17T16:38:00+08:00", "end": "2023-07-17T20:00:00+08:00"}
        for parameters in ({}, window, {"reader": ONE}, {"reader": ONE, "card": CARD, "q": NAME}):
            answer = client.get(path, params=parameters)
            asked += 1
            assert answer.status_code < 500, path
            shown = [text for text in hidden if text in answer.text and text not in (path, *parameters.values())]
            assert not shown, (path, parameters)
            assert not [text for text in (NAME, CARD) if text in answer.text], path
    assert asked >= 20


def test_the_same_walk_as_oneself_finds_all_of_it(api, traces):
    """The walk above can fail: who owns them sees each of these."""
    known, hidden = traces
    mine = api(ONE)
    seen = ""
    for pattern in gets(api):
        if "{device_id}" not in pattern and "{kiosk_id}" not in pattern:
            seen += mine.get(pattern.format_map({**known, "secret": "x", "day": "2023-07-18"})).text
    assert not [text for text in hidden if text not in seen and text not in (NAME, CARD, ONE)]


def test_pages_of_another_reader_show_nothing_either(browser, traces):
    known, hidden = traces
    phone = browser(OTHER)
    stay, record = known["reservation_id"], known["record_id"]
    for path in (
        *("/", "/areas", "/areas/2f-centre", "/gate-records", "/notifications", "/me", "/me/activation"),
        f"/reservations/{stay}",
        f"/gate-records/{record}/dispute",
        "/staff",
        "/staff/gates",
        "/staff/desk",
    ):
        page = phone.get(path)
        assert not [text for text in hidden if text in page.text and text not in path], path
    assert phone.get(f"/reservations/{stay}").status_code == 404
