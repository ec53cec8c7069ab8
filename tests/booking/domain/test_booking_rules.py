"""When a reader may book: the manual's rules as tables; each refusal names its key and when it will be allowed."""

from datetime import time, timedelta

import attrs
import pytest

from booking.domain.booking import own_bookings_refuse, wished_interval
from booking.domain.calendar import opening
from booking.domain.extension import extended_end, limit_of
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation, Status
from booking.domain.seating import best_seat
from booking.domain.window import Interval, next_on_grid, on_grid
from config.policy import BookingPolicy, Policy
from config.schema import Venue
from config.values import Text

MIN = timedelta(minutes=1)


def wish(places, at, start, end, *, now, area="east", day=17, end_day=None):
    return wished_interval(
        places,
        places.area(area),
        None if start == "now" else at(start, day),
        at(end, end_day or day),
        at(now),
    )


@pytest.mark.parametrize(
    ("start", "end", "now", "starts"),
    [
        ("now", "17:00", "16:38:20", "16:38"),  # 2023-7-17 16:38 17:00: its list shows a start between the hours
        ("now", "20:00", "16:13", "16:13"),  # 现在 … 20:00
        ("16:38", "17:00", "16:38:59", "16:38"),  # the same, written out
        ("17:00", "20:00", "16:13", "17:00"),  # 17:00 18:00 19:00 …
        ("now", "16:00", "15:50", "15:50"),  # 2023-7-17 15:50 16:00: ten minutes
        ("18:00", "22:00", "08:00", "18:00"),  # until closing
    ],
)
def test_what_the_manual_shows_is_allowed(places, at, start, end, now, starts):
    assert wish(places, at, start, end, now=now) == Interval(at(starts), at(end))


@pytest.mark.parametrize("day", [17, 18])
def test_today_and_tomorrow_can_be_booked(places, at, day):
    """选择场馆（图书馆）以及日期（当日和次日）"""
    assert isinstance(wish(places, at, "18:00", "20:00", now="12:00", day=day), Interval)


@pytest.mark.parametrize(
    ("start", "end", "now", "more", "code", "key", "next_allowed"),
    [
        ("16:00", "18:00", "16:01", {}, "in-the-past", None, None),
        ("18:00", "20:00", "12:00", {"day": 19}, "too-far-ahead", "policy.booking.advance_days", ("00:00", 18)),
        ("18:00", "20:00", "12:00", {"day": 25}, "too-far-ahead", "policy.booking.advance_days", ("00:00", 24)),
        ("07:00", "09:00", "06:00", {}, "outside-opening-hours", "venues.opens", ("08:00", 17)),
        ("now", "09:00", "07:30", {}, "outside-opening-hours", "venues.opens", ("08:00", 17)),
        ("20:00", "23:00", "12:00", {}, "outside-opening-hours", "venues.closes", None),
        ("20:00", "09:00", "12:00", {"end_day": 18}, "outside-opening-hours", "venues.closes", None),
        ("17:30", "19:00", "12:00", {}, "off-grid", "policy.booking.grid", None),
        ("17:00", "18:20", "12:00", {}, "off-grid", "policy.booking.grid", None),
        ("now", "17:00", "16:55", {}, "too-short", "policy.booking.min_length", None),
        ("09:00", "09:00", "08:00", {}, "too-short", "policy.booking.min_length", None),
        ("10:00", "09:00", "08:00", {}, "too-short", "policy.booking.min_length", None),
        ("09:00", "14:00", "08:00", {}, "too-long", "areas.max_length", None),
    ],
)
def test_what_is_refused_names_its_key_and_the_next_allowed_time(
    places, at, start, end, now, more, code, key, next_allowed
):
    refusal = wish(places, at, start, end, now=now, **more)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.policy_key) == (code, key)
    assert refusal.next_allowed_at == (at(*next_allowed) if next_allowed else None)


def test_different_areas_have_different_longest_stays(places, at):
    """不同区域采取不同最大预约时长"""
    assert wish(places, at, "09:00", "14:00", now="08:00", area="centre") == Interval(at("09:00"), at("14:00"))
    assert wish(places, at, "09:00", "14:00", now="08:00", area="east").code is RefusalCode.TOO_LONG


def test_where_now_is_not_offered_it_is_refused_by_its_key(places, at):
    policy = Policy(booking=BookingPolicy(allow_now=False))
    strict = attrs.evolve(places.site, policy=policy)
    places = type(places)(strict, places.seats_of)
    assert wish(places, at, "now", "18:00", now="16:38").policy_key == "policy.booking.allow_now"
    assert isinstance(wish(places, at, "now", "18:00", now="16:00"), Interval)


