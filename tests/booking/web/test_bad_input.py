"""Bad input, field by field, for every operation of the API: "a clear error, nothing changed, an audit line".

What to send comes from the OpenAPI document; what must not change is every row of every table.
"""

import copy
import json

import apsw
import pytest

from booking.web.audit import NOTED

ONE, STAFF = "S2023001", "STAFF01"
UNTOUCHED = {"tries", "device_nonces", "sqlite_stat1", "sessions"}
"""Tables that a refused request may add to: the budgets themselves, and sessions that this test opens."""
TOO_LONG = "x" * 20_000
KINDS = {
    "string": ["", TOO_LONG, 7, None, [], {}, True, "\x00", "\ud800"],
    "integer": ["seven", 1.5, 2**80, None, [], {}],
    "number": ["seven", None, [], {}, True, 1e400],
    "boolean": ["perhaps", None, 7.5, [], {}],
    "array": ["one", 7, {}, None, [[]] * 2000],
    "object": ["one", 7, [], None],
}


def rows(house):
    """Return every row of every table that a refusal must leave alone."""
    database = apsw.Connection(str(house.database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = [
            row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        ]
        return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names if name not in UNTOUCHED}
    finally:
        database.close()


def resolved(document, schema):
    while "$ref" in schema:
        part = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            part = part[name]
        schema = part
    return schema


def example(document, schema):
    """Return something that the schema allows, as far as the schema tells."""
    schema = resolved(document, schema)
    for way in ("anyOf", "oneOf", "allOf"):
        if way in schema:
            return example(document, schema[way][0])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: example(document, part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return []
        case "string" if schema.get("format") == "date-time":
            return "2023-07-17T20:00:00+08:00"
        case "string":
            return "x" * max(1, schema.get("minLength", 1))
        case "boolean":
            return False
        case _:
            return schema.get("minimum", 1)


def kinds_of(document, schema):
    schema = resolved(document, schema)
    parts = [resolved(document, part) for part in schema.get("anyOf", [schema])]
    return {part.get("type") for part in parts}


def spoiled(document, schema):
    """Yield (what is wrong, body): each field missing, of another type, too long; fields unknown; no object at all."""
    schema = resolved(document, schema)
    good = example(document, schema)
    for name in schema.get("required", []):
        yield f"without {name}", {key: value for key, value in good.items() if key != name}
    for name, part in schema.get("properties", {}).items():
        allowed = kinds_of(document, part)
        for wrong in KINDS.get(next(iter(allowed - {"null"}), "string") or "string", []):
            if wrong is None and "null" in allowed:
                continue
            if (
                isinstance(wrong, str)
                and resolved(document, part).get("type") == "string"
                and wrong == ""
                and not resolved(document, part).get("minLength")
            ):
                continue
            body = copy.deepcopy(good)
            body[name] = wrong
            yield f"{name} = {str(wrong)[:20]!r}", body
    yield "a field that does not exist", good | {"nobody_knows_this": 1}


def operations(document):
    for path, found in sorted(document["paths"].items()):
        for method, operation in found.items():
            if method in {"post", "put", "delete"} and not path.startswith("/api/v1/devices"):
                yield method, path, operation


class Named(dict):
    """What stands for each part of a path; what is not listed is the name of nothing."""

    def __missing__(self, _part):
        return "none"


@pytest.fixture
def named(api):
    """Return what stands for each part of a path: a real reservation, and names of nothing."""
    booked = api(ONE).book().json()["id"]
    return Named(
        reservation_id=booked, channel="email", seat="2f-centre-001", kiosk_id="k-2s", command_id="c" * 16,
        day="2023-07-18", letter="1",
    )  # fmt: skip


def test_every_field_of_every_body_may_be_wrong_and_nothing_changes(house, api, named, caplog):
    caplog.set_level("INFO", "booking.audit")
    document = api().get("/openapi.json").json()
    clients = {"reader": api(ONE), "staff": api(STAFF)}
    before, sent = rows(house), 0
    for method, path, operation in operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if schema is None or path == "/api/v1/session":
            continue
        client = clients["staff" if "/staff/" in path else "reader"]
        where = path.format_map(named)
        bodies = [*spoiled(document, schema)]
        raw = [
            ("nothing", b""),
            ("no JSON", b"{"),
            ("an array", b"[]"),
            ("a word", b'"x"'),
            ("no UTF-8", b'{"x":"\xff"}'),
            ("deep", b"[" * 9000),
        ]
        for what, body in [*bodies, *raw]:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            caplog.clear()
            answer = client.request(method, where, content=content, headers={"content-type": "application/json"})
            sent += 1
            told = (method, path, what, answer.status_code, answer.text[:300])
            assert 400 <= answer.status_code < 500, told
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json", told
            assert problem["sentences"]["zh"], told
            assert problem["sentences"]["en"], told
            assert TOO_LONG[:200] not in answer.text, told
            if problem["code"] in NOTED:
                assert f"code={problem['code']}" in caplog.text, told
    assert sent > 150
    after = rows(house)
    assert [name for name in before if before[name] != after[name]] == []


def test_what_is_too_large_is_refused_before_it_is_read(house, api, named):
    before = rows(house)
    document = api().get("/openapi.json").json()
    client = api(ONE)
    for method, path, operation in operations(document):
        if "requestBody" in operation and "/screens/" not in path and path != "/api/v1/session":
            answer = client.request(method, path.format_map(named), content=b"x" * (65 * 1024))
            assert answer.status_code in {413, 401, 403, 404}, (path, answer.status_code)
    assert rows(house) == before


def test_an_expired_session_changes_nothing(house, api, named):
    client = api(ONE)
    house.at("16:38", day=30)
    before = rows(house)
    for method, path, _ in operations(api().get("/openapi.json").json()):
        if path not in {"/api/v1/session", "/api/v1/bindings"} and "/kiosks/" not in path:
            answer = client.request(method, path.format_map(named), json={})
            assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-required"), path
    assert rows(house) == before


def test_another_readers_things_are_as_unknown_as_none(house, api, named, caplog):
    caplog.set_level("INFO", "booking.audit")
    stranger = api("S2023002")
    before = rows(house)
    for verb in ("cancel", "step-away", "return", "extend", "end", "move"):
        caplog.clear()
        body = {"seat": "2f-centre-001"} if verb == "move" else None
        answer = stranger.post(f"/api/v1/reservations/{named['reservation_id']}/{verb}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-reservation"), verb
        assert "code=unknown-reservation reader=…02 address=127.0.0.1" in caplog.text
        assert named["reservation_id"] not in caplog.text
    assert rows(house) == before


def test_a_key_with_another_body_and_a_used_code_leave_a_line(house, api, caplog):
    caplog.set_level("INFO", "booking.audit")
    client, key = api(ONE), {"idempotency-key": "one-key"}
    assert client.book(headers=key).status_code == 201
    before = rows(house)
    assert client.book("2f-centre-064", headers=key).json()["code"] == "idempotency-key-reused"
    assert client.post("/api/v1/check-ins", json={"code": "X" * 22}).status_code in {400, 403}
    assert client.post("/api/v1/session", json={"reader": ONE, "password": "wrong"}).status_code == 401
    for code in ("idempotency-key-reused", "sign-in-failed"):
        assert f"code={code}" in caplog.text
    assert rows(house) == before


def test_an_ordinary_no_leaves_no_line(house, api, caplog):
    caplog.set_level("INFO", "booking.audit")
    api(ONE).book()
    assert api("S2023002").book().json()["code"] == "seat-taken"
    assert caplog.text == ""


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:00:00Z"])
@pytest.mark.parametrize("ahead", [False, True], ids=["ordinary", "express"])
def test_a_time_that_no_calendar_reckons_with_is_a_problem_and_no_fault(api, end, ahead):
    client = api("S2023001")
    headers = {} if ahead else {"Expect": "100-continue"}
    answer = client.post("/api/v1/reservations", json={"seat": "2f-centre-001", "end": end}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert "a year from 1970 to 8999" in answer.text
