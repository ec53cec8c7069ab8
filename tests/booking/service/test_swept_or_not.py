"""Whether time's work is written down before something is learned of, or after, makes no difference (found by bench.model).

"A sweeper whose work depends on the data alone: run it late, twice or on two workers and the result is the same."
"""

from datetime import timedelta

import attrs
import pytest

from booking.domain.places import Places
from booking.domain.refusals import RefusalCode
from booking.domain.reservation import Action, Status
from booking.domain.violations import Standing
from booking.service.commands import AnswerGateRecord, Channel, CheckInByCode, CheckOutByCode, Sweep
from booking.service.floor import CloseFloor
from config.policy import BookingPolicy, ExitMeans, GatePolicy, Policy, SignOutPolicy
from config.values import Text

pytestmark = pytest.mark.parametrize("swept", [False, True])


@pytest.fixture
def gate(desk, open_gate):
    return open_gate(desk)


def sweep(desk, at, now, swept):
    if swept:
        desk.do(Sweep(at=at(now)))


def sits(desk, start, end, *, seat="centre-005", arrived=None):
    stay = desk.booked("S001", seat, start, end, now="08:00")
    desk.act(stay, Action.CHECK_IN, arrived or start, channel=Channel.KIOSK)
    return stay


def disputes(desk, at, now):
    record = desk.reads.gate_records("S001")[0]
    return desk.do(AnswerGateRecord(reader="S001", at=at(now), record=record.id, confirm=False))


def test_a_passage_does_nothing_to_what_was_booked_after_it(desk, gate, at, swept):
    """In without a reservation → recorded only: also where we learn of it once there is one."""
    stay = desk.booked("S001", "centre-005", "now", "12:00", now="09:10")
    sweep(desk, at, "09:11", swept)
    gate.passes("in", "09:00", received="09:11")
    assert desk.status(stay, "09:11") is Status.RESERVED


def test_a_late_arrival_in_a_stay_that_is_over_does_not_check_in_the_next_one(desk, gate, at, swept):
    """the one in use or away, else the one whose window is open: judged by when it happened"""
    sits(desk, "09:00", "10:00")
    following = desk.booked("S001", "centre-006", "10:00", "12:00", now="08:00")
    sweep(desk, at, "10:05", swept)
    gate.passes("in", "09:45", received="10:05")
    assert desk.status(following, "10:05") is Status.RESERVED


@pytest.mark.parametrize("means", [ExitMeans.AWAY, ExitMeans.END])
def test_an_exit_learned_of_after_the_end_changes_nothing(open_desk, open_gate, places, at, means, swept):
    """Late evidence may lift a consequence, never impose one, end a stay or evict anyone."""
    rules = Policy(gate=GatePolicy(exit_means=means))
    desk = open_desk(Places(attrs.evolve(places.site, policy=rules), places.seats_of))
    stay = sits(desk, "09:00", "10:00")
    following = desk.booked("S001", "centre-005", "10:00", "12:00", now="08:00")
    sweep(desk, at, "10:01", swept)
    open_gate(desk).passes("out", "09:58", received="10:01")
    view = desk.reads.reservation("S001", stay.id, at("10:01"))
    assert (view.status, view.closed_at) == (Status.ENDED, at("10:00"))
    assert desk.status(following, "10:01") is Status.IN_USE


def test_signing_out_after_the_end_has_nothing_to_sign_out(desk, at, swept):
    stay = sits(desk, "09:00", "10:00")
    sweep(desk, at, "10:01", swept)
    scanned = CheckOutByCode(reader="S001", at=at("10:01"), seen_at=at("09:58"), kiosk=7, step=1)
    assert desk.do(scanned).code is RefusalCode.NOTHING_TO_CHECK_OUT
    assert desk.reads.reservation("S001", stay.id, at("10:01")).closed_at == at("10:00")


def test_a_return_learned_of_after_the_end_changes_nothing(desk, gate, at, swept):
    stay = sits(desk, "09:00", "10:00")
    desk.act(stay, Action.STEP_AWAY, "09:40")
    sweep(desk, at, "10:01", swept)
    gate.passes("in", "09:58", received="10:01")
    assert desk.reads.reservation("S001", stay.id, at("10:01")).returned_at is None
    scanned = CheckInByCode(reader="S001", at=at("10:02"), seen_at=at("09:59"), kiosk=7, step=1)
    assert desk.do(scanned).code is RefusalCode.NOTHING_TO_CHECK_IN