def stay(at, start, end, number=1, **more):
    return Reservation(
        id=str(number),
        reader="S1",
        area="east",
        seat=f"east-{number:03}",
        start=at(start),
        end=at(end),
        status=more.pop("status", Status.RESERVED),
        created_at=at("08:00"),
        **more,
    )


def test_a_reader_is_in_one_place_at_a_time_and_holds_two_at_most(places, at):
    own = [stay(at, "09:00", "10:00"), stay(at, "12:00", "14:00", 2)]
    overlap = own_bookings_refuse(places, own, Interval(at("13:00"), at("15:00")))
    assert (overlap.code, overlap.next_allowed_at) == (RefusalCode.READER_OVERLAP, at("14:00"))
    third = own_bookings_refuse(places, own, Interval(at("10:00"), at("12:00")))
    assert (third.code, third.policy_key) == (RefusalCode.TOO_MANY_ACTIVE, "policy.booking.max_active")
    assert third.next_allowed_at == at("10:00")
    assert own_bookings_refuse(places, own[:1], Interval(at("10:00"), at("12:00"))) is None


@pytest.mark.parametrize(
    ("until", "now", "seat_next", "reader_next", "expected"),
    [
        (None, "11:00", None, None, "13:00"),
        (None, "11:00", "13:00", None, "13:00"),
        (None, "11:00", "12:30", None, "12:30"),
        ("13:00", "11:59", None, None, "13:00"),
        (None, "10:59", None, None, "extend-too-early"),
        (None, "11:00", "12:00", None, "extend-blocked"),
        (None, "11:00", None, "12:00", "reader-overlap"),
        ("14:00", "11:00", None, None, "too-long"),
        ("13:00", "11:00", "12:30", None, "extend-blocked"),
        ("12:40", "11:00", None, None, "off-grid"),
        ("12:00", "11:00", None, None, "invalid-request"),
    ],
)
def test_extending_stops_at_the_next_booking_the_readers_own_and_the_longest_stay(
    places, at, until, now, seat_next, reader_next, expected
):
    """点击…续约图标可以…续约"""
    used = stay(at, "09:00", "12:00", status=Status.IN_USE)
    limit = limit_of(places, used, at(seat_next) if seat_next else None, at(reader_next) if reader_next else None)
    end = extended_end(places, used, at(until) if until else None, at(now), limit)
    if isinstance(end, Refusal):
        assert end.code == expected
        if expected == "extend-too-early":
            assert (end.policy_key, end.next_allowed_at) == ("policy.extend.opens_before_end", at("11:00"))
    else:
        assert end == at(expected)


def test_a_start_from_now_is_extended_onto_the_grid_and_never_past_closing(places, at):
    used = stay(at, "19:40", "21:00", status=Status.IN_USE)
    assert extended_end(places, used, None, at("20:30"), limit_of(places, used, None, None)) == at("22:00")
    last = stay(at, "20:00", "22:00", status=Status.IN_USE)
    refusal = extended_end(places, last, None, at("21:30"), limit_of(places, last, None, None))
    assert (refusal.code, refusal.policy_key) == (RefusalCode.OUTSIDE_OPENING_HOURS, "venues.closes")


def test_midnight_is_the_end_of_the_day(places, at):
    venue = Venue("v", Text("", ""), time(0), time.max)
    hours = opening(venue, None, at("12:00").date(), places.zone).hours
    assert hours == Interval(at("00:00"), at("00:00", 18))
    assert on_grid(at("17:00"), 60 * MIN, places.zone)
    assert not on_grid(at("17:00:01"), 60 * MIN, places.zone)
    assert next_on_grid(at("17:00"), 60 * MIN, places.zone) == at("18:00")
    assert next_on_grid(at("23:50"), 25 * MIN, places.zone) == at("00:00", 18)


@pytest.mark.parametrize(
    ("held", "wished", "expected"),
    [
        ((), None, "001"),
        (("001",), None, "003"),
        (("001", "004"), None, "006"),
        (("005",), "005", "004"),
        (("005", "004"), "005", "006"),
        (tuple(f"{n:03}" for n in range(1, 10)), None, None),  # 010 is closed
        (("009",), "010", "008"),
    ],
)
def test_the_best_seat_is_near_the_wished_one_else_away_from_neighbours(places, held, wished, expected):
    chosen = best_seat(
        places.seats_of["centre"], {f"centre-{n}" for n in held}, places.seat(f"centre-{wished}") if wished else None
    )
    assert (chosen.label if chosen else None) == expected
