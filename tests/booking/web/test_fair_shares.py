"""Who may have which seat: cool-down after cancelling again and again, areas for groups, the share kept for walk-ups."""

from datetime import timedelta

import attrs
import pytest

from booking.service.commands import LoadPeople, Person

ONE, OTHER = "S2023001", "S2023002"
SEAT = "2f-centre-065"


def at(hhmm, day=17):
    return f"2023-07-{day}T{hhmm}:00+08:00"


SIX, EIGHT = at("18:00"), at("20:00")


def book(client, seat=SEAT, start=SIX, end=EIGHT, **more):
    return client.post("/api/v1/reservations", json={"seat": seat, "start": start, "end": end} | more).json()


def with_booking(**changes):
    return lambda site: attrs.evolve(
        site, policy=attrs.evolve(site.policy, booking=attrs.evolve(site.policy.booking, **changes))
    )


def with_area(area_id, **changes):
    return lambda site: attrs.evolve(
        site, areas=[attrs.evolve(area, **changes) if area.id == area_id else area for area in site.areas]
    )


def rounds(client, count, seat=SEAT):
    for _ in range(count):
        stay = book(client, seat)
        assert client.post(f"/api/v1/reservations/{stay['id']}/cancel").json()["status"] == "cancelled"


def test_cancelling_and_rebooking_one_seat_again_and_again_has_a_cool_down(api, house):
    """Cancelling and rebooking the same seat again and again has a cool-down."""
    client = api(ONE)
    rounds(client, 3)
    refused = book(client)
    assert (refused["code"], refused["policy_key"]) == ("cool-down", "policy.booking.rebook_limit")
    assert refused["next_allowed_at"] == at("17:08")
    assert "3" in refused["sentences"]["en"]
    assert book(api(OTHER))["status"] == "reserved"  # it is this reader's alone
    assert book(client, "2f-centre-066")["status"] == "reserved"


def test_it_ends_by_itself(api, house):
    client = api(ONE)
    rounds(client, 3)
    house.at("17:08")
    assert book(client)["status"] == "reserved"


def test_cancellations_far_apart_are_none(api, house):
    client = api(ONE)
    for hhmm in ("10:00", "11:30", "13:00"):
        house.at(hhmm)
        rounds(client, 1)
    assert book(client)["status"] == "reserved"


def test_the_best_seat_is_never_one_that_cools_down(api, house):
    client = api(ONE)
    rounds(client, 3)
    assert book(client, area="2f-centre")["seat"] != SEAT


@pytest.mark.parametrize(("limit", "code"), [(0, None), (4, None), (2, "cool-down")])
def test_the_key_decides_how_often(open_house, api_of, limit, code):
    client = api_of(open_house(with_booking(rebook_limit=limit)), ONE)
    done = 2 if limit == 2 else 3
    rounds(client, done)
    assert book(client).get("code") == code


def test_an_area_for_a_group_takes_its_readers_alone(open_house, api_of):
    """per-area eligibility"""
    house = open_house(with_area("2f-reserved", eligible=["postgraduate", "staff"]))
    house.do(LoadPeople(at=house.clock.now(), people=(Person(reader=ONE, name="林知夏", groups=("postgraduate",)),)))
    assert book(api_of(house, ONE), "2f-reserved-001")["status"] == "reserved"
    refused = book(api_of(house, OTHER), "2f-reserved-002")
    assert (refused["code"], refused["policy_key"], refused["status"]) == ("not-eligible", "areas.eligible", 403)
    assert book(api_of(house, OTHER), "2f-centre-001")["status"] == "reserved"
    # a refresh that says nothing of groups keeps them; one that says "none" takes them
    house.do(LoadPeople(at=house.clock.now(), people=(Person(reader=ONE, name="林知夏"),)))
    assert book(api_of(house, ONE), "2f-reserved-003", at("20:00"), at("21:00"))["status"] == "reserved"
    house.do(LoadPeople(at=house.clock.now(), people=(Person(reader=ONE, name="林知夏", groups=()),)))
    client = api_of(house, ONE)
    client.post(f"/api/v1/reservations/{client.get('/api/v1/reservations').json()['items'][0]['id']}/cancel")
    assert book(client, "2f-reserved-004", at("21:00"), at("22:00"))["code"] == "not-eligible"


def test_nobody_moves_into_an_area_that_is_not_for_them(open_house, api_of):
    house = open_house(with_area("2f-reserved", eligible=["postgraduate"]))
    client = api_of(house, OTHER)
    stay = book(client)["id"]
    answer = client.post(f"/api/v1/reservations/{stay}/move", json={"seat": "2f-reserved-002"})
    assert answer.json()["code"] == "not-eligible"


def test_without_the_key_every_area_is_for_everybody(api):
    assert book(api(OTHER), "2f-reserved-002")["status"] == "reserved"


@pytest.fixture
def shared(open_house):
    """A service that keeps 67 of 二层中厅's 68 seats for kiosks until 20 minutes before the start."""
    return open_house(with_area("2f-centre", walk_up_share=66.5 / 68, walk_up_release=timedelta(minutes=20)))


def test_the_last_free_seats_are_kept_for_kiosks(shared, api_of):
    """a walk-up share kept for kiosks"""
    assert book(api_of(shared, ONE), SEAT)["status"] == "reserved"  # 68 free, 67 kept
    refused = book(api_of(shared, OTHER), "2f-centre-001")
    assert (refused["code"], refused["policy_key"]) == ("kept-for-walk-ups", "areas.walk_up_share")
    assert refused["next_allowed_at"] == at("17:40")
    shared.at("17:40")
    assert book(api_of(shared, OTHER), "2f-centre-001")["status"] == "reserved"


def test_at_a_kiosk_they_are_given_out(shared, api_of, device_of):
    book(api_of(shared, ONE), SEAT)
    kiosk = device_of(shared, "k-2s", "kiosk")
    kiosk.enrol()
    session = kiosk.signed("POST", "/api/v1/kiosks/k-2s/sessions", {"card": "0000000002"}).json()
    walk_up = api_of(shared)
    walk_up.headers["authorization"] = f"Bearer {session['token']}"
    assert book(walk_up, "2f-centre-001")["status"] == "reserved"


def test_without_a_share_all_are_for_everybody(api):
    assert book(api(OTHER), "2f-centre-001")["status"] == "reserved"