def test_who_is_there_since_the_stay_before_can_sign_out(desk, at, swept):
    """Back-to-back reservations of one reader on one seat carry attendance over."""
    sits(desk, "09:00", "10:00")
    second = desk.booked("S001", "centre-005", "10:00", "12:00", now="09:00")
    sweep(desk, at, "10:00", swept)
    desk.do(CheckOutByCode(reader="S001", at=at("11:00"), seen_at=at("11:00"), kiosk=7, step=1))
    assert desk.status(second, "11:00") is Status.ENDED


def test_a_scan_at_the_end_does_not_sign_out_of_the_next_stay_instead(desk, at, swept):
    """Seen ten seconds before the first ends, posted after: the next, checked in ahead of its time, is not what was left."""
    first = sits(desk, "09:00", "10:00")
    second = desk.booked("S001", "centre-006", "10:00", "12:00", now="09:00")
    desk.act(second, Action.CHECK_IN, "09:40", channel=Channel.KIOSK)
    sweep(desk, at, "10:01", swept)
    scanned = CheckOutByCode(reader="S001", at=at("10:01"), seen_at=at("09:59"), kiosk=7, step=1)
    assert desk.do(scanned).code is RefusalCode.NOTHING_TO_CHECK_OUT
    assert desk.status(first, "10:01") is Status.ENDED
    assert desk.status(second, "10:01") is Status.IN_USE


def test_a_late_arrival_is_one_in_the_stay_that_follows_as_well(desk, gate, at, swept):
    """Back-to-back reservations of one reader on one seat carry attendance over: however late the first arrival is told."""
    first = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    second = desk.booked("S001", "centre-005", "10:00", "11:00", now="08:00")
    sweep(desk, at, "12:00", swept)
    gate.passes("in", "09:10", received="12:01")
    assert (desk.status(first, "12:01"), desk.status(second, "12:01")) == (Status.ENDED, Status.ENDED)
    assert desk.reads.reservation("S001", second.id, at("12:01")).checked_in_at == at("10:00")
    standings = {one.standing for one in desk.reads.violations("S001", at("12:01")).items}
    assert standings <= {Standing.LIFTED}


def test_what_time_has_changed_since_is_not_undone(desk, gate, at, swept):
    stay = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    gate.passes("in", "09:10", received="09:40")
    sweep(desk, at, "10:05", swept)
    assert disputes(desk, at, "10:05").code is RefusalCode.NOT_POSSIBLE_NOW
    assert desk.status(stay, "10:05") is Status.ENDED


def test_not_me_restores_the_miss_that_late_evidence_lifted(desk, gate, at, swept):
    """ "not me" restores the earlier state where still free, flags the card, never penalises."""
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    sweep(desk, at, "09:31", swept)
    gate.passes("in", "09:10", received="09:40")
    assert disputes(desk, at, "09:45").reservation.status is Status.NO_SHOW
    assert desk.status(stay, "09:46") is Status.NO_SHOW
    assert [one.standing for one in desk.reads.violations("S001", at("09:46")).items if one.standing != "lifted"] == []


def test_who_is_found_to_have_come_is_not_blamed_for_not_signing_out(open_desk, open_gate, places, at, swept):
    """Late evidence may lift a consequence, never impose one"""
    rules = Policy(
        sign_out=SignOutPolicy(required=True, grace=timedelta(minutes=20)), gate=GatePolicy(exit_means=ExitMeans.END)
    )
    desk = open_desk(Places(attrs.evolve(places.site, policy=rules), places.seats_of))
    stay = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    sweep(desk, at, "11:00", swept)
    open_gate(desk).passes("in", "09:10", received="11:00")
    assert desk.status(stay, "11:00") is Status.NOT_SIGNED_OUT
    assert [one for one in desk.reads.violations("S001", at("11:01")).items if one.standing != "lifted"] == []


