"""The draw: "collect for N seconds, then allocate by lot, published and verifiable", so that no bot has an advantage."""

import hashlib
import random
from datetime import date, time, timedelta

import attrs
import pytest

from booking.accounts import HASHER
from booking.domain import draw as lots
from booking.service import draws
from booking.service.commands import LoadPeople, Person, Sweep

pytestmark = pytest.mark.databases("sqlite", "postgres")

DAY = "2023-07-19"
START, END = f"{DAY}T09:00:00+08:00", f"{DAY}T11:00:00+08:00"
SEAT = "2f-centre-065"
PASSWORD = "correct horse"
CROWD = tuple(f"R{number:02}" for number in range(12))


def drawing(collect=timedelta(seconds=60)):
    """The shipped site, in which the day after tomorrow opens at 22:00, with a draw."""

    def change(site):
        policy = site.policy
        booking = attrs.evolve(policy.booking, advance_days=2, release_at=time(22))
        draw = attrs.evolve(policy.draw, collect=collect)
        return attrs.evolve(site, policy=attrs.evolve(policy, booking=booking, draw=draw))

    return change


@pytest.fixture
def opened(open_house):
    """`opened(...)`: a service at the moment at which 2023-07-19 opens, with a dozen readers more."""

    def open_(*args, now="22:00", **more):
        house = open_house(drawing(*args), now, **more)
        people = tuple(Person(reader=reader, name=reader, password_hash=CHEAP) for reader in CROWD)
        house.do(LoadPeople(at=house.clock.now(), people=people))
        return house

    return open_


CHEAP = HASHER.hash(PASSWORD)


def wish(client, seat=SEAT, key=None, **more):
    headers = {"idempotency-key": key} if key else {}
    return client.book(seat, START, END, headers=headers, **more)


def held(house):
    house.at("22:01")
    house.do(Sweep(at=house.clock.now()))


def test_wishes_are_collected_and_then_granted_by_lot(opened, api_of):
    """wishes are collected for a while, then allocated by lot, published and verifiable"""
    house = opened()
    clients = {reader: api_of(house, reader) for reader in CROWD[:6]}
    for reader, client in clients.items():
        answer = wish(client, key=f"key-of-{reader}")
        assert answer.status_code == 202, answer.text
        assert answer.json()["decided_at"] == "2023-07-17T22:01:00+08:00"
        assert answer.json()["ticket"] == lots.ticket_of(f"key-of-{reader}")
        assert client.get("/api/v1/reservations").json()["items"] == []
    before = api_of(house).get(f"/api/v1/draws/{DAY}").json()
    assert (before["seed"], before["wishes"], before["tickets"]) == (None, 6, [])

    held(house)
    after = api_of(house).get(f"/api/v1/draws/{DAY}").json()
    assert after["commitment"] == before["commitment"]
    assert [ticket["place"] for ticket in after["tickets"]] == [1, 2, 3, 4, 5, 6]
    assert [ticket["outcome"] for ticket in after["tickets"]] == ["granted", *["seat-taken"] * 5]
    winner = next(reader for reader in clients if lots.ticket_of(f"key-of-{reader}") == after["tickets"][0]["ticket"])
    for reader, client in clients.items():
        (own,) = client.get("/api/v1/draw-entries").json()["items"]
        kinds = [note["kind"] for note in client.get("/api/v1/notifications").json()["items"]]
        assert (own["outcome"] == "granted") == (reader == winner)
        assert kinds == (["reserved"] if reader == winner else ["draw-lost"])
        booked = client.get("/api/v1/reservations").json()["items"]
        assert [one["seat"] for one in booked] == ([SEAT] if reader == winner else [])


