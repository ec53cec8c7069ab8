"""Many rows in one statement: as many as are asked for come, and as many as are given are stored, whatever their number."""

import gc
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.domain.refusals import Refusal
from booking.service.commands import Changed, OpenSession, Reserve
from booking.service.request_key import RequestKey
from booking.store.run_unit import RunUnit


def token_hash(number):
    return number.to_bytes(32, "big")


@pytest.mark.parametrize("count", [1, 3, 5, 63, 64, 65, 300])
def test_the_sessions_of_many_requests(desk, at, count):
    now, known = at("08:00"), range(0, count, 2)
    desk.do(
        *(
            OpenSession(
                reader=f"S{number % 40:03}",
                at=now,
                token_hash=token_hash(number),
                csrf=str(number),
                expires_at=now + timedelta(hours=1 if number % 3 else 0),
            )
            for number in known
        )
    )
    asked = [token_hash(number) for number in range(count)]
    found = desk.reads.sessions(asked, at("08:30"))
    assert found == {one: view for one in asked if (view := desk.reads.session(one, at("08:30")))}
    assert set(found) == {token_hash(number) for number in known if number % 3}


def test_of_a_large_batch_what_was_done_is_stored_and_what_was_refused_leaves_no_row(desk, at):
    commands = [
        Reserve(
            reader=f"S{number % 40:03}",
            at=at("09:00"),
            seat=f"centre-00{number % 3 + 1}",
            area=None,
            start=at("10:00"),
            end=at("12:00"),
            request=RequestKey(f"key-{number}", b"%032d" % number),
        )
        for number in range(350)
    ]
    first = desk.do(*commands)
    booked = [outcome for outcome in first if isinstance(outcome, Changed)]
    assert len(booked) == 3
    assert all(isinstance(outcome, Changed | Refusal) for outcome in first)
    with desk.direct() as db:
        assert db.execute("SELECT count(*) FROM idempotency").fetchone()[0] == 3
    again = desk.do(*commands)
    assert [outcome for outcome in again if isinstance(outcome, Changed)] == [
        replace(outcome, repeated=True) for outcome in booked
    ]
    assert [outcome for outcome in again if isinstance(outcome, Refusal)] == [
        outcome for outcome in first if isinstance(outcome, Refusal)
    ]


def test_a_run_leaves_nothing_to_the_collector(desk, at, collector_off):
    """Its facts, some thousand containers a batch, lay in a circle: a tenth of the release second was collecting them."""
    wishes = [
        Reserve(reader=f"S{n:03}", at=at("09:00"), seat=f"centre-00{n}", area=None, start=None, end=at("10:00"))
        for n in range(1, 6)
    ]
    assert all(isinstance(outcome, Changed) for outcome in desk.do(*wishes))
    assert not [one for one in gc.get_objects() if isinstance(one, RunUnit)]
