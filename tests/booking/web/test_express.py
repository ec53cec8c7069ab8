"""The express way of booking and the ordinary one are the same to a client; what is unusual goes the ordinary way."""

import asyncio
import gc
import json
import socket
from concurrent.futures import Future

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from booking.web.gather import MOST_AT_ONCE, Gathered
from booking.web.middleware import BodyLimit

ONE, OTHER = "S2023001", "S2023002"
ORDINARILY = {"expect": "100-continue"}
"""A request whose client waits to be asked for the body goes the ordinary way."""
PATH = "/api/v1/reservations"
DAY = "2023-07-17T{}:00+08:00"


@pytest.fixture
def ordinary(monkeypatch):
    """The requests that were handed on: what stands behind the express way notes them."""
    handed_on = []
    through = BodyLimit.__call__

    async def call(self, scope, receive, send):
        if scope["type"] == "http":
            handed_on.append((scope["method"], scope["path"]))
        await through(self, scope, receive, send)

    monkeypatch.setattr(BodyLimit, "__call__", call)
    return handed_on


def booked(handed_on):
    return handed_on.count(("POST", "/api/v1/reservations"))


@pytest.mark.parametrize(
    ("language", "wish"),
    [
        ("en", {"seat": "2f-centre-065", "start": DAY.format("17:00"), "end": DAY.format("20:00")}),
        ("zh-CN", {"area": "2f-centre", "end": DAY.format("20:00")}),
        ("de", {"seat": "2f-centre-066", "area": "2f-centre", "end": "2023-07-17T12:00:00Z"}),
        ("en", {"seat": "2f-centre-999", "end": DAY.format("20:00")}),
        ("zh-CN", {"area": "9f", "end": DAY.format("20:00")}),
        ("de", {"seat": "2f-centre-065", "start": DAY.format("17:00"), "end": DAY.format("22:00")}),
        ("en", {"seat": "2f-centre-065", "start": "2023-07-19T09:00:00+08:00", "end": "2023-07-19T10:00:00+08:00"}),
        ("zh-CN", {"seat": "2f-centre-065", "start": DAY.format("17:15"), "end": DAY.format("18:00")}),
    ],
)
def test_both_ways_answer_alike(open_house, api_of, ordinary, wish, language):
    answers = []
    for name, headers in (("express", {}), ("ordinary", ORDINARILY)):
        client = api_of(open_house(name=name), ONE)
        del ordinary[:]
        answers.append(client.post("/api/v1/reservations", json=wish, headers={"accept-language": language} | headers))
        assert booked(ordinary) == (name == "ordinary")
    one, other = answers
    assert one.status_code == other.status_code
    bodies = [answer.json() for answer in answers]
    for body in bodies:
        body.pop("id", None)
    assert bodies[0] == bodies[1]
    hide = {"date", "location"}
    assert {k: v for k, v in one.headers.items() if k not in hide} == {
        k: v for k, v in other.headers.items() if k not in hide
    } | ({"content-length": one.headers["content-length"]})


def test_refusals_that_need_another_reader_are_alike_too(open_house, api_of, ordinary):
    said = []
    for headers in ({}, ORDINARILY):
        house = open_house(name=f"house-{len(said)}")
        assert api_of(house, ONE).book().status_code == 201
        del ordinary[:]
        client = api_of(house, OTHER)
        taken = [client.book(headers=headers).json() for _ in range(2)]  # the second is a kept one
        house.at("16:39", day=18)  # "from 20:00" has a day in it by now
        client = api_of(house, OTHER)
        later = client.book(end="2023-07-18T20:00:00+08:00", headers=headers)
        said.append((taken[0], later.status_code))
        assert taken[0] == taken[1]
        assert booked(ordinary) == (3 if headers else 0)
    assert said[0] == said[1]


