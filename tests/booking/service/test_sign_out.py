"""Signing out (签退): at the entrance or through a gate, in time, after the grace, and learned of late."""

from datetime import timedelta

import attrs
import pytest

from booking.domain.places import Places
from booking.domain.refusals import RefusalCode
from booking.domain.reservation import Action, Status
from booking.domain.violations import Standing
from booking.service.commands import Changed, Channel, CheckOutByCode, Sweep
from config.policy import ExitMeans, GatePolicy, Policy, SignOutPolicy

KIOSK, STEP = 7, 1_000


@pytest.fixture
def campus(open_desk, places):
    """`campus(required, grace)`: a desk where going out ends a stay; S001 sits there from nine to twelve."""

    def open_(*, required=True, grace=20):
        rules = Policy(
            sign_out=SignOutPolicy(required=required, grace=timedelta(minutes=grace)),
            gate=GatePolicy(exit_means=ExitMeans.END),
        )
        desk = open_desk(Places(attrs.evolve(places.site, policy=rules), places.seats_of), name=f"{required}{grace}.db")
        stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
        desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
        return desk, stay

    return open_


def scan(desk, at, seen, posted):
    return desk.do(CheckOutByCode(reader="S001", at=at(posted), seen_at=at(seen), kiosk=KIOSK, step=STEP))


@pytest.mark.parametrize(
    ("out", "received", "status", "closed"),
    [
        ("11:00", "11:00", "ended", "11:00"),
        ("12:10", "12:10", "ended", "12:10"),
        ("11:50", "12:15", "ended", "11:50"),  # learned of late, but nobody's place is at stake after the end
        ("11:50", "13:00", "ended", "11:50"),  # 未签退 was recorded: late evidence lifts it
        ("12:19", "13:00", "ended", "12:19"),
        ("12:20", "13:00", "not-signed-out", "12:20"),
        ("11:00", "11:30", "in-use", None),  # late evidence never ends a stay: they may be back
    ],
)
def test_going_out_through_a_gate_signs_out(campus, open_gate, at, out, received, status, closed):
    """rules: "Late evidence may lift a consequence, never impose one, end a stay or evict anyone." """
    desk, stay = campus()
    desk.do(Sweep(at=at(received)))
    open_gate(desk).passes("out", out, received=received)
    found = desk.reads.reservation("S001", stay.id, at(received))
    assert (found.status, found.closed_at) == (status, at(closed) if closed else None)


def test_another_grace_another_outcome(campus, at):
    desk, stay = campus(grace=60)
    assert desk.status(stay, "12:59") is Status.IN_USE
    assert isinstance(scan(desk, at, "12:59", "12:59"), Changed)
    desk, stay = campus(grace=0)
    assert desk.status(stay, "12:00") is Status.NOT_SIGNED_OUT


def test_a_code_seen_in_time_counts_although_signing_in_took_longer(campus, at):
    desk, stay = campus()
    desk.do(Sweep(at=at("12:20")))
    assert desk.status(stay, "12:20") is Status.NOT_SIGNED_OUT
    done = scan(desk, at, "12:19", "12:22")
    assert (done.reservation.status, done.reservation.closed_at) == (Status.ENDED, at("12:19"))
    assert "excused" in desk.changes(stay)
    violations = desk.reads.violations("S001", at("12:30")).items
    assert [one.standing for one in violations] == [Standing.LIFTED]


def test_signing_out_twice_or_of_nothing(campus, at):
    desk, _ = campus()
    assert isinstance(scan(desk, at, "11:00", "11:00"), Changed)
    assert scan(desk, at, "11:01", "11:01").code is RefusalCode.NOTHING_TO_CHECK_OUT


def test_the_seat_is_the_next_readers_from_the_end_on(campus, at):
    desk, stay = campus()
    assert isinstance(desk.book("S002", "centre-005", "12:00", "13:00", now="11:00"), Changed)
    shown = next(seat for seat in desk.reads.area_map("centre", at("12:05")).seats if seat.seat == "centre-005")
    assert shown.status == "reserved"
    assert desk.act(stay, Action.EXTEND, "12:05").code is RefusalCode.NOT_POSSIBLE_NOW
    assert desk.act(stay, Action.STEP_AWAY, "12:05").code is RefusalCode.NOT_POSSIBLE_NOW