def test_anybody_can_check_it(opened, api_of):
    """As docs/draw.md tells: SHA-256 of the seed is the commitment; sorted by SHA-256(seed ‖ ticket) are the places."""
    house = opened()
    for reader in CROWD:
        assert wish(api_of(house, reader)).status_code == 202
    held(house)
    published = api_of(house).get(f"/api/v1/draws/{DAY}").json()
    seed = bytes.fromhex(published["seed"])
    assert hashlib.sha256(seed).hexdigest() == published["commitment"]
    tickets = [ticket["ticket"] for ticket in published["tickets"]]
    assert len(set(tickets)) == len(CROWD)
    assert tickets == sorted(tickets, key=lambda ticket: hashlib.sha256(seed + ticket.encode()).digest())


def test_the_commitment_is_public_before_the_first_wish(opened, api_of):
    house = opened(now="21:30")
    house.do(Sweep(at=house.clock.now()))
    (published,) = api_of(house).get("/api/v1/draws").json()["items"]
    house.at("22:00")
    assert wish(api_of(house, CROWD[0])).status_code == 202
    held(house)
    assert api_of(house).get(f"/api/v1/draws/{DAY}").json()["commitment"] == published["commitment"]


def test_without_a_draw_whoever_is_first_has_it(opened, api_of):
    """The same site with another `policy.draw.collect`."""
    house = opened(timedelta())
    assert wish(api_of(house, CROWD[0])).status_code == 201
    assert wish(api_of(house, CROWD[1])).json()["code"] == "seat-taken"


def test_a_longer_collection_takes_later_wishes(opened, api_of):
    house = opened(timedelta(seconds=180))
    house.at("22:02")
    answer = wish(api_of(house, CROWD[0]))
    assert (answer.status_code, answer.json()["decided_at"]) == (202, "2023-07-17T22:03:00+08:00")


def test_afterwards_and_for_other_days_bookings_are_decided_at_once(opened, api_of):
    house = opened()
    client = api_of(house, CROWD[0])
    today = client.book(SEAT, "2023-07-18T09:00:00+08:00", "2023-07-18T11:00:00+08:00")
    assert today.status_code == 201
    wish(api_of(house, CROWD[1]))
    held(house)
    assert wish(client, "2f-centre-064").status_code == 201


def test_while_the_draw_is_held_nobody_slips_in(opened, api_of):
    house = opened()
    wish(api_of(house, CROWD[0]))
    house.at("22:01")
    answer = wish(api_of(house, CROWD[1]))
    assert (answer.status_code, answer.json()["code"]) == (409, "draw-under-way")
    assert answer.json()["policy_key"] == "policy.draw.collect"
    assert answer.json()["next_allowed_at"] is not None
    held(house)
    assert wish(api_of(house, CROWD[1])).json()["code"] == "seat-taken"


def test_one_wish_a_reader_and_the_last_one_counts(opened, api_of):
    house = opened()
    client = api_of(house, CROWD[0])
    for seat in ("2f-centre-001", "2f-centre-002", "2f-centre-003"):
        wish(client, seat, key=f"k{seat}")
    assert api_of(house).get(f"/api/v1/draws/{DAY}").json()["wishes"] == 1
    again = wish(client, "2f-centre-003", key="k2f-centre-003")
    assert (again.status_code, again.json()["ticket"]) == (202, lots.ticket_of("k2f-centre-003"))
    held(house)
    (booked,) = client.get("/api/v1/reservations").json()["items"]
    assert booked["seat"] == "2f-centre-003"


def test_this_seat_else_the_best_of_its_area(opened, api_of):
    house = opened()
    clients = [api_of(house, reader) for reader in CROWD[:3]]
    for client in clients:
        assert wish(client, json={"area": "2f-centre"}).status_code == 202
    held(house)
    booked = [client.get("/api/v1/reservations").json()["items"][0]["seat"] for client in clients]
    assert len(set(booked)) == 3
    assert SEAT in booked