def test_who_signs_out_signs_out_of_the_earlier_of_two_stays(open_desk, places, at, swept):
    """the one in use or away: the earlier one, whichever is still open when we learn of it"""
    rules = Policy(sign_out=SignOutPolicy(required=True, grace=timedelta(minutes=20)))
    desk = open_desk(Places(attrs.evolve(places.site, policy=rules), places.seats_of))
    first, second = sits(desk, "09:00", "10:00"), sits(desk, "10:00", "11:00", seat="centre-006")
    sweep(desk, at, "10:21", swept)
    desk.do(CheckOutByCode(reader="S001", at=at("10:21"), seen_at=at("10:05"), kiosk=7, step=1))
    assert [desk.status(stay, "10:21") for stay in (first, second)] == [Status.ENDED, Status.IN_USE]


@pytest.mark.parametrize(
    ("closes", "status", "end"), [(None, Status.ENDED, "12:00"), ("11:00", Status.IN_USE, "11:00")]
)
def test_who_is_found_to_have_come_has_no_place_in_what_staff_closed_meanwhile(
    desk, gate, at, closes, status, end, swept
):
    """who is there is told and ended without a violation"""
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    sweep(desk, at, "09:31", swept)
    closed = {"area": "centre", "seat": None, "start": closes and at(closes), "end": at("11:30")}
    desk.do(CloseFloor(id="c1", staff="S030", at=at("09:40"), reason=Text("修", "repair"), **closed))
    gate.passes("in", "09:10", received="10:00")
    view = desk.reads.reservation("S001", stay.id, at("10:00"))
    assert (view.status, view.end) == (status, at(end))
    assert [one for one in desk.reads.violations("S001", at("10:01")).items if one.standing != "lifted"] == []


def test_what_is_undone_has_no_place_in_what_staff_closed_meanwhile(open_desk, open_gate, places, at, swept):
    rules = Policy(gate=GatePolicy(exit_means=ExitMeans.END))
    desk = open_desk(Places(attrs.evolve(places.site, policy=rules), places.seats_of))
    stay = sits(desk, "09:00", "12:00")
    open_gate(desk).passes("out", "09:30")
    closed = {"area": "centre", "seat": None, "start": None, "end": None, "reason": Text("修", "repair")}
    desk.do(CloseFloor(id="c1", staff="S030", at=at("09:40"), **closed))
    sweep(desk, at, "09:44", swept)
    assert disputes(desk, at, "09:45").reservation.status is Status.ENDED
    assert desk.status(stay, "09:45") is Status.ENDED


def test_evidence_for_the_first_of_two_carries_over_to_the_second(desk, gate, at, swept):
    """Back-to-back reservations of one reader on one seat carry attendance over."""
    desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    second = desk.booked("S001", "centre-005", "10:00", "12:00", now="08:00")
    sweep(desk, at, "10:05", swept)
    gate.passes("in", "09:10", received="10:05")
    assert desk.status(second, "10:05") is Status.IN_USE


def test_an_absence_that_carries_over_is_on_the_map_before_somebody_writes_it_down(desk, at, swept):
    """Nothing waits for a tick to be true: a state read at any moment is right for that moment."""
    first = sits(desk, "09:00", "10:00")
    second = desk.booked("S001", "centre-005", "10:00", "11:00", now="09:10")
    desk.act(first, Action.STEP_AWAY, "09:50")
    sweep(desk, at, "10:29", swept)
    assert desk.reads.current("S001", at("10:29")).status is Status.AWAY
    seats = {seat.seat: str(seat.status) for seat in desk.reads.area_map("centre", at("10:29")).seats}
    assert seats["centre-005"] == "away"
    assert desk.reads.current("S001", at("10:29")).id == second.id


def test_a_chain_that_nobody_has_written_down_at_all(open_desk, places, at, swept):
    rules = Policy(booking=BookingPolicy(max_active=3))
    desk = open_desk(Places(attrs.evolve(places.site, policy=rules), places.seats_of))
    sits(desk, "09:00", "10:00")
    desk.booked("S001", "centre-005", "10:00", "11:00", now="09:05")
    third = desk.booked("S001", "centre-005", "11:00", "12:00", now="09:05")
    sweep(desk, at, "11:45", swept)
    assert desk.status(third, "11:45") is Status.IN_USE
    assert desk.reads.current("S001", at("11:45")).id == third.id
    assert desk.reads.violations("S001", at("11:45")).items == []
