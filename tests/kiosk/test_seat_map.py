"""Area maps: newer ones win, and what is shown ages only while nobody keeps it up to date."""

from datetime import UTC, datetime, timedelta

from kiosk.seat_map import SeatMaps
from messages.seats import AreaMap, SeatState, SeatStatus

NOW = datetime(2023, 7, 17, 8, 38, tzinfo=UTC)


def a_map(n, generation=1, status=SeatStatus.FREE):
    return AreaMap("a", generation, n, NOW, 1, 1, [SeatState("a-001", status)])


def test_maps_out_of_order_do_not_go_back():
    maps = SeatMaps().with_map(a_map(2, status=SeatStatus.TAKEN)).with_map(a_map(1))
    assert maps.status("a", "a-001") is SeatStatus.TAKEN
    assert maps.with_map(a_map(1, generation=2)).status("a", "a-001") is SeatStatus.FREE


def test_what_nobody_told_is_unknown():
    assert SeatMaps().status("a", "a-001") is None
    assert SeatMaps().free("a") is None
    assert SeatMaps().with_map(a_map(1)).status("a", "a-002") is None


def test_maps_age_from_the_moment_broker_or_booking_was_lost():
    maps = SeatMaps().with_link(NOW, up=True).with_booking(NOW, up=True)
    assert maps.live
    assert maps.age(NOW + timedelta(hours=3)) is None
    lost = maps.with_booking(NOW, up=False).with_link(NOW + timedelta(minutes=1), up=False)
    assert lost.age(NOW + timedelta(minutes=6)) == timedelta(minutes=6)
    link_back = lost.with_link(NOW + timedelta(minutes=7), up=True)
    assert not link_back.live, "booking may have gone while the broker was away"
    assert link_back.with_booking(NOW + timedelta(minutes=7), up=True).age(NOW) is None
