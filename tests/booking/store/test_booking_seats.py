"""Booking over a real database: one winner per seat, one seat per reader, whatever the order of arrival."""

import threading
from dataclasses import replace

import pytest

from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Status
from booking.service.commands import Changed, MoveSeat, Reserve, Stored, Sweep
from booking.service.request_key import RequestKey
from booking.store.rows import RESERVATION, outcome_json, us, values_of


def test_a_booked_seat_shows_on_the_map_in_the_list_and_in_the_history(desk, at):
    stay = desk.booked("S001", "centre-005", "09:00", "12:00")
    assert desk.reads.current("S001", at("09:00")).id == stay.id
    assert [item.seat for item in desk.reads.reservations("S001", at("09:00")).items] == ["centre-005"]
    assert desk.changes(stay) == ["reserved"]
    states = {state.seat: state for state in desk.reads.area_map("centre", at("09:10")).seats}
    assert states["centre-005"].status == "reserved"
    assert states["centre-005"].until == at("09:30")
    assert states["centre-010"].status == "closed"


def test_two_threads_with_two_hundred_wishes_for_ten_seats_make_ten_bookings(open_desk, at):
    desk = open_desk()
    seats = [f"centre-{n:03}" for n in range(1, 10)] + ["east-001"]
    wishes = [(f"S{n % 40:03}", seats[(n * 7 + n // 10) % 10]) for n in range(200)]
    outcomes = []

    def ask(mine):
        futures = [
            desk.writer.submit(
                [Reserve(reader=reader, at=at("08:00"), seat=seat, area=None, start=at("09:00"), end=at("12:00"))]
            )
            for reader, seat in mine
        ]
        outcomes.extend(future.result(30)[0] for future in futures)

    threads = [threading.Thread(target=ask, args=(wishes[half::2],)) for half in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [outcome.reservation for outcome in outcomes if isinstance(outcome, Changed)]
    assert len(outcomes) == 200
    assert sorted(stay.seat for stay in won) == sorted(seats)
    assert len({stay.reader for stay in won}) == 10
    refused = {outcome.code for outcome in outcomes if isinstance(outcome, Refusal)}
    assert refused <= {RefusalCode.SEAT_TAKEN, RefusalCode.READER_OVERLAP}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [({"reader": "S002"}, "seat-overlap"), ({"seat": "centre-006"}, "reader-overlap")],
)
@pytest.mark.parametrize("status", ["reserved", "in-use", "away"])
def test_storage_itself_refuses_an_overlap_whoever_inserts_it(desk, database, change, constraint, status):
    stay = desk.booked("S001", "centre-005", "09:00", "12:00")
    other = dict(zip(RESERVATION.split(", "), values_of(stay), strict=True))
    other |= {"id": "X", "start_us": other["end_us"] - 1, "end_us": other["end_us"] + 10, "status": status} | change
    desk.close()
    insert = f"INSERT INTO reservations ({RESERVATION}, due_us) VALUES ({', '.join('?' * len(other))}, 1)"
    with desk.direct() as db:
        with pytest.raises(database.refused, match=constraint):
            db.execute(insert, tuple(other.values()))
        db.execute(insert, tuple((other | {"start_us": other["end_us"] - 10}).values()))  # touching is no overlap
        with pytest.raises(database.refused, match=constraint):
            db.execute("UPDATE reservations SET start_us = start_us - 1 WHERE id = 'X'")


def test_a_cancelled_one_cannot_be_brought_back_over_another(desk, database):
    first = desk.booked("S001", "centre-005", "09:00", "12:00")
    desk.act(first, Action.CANCEL, "09:05")
    desk.booked("S002", "centre-005", "10:00", "12:00", now="09:06")
    desk.close()
    with desk.direct() as db, pytest.raises(database.refused, match="seat-overlap"):
        db.execute("UPDATE reservations SET status = 'reserved', due_us = 1 WHERE id = ?", (first.id,))


def test_the_same_request_gives_the_same_answer_and_another_body_is_refused(desk, at):
    wish = Reserve(
        reader="S001",
        at=at("09:00"),
        seat="centre-005",
        area=None,
        start=None,
        end=at("12:00"),
        request=RequestKey("k1", b"body"),
    )
    first, again = desk.do(wish), desk.do(wish)
    assert again == Changed(first.reservation, repeated=True)
    other = Reserve(
        reader="S001",
        at=at("09:00"),
        seat="centre-006",
        area=None,
        start=None,
        end=at("12:00"),
        request=RequestKey("k1", b"other body"),
    )
    assert desk.do(other).code is RefusalCode.KEY_REUSED
    foreign = desk.do(
        Reserve(
            reader="S002",
            at=at("09:00"),
            seat="centre-006",
            area=None,
            start=None,
            end=at("12:00"),
            request=RequestKey("k1", b"body"),
        )
    )
    assert isinstance(foreign, Changed), "another reader's key is another key"


def test_a_refused_request_is_judged_again_and_books_once_the_seat_is_free(desk, at):
    first = desk.booked("S001", "centre-005", "09:00", "12:00")
    wish = Reserve(
        reader="S002",
        at=at("09:00"),
        seat="centre-005",
        area=None,
        start=at("09:00"),
        end=at("12:00"),
        request=RequestKey("k", b"b"),
    )
    refused = desk.do(wish)
    assert refused.code is RefusalCode.SEAT_TAKEN
    assert refused.next_allowed_at == at("12:00")
    assert desk.do(wish) == refused
    desk.act(first, Action.CANCEL, "09:00")
    booked = desk.do(wish)
    assert desk.do(wish) == Changed(booked.reservation, repeated=True)
    assert desk.do(replace(wish, request=RequestKey("k", b"other body"))).code is RefusalCode.KEY_REUSED


def test_a_refusal_leaves_its_key_free_for_another_request(desk, at):
    desk.booked("S001", "centre-005", "09:00", "12:00")
    wish = Reserve(
        reader="S002",
        at=at("09:00"),
        seat="centre-005",
        area=None,
        start=at("09:00"),
        end=at("12:00"),
        request=RequestKey("k", b"b"),
    )
    assert desk.do(wish).code is RefusalCode.SEAT_TAKEN
    other = replace(wish, seat="centre-006", request=RequestKey("k", b"other body"))
    assert isinstance(desk.do(other), Changed)
    assert desk.do(wish).code is RefusalCode.KEY_REUSED


def test_a_refusal_that_an_earlier_version_stored_is_given_again(open_desk, at):
    desk = open_desk()
    wish = Reserve(
        reader="S002",
        at=at("09:00"),
        seat="centre-005",
        area=None,
        start=at("09:00"),
        end=at("12:00"),
        request=RequestKey("k", b"b"),
    )
    stored = Refusal(RefusalCode.SEAT_TAKEN, next_allowed_at=at("12:00"), facts={"label": "005"})
    desk.close()
    with desk.direct() as db:
        db.execute(
            "INSERT INTO idempotency (reader, key, digest, outcome, created_us) VALUES (?, ?, ?, ?, ?)",
            ("S002", "k", b"b", outcome_json(stored), us(at("08:59"))),
        )
    assert open_desk().do(wish) == stored


def test_a_missed_seat_is_free_for_the_next_reader_without_waiting_for_the_sweeper(desk, at):
    """请在预约时间开始前30分钟到预约时间开始后30分钟内签到，否则会被记录违约一次"""
    missed = desk.booked("S001", "centre-005", "09:00", "12:00")
    assert desk.book("S002", "centre-005", "now", "12:00", now="09:29").code is RefusalCode.SEAT_TAKEN
    assert desk.status(missed, "09:29") is Status.RESERVED
    assert desk.status(missed, "09:30") is Status.NO_SHOW
    desk.booked("S002", "centre-005", "now", "12:00", now="09:30")
    assert desk.changes(missed) == ["reserved", "missed"]


def test_this_seat_else_the_best_of_its_area(desk):
    desk.booked("S001", "centre-005", "09:00", "12:00")
    assert desk.booked("S002", "centre-005", "09:00", "12:00", area="centre").seat == "centre-004"
    assert desk.booked("S003", None, "09:00", "12:00", area="centre").seat == "centre-001"
    assert desk.book("S004", None, "09:00", "12:00", area="nowhere").code is RefusalCode.UNKNOWN_AREA


def test_a_full_area_says_so(desk):
    for n in range(4):
        desk.booked(f"S00{n}", None, "09:00", "12:00", area="east")
    assert desk.book("S009", None, "09:00", "12:00", area="east").code is RefusalCode.AREA_FULL
    assert desk.booked("S009", None, "12:00", "13:00", area="east", now="09:00").area == "east"


def test_one_failing_command_spoils_neither_its_neighbours_nor_itself(desk, at):
    wish = {"at": at("09:00"), "area": None, "start": None, "end": at("12:00")}
    outcomes = desk.do(
        Reserve(reader="S001", seat="centre-001", **wish),
        Reserve(reader="NOBODY", seat="centre-002", **wish),
        Reserve(reader="S002", seat="centre-003", **wish),
    )
    assert isinstance(outcomes[0], Changed)
    assert outcomes[1] == Refusal(RefusalCode.FAULT)
    assert isinstance(outcomes[2], Changed)
    assert {s.seat for s in desk.reads.area_map("centre", at("09:01")).seats if s.status == "reserved"} == {
        "centre-001",
        "centre-003",
    }


def test_a_sweep_late_or_twice_gives_the_same(desk, at):
    stay = desk.booked("S001", "centre-005", "09:00", "12:00")
    for _ in range(2):
        assert desk.do(Sweep(at=at("15:00"))) == Stored()
    assert desk.changes(stay) == ["reserved", "missed"]
    assert desk.reads.reservation("S001", stay.id, at("15:00")).closed_at == at("09:30")


def test_a_listener_that_fails_stops_neither_the_writer_nor_the_other_listeners(desk):
    heard = []
    desk.writer.on_commit(lambda _: 1 / 0)
    desk.writer.on_commit(heard.append)
    desk.booked("S001", "centre-005", "09:00", "12:00")
    desk.booked("S002", "east-001", "09:00", "12:00")
    assert desk.writer.alive
    assert heard[:1] == [frozenset({"centre"})]


def test_a_move_stays_within_its_building_and_frees_the_old_seat(desk, at):
    stay = desk.booked("S001", "centre-001", "18:00", "20:00", now="09:00")
    away = desk.do(MoveSeat(reader="S001", at=at("09:00"), reservation=stay.id, seat="annex-001"))
    assert away.code is RefusalCode.OTHER_BUILDING
    moved = desk.do(MoveSeat(reader="S001", at=at("09:00"), reservation=stay.id, seat="east-001"))
    assert (moved.reservation.area, moved.reservation.seat) == ("east", "east-001")
    assert desk.booked("S002", "centre-001", "18:00", "20:00", now="09:00").status is Status.RESERVED


def test_a_full_area_says_when_the_first_of_its_seats_is_free_again(open_desk, at):
    """Every refusal names its rule and the next allowed time; asked alone and in a batch it is the same."""
    desk = open_desk()
    ends = {"001": "11:00", "002": "10:00", "003": "12:00", "004": "11:00"}
    for number, (label, end) in enumerate(ends.items()):
        desk.booked(f"S{number:03}", f"east-{label}", "09:00", end, now="08:00")
    alone = desk.book("S010", None, "09:00", "10:00", now="08:00", area="east")
    assert (alone.code, alone.next_allowed_at) == (RefusalCode.AREA_FULL, at("10:00"))
    wishes = [
        Reserve(reader=reader, at=at("08:00"), seat=None, area="east", start=at("09:00"), end=at("10:00"))
        for reader in ("S011", "S012", "S013", "S014", "S015")
    ]
    assert {(one.code, one.next_allowed_at) for one in desk.do(*wishes)} == {(RefusalCode.AREA_FULL, at("10:00"))}
    assert desk.booked("S020", None, "10:00", "11:00", now="08:00", area="east").seat == "east-002"