def test_a_repeated_request_gets_its_first_answer_whichever_way_it_comes(api, ordinary):
    client, key = api(ONE), {"idempotency-key": "a-key-of-mine"}
    first = client.book(headers=key)
    again, ordinarily = client.book(headers=key), client.book(headers=key | ORDINARILY)
    assert first.json() == again.json() == ordinarily.json()
    assert again.headers["idempotency-replayed"] == ordinarily.headers["idempotency-replayed"] == "true"
    assert booked(ordinary) == 2
    refused = [client.book(seat="2f-centre-066", headers=key | more).json() for more in ({}, ORDINARILY)]
    assert refused[0]["code"] == "idempotency-key-reused"
    assert refused[0] == refused[1]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"authorization": ""}, None),
        ({"authorization": "Basic abc"}, None),
        ({"authorization": "Bearer " + "t" * 200}, None),
        ({"authorization": "Bearer nobody's"}, None),
        ({"idempotency-key": "k" * 129}, None),
        ({"idempotency-key": ""}, None),
        ({}, b'{"seat": "2f-centre-065", "end": "tomorrow"}'),
        ({}, b'{"seat": "", "end": "2023-07-17T20:00:00+08:00"}'),
        ({}, b'{"seat": "2f-centre-065", "end": "2023-07-17T20:00:00"}'),
        ({}, b'{"seat": "2f-centre-065", "end": "2023-07-17T20:00:00+08:00", "reader": "S2023002"}'),
        ({}, b"{"),
        ({}, b""),
        ({}, b"x" * 70_000),
    ],
)
def test_what_is_unusual_is_judged_the_ordinary_way_and_books_nothing(api, ordinary, headers, body):
    client = api(ONE)
    good = json.dumps({"seat": "2f-centre-065", "end": DAY.format("20:00")}).encode()
    del ordinary[:]
    answer = client.post("/api/v1/reservations", content=good if body is None else body, headers=headers)
    assert booked(ordinary) == 1
    assert answer.status_code in {400, 401, 413, 422}
    assert answer.json()["code"] in {"invalid-request", "sign-in-required"}
    assert client.get("/api/v1/reservations").json()["items"] == []


def test_a_key_used_for_something_else_is_noted_whichever_way_it_comes(api, caplog):
    client, key = api(ONE), {"idempotency-key": "a-key-of-mine"}
    client.book(headers=key)
    lines = []
    for more in ({}, ORDINARILY):
        caplog.clear()
        with caplog.at_level("INFO", logger="booking.audit"):
            client.book(seat="2f-centre-066", headers=key | more)
        lines.append([record.getMessage() for record in caplog.records if record.name == "booking.audit"])
    assert lines[0] == lines[1]
    assert "code=idempotency-key-reused reader=" in lines[0][0]


def test_a_fault_on_the_express_way_is_a_problem_as_everywhere(api, house):
    client = api(ONE)
    house.store.writer.stop()
    answer = client.book()
    assert answer.status_code in {500, 503}
    assert answer.json()["code"] in {"fault", "unavailable"}
    assert answer.headers["content-security-policy"]


# ---- cookies ----------------------------------------------------------------------------------------------------------


