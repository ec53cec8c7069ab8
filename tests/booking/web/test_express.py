"""The express way of booking and the ordinary one are the same to a client; what is unusual goes the ordinary way."""

import asyncio
import json
from concurrent.futures import Future

import pytest

from booking.web.gather import MOST_AT_ONCE, Gathered
from booking.web.middleware import BodyLimit

ONE, OTHER = "S2023001", "S2023002"
BY_COOKIE = {"cookie": "something=else"}
"""A request with a cookie beside its token goes the ordinary way."""
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
    for name, headers in (("express", {}), ("ordinary", BY_COOKIE)):
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
    for headers in ({}, BY_COOKIE):
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
    again, by_cookie = client.book(headers=key), client.book(headers=key | BY_COOKIE)
    assert first.json() == again.json() == by_cookie.json()
    assert again.headers["idempotency-replayed"] == by_cookie.headers["idempotency-replayed"] == "true"
    assert booked(ordinary) == 2
    refused = [client.book(seat="2f-centre-066", headers=key | more).json() for more in ({}, BY_COOKIE)]
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
    for more in ({}, BY_COOKIE):
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


def test_what_one_turn_of_the_loop_asks_is_asked_at_once():
    asked = []

    def ask_all(questions):
        asked.append(list(questions))
        future = Future()
        future.set_result([question * 2 for question in questions])
        return future

    async def ask():
        gathered = Gathered(ask_all)
        first = await asyncio.gather(*(gathered.ask(n) for n in range(MOST_AT_ONCE + 1)))
        return first, await gathered.ask(500)

    answers, later = asyncio.run(ask())
    assert answers == [n * 2 for n in range(MOST_AT_ONCE + 1)]
    assert later == 1000
    assert [len(questions) for questions in asked] == [MOST_AT_ONCE, 1, 1]


def test_what_goes_wrong_is_told_to_all_who_asked_together():
    def ask_all(questions):
        future = Future()
        future.set_exception(OSError("the disk is full"))
        return future

    async def ask():
        gathered = Gathered(ask_all)
        return await asyncio.gather(gathered.ask(1), gathered.ask(2), return_exceptions=True)

    assert [type(answer) for answer in asyncio.run(ask())] == [OSError, OSError]


def test_a_question_that_cannot_even_be_asked_leaves_nobody_waiting():
    """A database that is away when the sessions are looked up: every request of that turn of the loop hung for ever."""

    def ask_all(questions):
        raise OSError("the database is away")

    async def ask():
        gathered = Gathered(ask_all)
        answers = [gathered.ask(n) for n in range(MOST_AT_ONCE + 1)]
        return await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), 30)

    assert {type(answer) for answer in asyncio.run(ask())} == {OSError}
