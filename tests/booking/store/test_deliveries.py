"""The outbox of what readers are told: written with what it tells, claimed by one, settled once, never forgotten."""

from datetime import timedelta

import pytest

from booking.domain.reservation import Action
from booking.domain.telling import TellingChannel
from booking.service.telling import ClaimDelivery, DropChannel, SetChannel, SettleDelivery

MINUTE = timedelta(minutes=1)
EMAIL, WEBHOOK = TellingChannel.EMAIL, TellingChannel.WEBHOOK


@pytest.fixture
def listen(desk, at):
    def set_(channel=EMAIL, address="lin@bjut.edu.cn", *, reader="S001", muted=(), now="08:00"):
        return desk.do(
            SetChannel(reader=reader, at=at(now), channel=channel, address=address, language="en", muted=muted)
        )

    return set_


@pytest.fixture
def claim(desk, at):
    def claim_(now, lease=MINUTE):
        return desk.do(ClaimDelivery(at=at(now), lease=lease, longest=60 * MINUTE)).delivery

    return claim_


def settle(desk, at, delivery, now, **more):
    desk.do(SettleDelivery(at=at(now), n=delivery.n, **more))


def test_what_is_told_waits_for_each_channel_of_its_reader_alone(desk, at, listen, claim):
    listen(EMAIL)
    listen(WEBHOOK, "https://hooks.example.edu/x")
    listen(EMAIL, "wang@bjut.edu.cn", reader="S002")
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    taken = [claim("08:10"), claim("08:10")]
    assert {(one.channel, one.address) for one in taken} == {
        (EMAIL, "lin@bjut.edu.cn"),
        (WEBHOOK, "https://hooks.example.edu/x"),
    }
    assert {one.note.kind for one in taken} == {"reserved"}
    assert len({one.key for one in taken}) == 2
    assert claim("08:10") is None


def test_what_was_told_before_is_not_sent_after(desk, listen, claim):
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    listen(now="08:20")
    assert claim("08:30") is None


def test_what_did_not_happen_is_not_told(desk, listen, claim):
    """In one transaction: a booking that is refused leaves nothing to send."""
    listen()
    desk.booked("S002", "centre-005", "09:00", "12:00", now="08:10")
    desk.book("S001", "centre-005", "09:00", "12:00", now="08:11")
    assert claim("08:30") is None


def test_muted_kinds_stay_off_and_unknown_kinds_do_not(desk, listen, claim):
    listen(muted=("reserved", "checked-in"))
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    assert claim("08:10") is None
    desk.act(stay, Action.CANCEL, "08:20")
    assert claim("08:20").note.kind == "cancelled"


def test_a_sender_that_dies_gives_its_claim_back_with_the_same_key(desk, at, listen, claim):
    listen()
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    first = claim("08:10")
    assert claim("08:10:59") is None
    again = claim("08:11")
    assert (again.key, again.n, again.tries) == (first.key, first.n, 2)
    assert claim("08:12:59") is None, "twice the pause after the second try"
    assert claim("08:13").tries == 3


def test_a_settled_delivery_is_never_claimed_again(desk, at, listen, claim):
    listen()
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    settle(desk, at, claim("08:10"), "08:10")
    assert claim("20:00") is None
    assert desk.reads.next_delivery() is None
    assert desk.reads.lost_deliveries() == (0, 0, [])


def test_a_failure_waits_and_the_last_is_given_up_where_staff_see_it(desk, at, listen, claim):
    listen()
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    settle(desk, at, claim("08:10"), "08:10", error="busy")
    assert desk.reads.lost_deliveries() == (1, 0, [])
    assert desk.reads.next_delivery() == at("08:11")
    settle(desk, at, claim("08:11"), "08:12", error="still busy", last=True)
    waiting, given_up, (lost,) = desk.reads.lost_deliveries()
    assert (waiting, given_up) == (0, 1)
    assert (lost.reader, lost.kind, lost.tries, lost.error) == ("S001", "reserved", 2, "still busy")
    assert claim("20:00") is None


def test_a_late_answer_after_another_sender_settled_changes_nothing(desk, at, listen, claim):
    listen()
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    slow, quick = claim("08:10"), claim("08:11")
    settle(desk, at, quick, "08:11")
    settle(desk, at, slow, "08:12", error="timed out", last=True)
    assert desk.reads.lost_deliveries() == (0, 0, [])


def test_switching_a_channel_off_drops_what_waits_for_it(desk, at, listen, claim):
    listen()
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    desk.do(DropChannel(reader="S001", at=at("08:11"), channel=EMAIL))
    assert claim("08:12") is None
    assert desk.reads.lost_deliveries() == (0, 0, [])
    listen(now="08:13")
    assert claim("08:14") is None


def test_a_new_address_gets_what_waits(desk, at, listen, claim):
    listen()
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    listen(address="new@bjut.edu.cn")
    listen(address=None, muted=("ended",))
    assert claim("08:12").address == "new@bjut.edu.cn"


def test_pauses_double_up_to_an_hour(desk, at, listen, claim):
    listen()
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    now, pauses = desk.reads.next_delivery(), []
    for _ in range(9):
        desk.do(ClaimDelivery(at=now, lease=MINUTE, longest=60 * MINUTE))
        following = desk.reads.next_delivery()
        pauses.append((following - now) // MINUTE)
        now = following
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