def test_a_browser_of_ours_books_the_express_way_and_is_answered_alike(open_house, browser_of, ordinary):
    """ "This seat is taken" in the language that the browser chose, and a booking."""
    said = []
    for name, headers in (("express", {}), ("ordinary", ORDINARILY)):
        house = open_house(name=name)
        client = browser_of(house, ONE)
        client.cookies.set("seatgate-language", "en")
        own = {"origin": house.url, "accept": "application/json", "accept-language": "zh-CN"} | headers
        del ordinary[:]
        answers = [
            client.post(PATH, json={"seat": seat, "end": DAY.format("20:00")}, headers=own)
            for seat in ("2f-centre-999", "2f-centre-065")
        ]
        assert booked(ordinary) == (0 if name == "express" else 2)
        assert [answer.status_code for answer in answers] == [404, 201]
        bodies = [answer.json() for answer in answers]
        bodies[1].pop("id")
        assert bodies[0]["detail"] == bodies[0]["sentences"]["en"]
        said.append(bodies)
    assert said[0] == said[1]


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://[", "http://127.0.0.1", "file://x"])
@pytest.mark.parametrize("way", [{}, ORDINARILY])
def test_a_cookie_without_our_own_origin_books_nothing(browser, house, ordinary, origin, way):
    client = browser(ONE)
    del ordinary[:]
    headers = {"accept": "application/json"} | ({"origin": origin} if origin else {}) | way
    answer = client.post(PATH, json={"seat": "2f-centre-065", "end": DAY.format("20:00")}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross-site")
    assert booked(ordinary) == 1
    assert house.reads.reservations(ONE, house.clock.now(), limit=5, cursor=None).items == []


def test_a_token_goes_before_a_cookie(api, browser, ordinary):
    """The cookie is one reader's, the token another's: who books is the token's, whichever way, from whatever page."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser(ONE).cookies.items())
    del ordinary[:]
    for way in ({}, ORDINARILY):
        answer = api(OTHER).book(
            headers={"cookie": cookie, "origin": "https://elsewhere.example"} | way, seat="2f-centre-066"
        )
        assert answer.status_code == (409 if way else 201)
    assert booked(ordinary) == 1
    assert len(api(OTHER).get(PATH).json()["items"]) == 1
    assert api(ONE).get(PATH).json()["items"] == []


def app_of(web, anybody, *, confirmed=True):
    """A client that acts for `web`'s reader as an app; `anybody` is a client without a session."""
    code = web.post("/api/v1/activation-codes").json()["code"]
    asked = anybody.post("/api/v1/bindings", json={"reader": ONE, "code": code, "app": "一考即过"}).json()
    if confirmed:
        assert web.post(f"/api/v1/bindings/{asked['id']}/confirm").status_code == 200
    anybody.headers["authorization"] = f"Bearer {asked['token']}"
    return anybody


def test_a_bound_app_books_the_express_way_and_is_answered_alike(open_house, api_of, ordinary):
    said = []
    for name, headers in (("express", {}), ("ordinary", ORDINARILY)):
        house = open_house(name=name)
        app = app_of(api_of(house, ONE), api_of(house))
        del ordinary[:]
        answers = [app.book(seat=seat, headers=headers) for seat in ("2f-centre-999", "2f-centre-065")]
        assert booked(ordinary) == (0 if name == "express" else 2)
        assert [answer.status_code for answer in answers] == [404, 201]
        stay = answers[1].json().pop("id")
        assert house.reads.reservation(ONE, stay, house.clock.now()).history[0].source == "app"
        said.append([answers[0].json(), answers[1].json() | {"id": ""}])
    assert said[0] == said[1]


def test_an_app_that_nobody_confirmed_and_an_apps_token_in_a_cookie_book_nothing(api, house, ordinary):
    waiting = app_of(api(ONE), api(), confirmed=False)
    assert waiting.book().json()["code"] == "binding-pending"
    bound = app_of(api(ONE), api())
    token = bound.headers.pop("authorization").split()[1]
    del ordinary[:]
    for way in ({}, ORDINARILY):
        refused = bound.book(headers={"cookie": f"seatgate={token}", "origin": house.url} | way)
        assert refused.json()["code"] == "sign-in-required"
    assert booked(ordinary) == 2
    assert api(ONE).get(PATH).json()["items"] == []


# ---- what connections do ----------------------------------------------------------------------------------------------


@pytest.fixture
def plug(house):
    with socket.create_connection(("127.0.0.1", house.socket.getsockname()[1]), timeout=30) as connection:
        yield connection


def raw(token, seat="2f-centre-065", *lines, version="1.1", body=None):
    content = body or json.dumps({"seat": seat, "end": DAY.format("20:00")}).encode()
    head = [f"POST {PATH} HTTP/{version}", "Host: here", f"Authorization: Bearer {token}", *lines]
    return "\r\n".join([*head, f"Content-Length: {len(content)}", "", ""]).encode() + content


def answers_on(plug, count):
    """The (status, lower-case head, body) of so many answers on a connection."""
    got, found = b"", []
    while len(found) < count:
        head, separator, rest = got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if head.startswith(b"HTTP/1.1 100"):
            got = rest
            continue
        if separator and len(rest) >= length:
            found.append((int(head[9:12]), head.decode().lower(), json.loads(rest[:length])))
            got = rest[length:]
            continue
        piece = plug.recv(65536)
        assert piece, f"closed after {found} and {got!r}"
        got += piece
    return found


def test_requests_that_follow_at_once_are_answered_in_their_order(api, plug, ordinary):
    token = api(ONE).headers["authorization"].split()[1]
    del ordinary[:]
    plug.sendall(b"".join(raw(token, f"2f-centre-0{n}") for n in (65, 66, 67)))
    told = answers_on(plug, 3)
    assert [status for status, _, _ in told] == [201, 409, 409]
    assert told[0][2]["seat"] == "2f-centre-065"
    assert booked(ordinary) == 2  # what had to wait for its turn


def test_a_body_that_comes_in_pieces_is_one(api, plug, ordinary):
    token = api(ONE).headers["authorization"].split()[1]
    del ordinary[:]
    plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = raw(token)
    for part in (request[:40], request[40:-30], request[-30:-1], request[-1:]):
        plug.sendall(part)
    assert answers_on(plug, 1)[0][0] == 201
    assert booked(ordinary) == 0


@pytest.mark.parametrize(("lines", "version"), [(["Connection: close"], "1.1"), ([], "1.0")])
def test_a_connection_that_is_to_be_closed_is_closed(api, plug, ordinary, lines, version):
    token = api(ONE).headers["authorization"].split()[1]
    del ordinary[:]
    plug.sendall(raw(token, "2f-centre-065", *lines, version=version))
    assert "connection: close" in answers_on(plug, 1)[0][1]
    assert plug.recv(1) == b""
    assert booked(ordinary) == 0


def test_of_several_tokens_the_first_counts_whichever_way(api, plug):
    first, second = (api(reader).headers["authorization"].split()[1] for reader in (ONE, OTHER))
    twice = f"Authorization: Bearer {second}"
    plug.sendall(raw(first, "2f-centre-065", twice))
    assert answers_on(plug, 1)[0][0] == 201
    plug.sendall(raw(first, "2f-centre-066", twice, "Expect: 100-continue"))
    assert answers_on(plug, 1)[0][0] == 409
    assert api(OTHER).get(PATH).json()["items"] == []


def test_who_hangs_up_before_the_answer_has_booked_and_leaves_no_trace_in_the_log(api, house, caplog, wait_for):
    client = api(ONE)
    token = client.headers["authorization"].split()[1]
    with socket.create_connection(("127.0.0.1", house.socket.getsockname()[1]), timeout=30) as plug:
        plug.sendall(raw(token))
    wait_for(lambda: client.get(PATH).json()["items"], "the booking")
    assert client.book(seat="2f-centre-066").status_code == 409
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_line_about_a_misused_key_names_the_client_behind_the_proxy(api, caplog):
    client, key = api(ONE), {"idempotency-key": "a-key-of-mine", "x-forwarded-for": "203.0.113.9"}
    client.book(headers=key)
    with caplog.at_level("INFO", logger="booking.audit"):
        client.book(seat="2f-centre-066", headers=key)
    assert "address=203.0.113.9" in caplog.text


def test_answers_of_the_express_way_are_counted(api):
    client = api(ONE)
    assert client.book().status_code == 201
    assert client.book(seat="2f-centre-066").status_code == 409
    counts = client.get("/metrics").text
    for status in (201, 409):
        assert f'seatgate_http_requests_total{{method="POST",route="{PATH}",status="{status}"}} 1.0' in counts
    assert f'seatgate_http_seconds_count{{route="{PATH}"}} 2.0' in counts


# ---- asking together --------------------------------------------------------------------------------------------------


def told_to_all(ask_all, questions):
    """What each question that is asked in one turn of a loop is told: its answer, or what went wrong."""
    told = {}

    async def ask():
        all_told = asyncio.Event()

        def tell(asked, done):
            outcomes = [done.exception()] * len(asked) if done.exception() else done.result()
            told.update(zip(asked, outcomes, strict=True))
            if len(told) == len(questions):
                all_told.set()

        gathered = Gathered(ask_all, tell)
        for question in questions:
            gathered.ask(question)
        await asyncio.wait_for(all_told.wait(), 30)

    asyncio.run(ask())
    return told


def done(*, result=None, error=None):
    future = Future()
    if error:
        future.set_exception(error)
    else:
        future.set_result(result)
    return future


def test_what_one_turn_of_the_loop_asks_is_asked_at_once():
    asked = []

    def ask_all(questions):
        asked.append(len(questions))
        return done(result=[question * 2 for question in questions])

    told = told_to_all(ask_all, range(MOST_AT_ONCE + 1))
    assert told == {n: n * 2 for n in range(MOST_AT_ONCE + 1)}
    assert asked == [MOST_AT_ONCE, 1]


def test_what_goes_wrong_is_told_to_all_who_asked_together():
    error = OSError("the disk is full")
    assert told_to_all(lambda _questions: done(error=error), [1, 2]) == {1: error, 2: error}


def test_a_question_that_cannot_even_be_asked_leaves_nobody_waiting():
    """A database that is away when the sessions are looked up: every request of that turn of the loop hung for ever."""

    def ask_all(questions):
        raise OSError("the database is away")

    told = told_to_all(ask_all, range(MOST_AT_ONCE + 1))
    assert {type(outcome) for outcome in told.values()} == {OSError}


def test_a_connection_that_is_over_leaves_nothing_to_the_collector(api, house, collector_off, wait_for):
    """Thousands of them, each in a circle with its last request, took as long to collect as to serve."""
    token = api(ONE).headers["authorization"].split()[1]
    with socket.create_connection(("127.0.0.1", house.socket.getsockname()[1]), timeout=30) as plug:
        plug.sendall(raw(token) + raw(token, "2f-centre-999"))
        answers_on(plug, 2)
        own = {one for one in gc.get_objects() if isinstance(one, RequestResponseCycle)}
        assert any(one.scope["path"] == PATH for one in own)
        del own
    wait_for(
        lambda: (
            not any(isinstance(one, RequestResponseCycle) and one.scope["path"] == PATH for one in gc.get_objects())
        ),
        "what the connection had is gone",
    )


# ---- hostile input ----------------------------------------------------------------------------------------------------

JUNK = st.binary(max_size=40).map(lambda junk: junk.translate(None, b"\r\n\0"))
BODIES = st.sampled_from(
    [
        b'{"seat": "2f-centre-999", "end": "2023-07-17T20:00:00+08:00"}',
        b'{"seat": "2f-centre-999", "end": "2023-07-17T20:00+08:00"}',
        b'{"seat": "2f-centre-999", "end": 1689595200}',
        b'{"seat": "2f-centre-999", "seat": "9", "end": "2023-07-17T20:00:00Z"}',
        b'{"seat": "\xff", "end": "2023-07-17T20:00:00Z"}',
        b'{"seat": null, "area": null, "end": "2023-07-17T20:00:00Z"}',
        b'{"end": "9999-12-31T23:59:59+00:00"}',
        b'{"area": "2f-centre", "end": "0001-01-01T00:00:00+14:00"}',
        b'\xef\xbb\xbf{"end": "2023-07-17T20:00:00Z"}',
        b"[" * 5000,
        b"{}",
    ]
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_is_sent_both_ways_say_the_same(house, api, data):
    """Nothing of this books: what differs would be a rule, a language or a check of who asks."""
    if not hasattr(house, "known_token"):
        house.known_token = api(ONE).headers["authorization"].split()[1].encode()
    token, own = house.known_token, house.url.encode()
    headers = {
        b"Authorization": st.sampled_from([b"Bearer " + token, b"bearer  " + token + b" ", b"Basic " + token, token]),
        b"Cookie": st.sampled_from(
            [b"seatgate=" + token, b'seatgate="' + token + b'"', b"seatgate-language=en; seatgate=" + token, b";;=;"]
        ),
        b"Origin": st.sampled_from([own, own + b"/", own.upper(), b"null", b"http://[", b"https://evil.example"]),
        b"Accept-Language": st.sampled_from([b"en", b"zh-CN,en;q=0.1", b"x" * 300, b","]),
        b"Idempotency-Key": st.sampled_from([b"", b"k", b"\xe9", b"k" * 129]),
    }
    sent = []
    for name, usual in headers.items():
        drawn = data.draw(st.lists(usual | JUNK, max_size=2), label=name.decode())
        sent += [name + b": " + value for value in drawn]
    body = data.draw(BODIES)
    said = []
    for way in ([], [b"Expect: 100-continue"]):
        length = b"Content-Length: %d" % len(body)
        head = [b"POST " + PATH.encode() + b" HTTP/1.1", b"Host: " + own[7:], b"Connection: close", *sent, *way, length]
        with socket.create_connection(("127.0.0.1", house.socket.getsockname()[1]), timeout=30) as plug:
            plug.sendall(b"\r\n".join([*head, b"", body]))
            got = b"".join(iter(lambda: plug.recv(65536), b""))
        status, _, rest = got.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n")
        said.append((status, rest.partition(b"\r\n\r\n")[2]))
    assert said[0] == said[1]
    assert b" 5" not in said[0][0]
    assert b" 201 " not in said[0][0]