def test_a_wish_can_be_taken_out_while_wishes_are_collected(opened, api_of):
    house = opened()
    client = api_of(house, CROWD[0])
    assert client.delete(f"/api/v1/draw-entries/{DAY}").status_code == 404
    wish(client)
    assert client.delete(f"/api/v1/draw-entries/{DAY}").status_code == 204
    wish(client)
    house.at("22:01")
    late = client.delete(f"/api/v1/draw-entries/{DAY}")
    assert (late.status_code, late.json()["code"]) == (409, "not-possible-now")


def test_what_cannot_be_wished_for_is_refused_at_once(opened, api_of):
    house = opened()
    client = api_of(house, CROWD[0])
    assert client.book("2f-nowhere-1", START, END).json()["code"] == "unknown-seat"
    assert client.book(SEAT, START, f"{DAY}T11:07:00+08:00").json()["code"] == "off-grid"
    assert client.book(SEAT, "2023-07-20T09:00:00+08:00", "2023-07-20T11:00:00+08:00").json()["code"] == "too-far-ahead"
    assert api_of(house).get(f"/api/v1/draws/{DAY}").status_code == 404


def test_late_twice_or_in_parts_it_grants_the_same(opened, api_of, monkeypatch):
    house = opened()
    for reader in CROWD:
        wish(api_of(house, reader), key=reader)
    monkeypatch.setattr(draws, "MOST_AT_ONCE", 5)
    house.at("23:30")
    for _ in range(2):
        house.do(Sweep(at=house.clock.now()))
        assert api_of(house).get(f"/api/v1/draws/{DAY}").json()["held_at"] is None
    house.do(Sweep(at=house.clock.now()))
    first = api_of(house).get(f"/api/v1/draws/{DAY}").json()
    house.do(Sweep(at=house.clock.now()))
    assert api_of(house).get(f"/api/v1/draws/{DAY}").json() == first
    assert [ticket["outcome"] for ticket in first["tickets"]].count("granted") == 1
    assert first["tickets"][0]["outcome"] == "granted"


def test_the_order_does_not_depend_on_who_came_first():
    entries = [
        lots.Entry(
            id=str(number), day=date(2023, 7, 19), reader=f"R{number}", seat=None, area="a", start=None, end=None,
            channel="web", entered_at=None, ticket=lots.ticket_of(str(number)),
        )
        for number in range(50)
    ]  # fmt: skip
    shuffled = random.Random(7).sample(entries, len(entries))
    assert lots.drawn(b"s" * 32, entries) == lots.drawn(b"s" * 32, shuffled)
    assert lots.drawn(b"s" * 32, entries) != lots.drawn(b"t" * 32, entries)


def test_each_place_is_as_likely_for_everybody():
    """1,000 seeds: each of ten tickets comes first about a hundred times."""
    tickets = [lots.ticket_of(str(number)) for number in range(10)]
    first = [min(tickets, key=lambda ticket: lots.lot(seed.to_bytes(32, "big"), ticket)) for seed in range(1000)]
    assert all(60 < first.count(ticket) < 140 for ticket in tickets)


def test_the_pages_in_both_languages(opened, browser_of):
    house = opened()
    browser = browser_of(house)
    browser.sign_in(CROWD[0])
    page = browser.get(f"/areas/2f-centre?date={DAY}&start={START}&end={END}&seat={SEAT}".replace("+", "%2B"))
    answer = browser.submit(page, "/reservations")
    assert answer.url.path == f"/draws/{DAY}"
    assert "等待抽签" in answer.text
    assert "22:01" in answer.text
    assert "等待抽签" in browser.get("/").text
    assert "由抽签决定" in page.text
    gone = browser.submit(answer, f"/draws/{DAY}/withdraw")
    assert "正在收集申请" in gone.text
    page = browser.get(f"/areas/2f-centre?date={DAY}&start={START}&end={END}&seat={SEAT}".replace("+", "%2B"))
    browser.submit(page, "/reservations")
    held(house)
    browser.cookies.set("language", "en")
    done = browser.get(f"/draws/{DAY}")
    assert "Granted" in done.text or "已中签" in done.text
    assert browser.get("/draws/2023-07-25").status_code == 404
