"""Row 3: a reply that is lost after the commit is given again, byte for byte, and the booking is made once."""

import pytest

from bench.faults import lost_reply

BOOKINGS = 80


def test_whoever_asks_again_with_the_same_key_has_one_booking_and_the_same_reply(tmp_path, site_file, free_port):
    seen = lost_reply.run(tmp_path, site_file, free_port(), bookings=BOOKINGS, seed=20230717)
    assert seen.good, seen
    assert seen.stored == BOOKINGS
    assert min(seen.losses["nothing came"], seen.losses["a part came"]) > BOOKINGS // 4


def test_a_reader_without_the_key_would_be_refused_or_booked_twice(tmp_path, site_file, free_port, monkeypatch):
    """The control: the same campaign with a new key at every try must not come out well."""
    numbers = iter(range(10**6))
    request = lost_reply.Wish.request
    monkeypatch.setattr(
        lost_reply.Wish,
        "request",
        lambda wish: request(wish).replace(b"Idempotency-Key: ", b"X-Forgotten: %d" % next(numbers)),
    )
    with pytest.raises((AssertionError, KeyError)):
        lost_reply.run(tmp_path, site_file, free_port(), bookings=8, seed=1)
