"""What this service has lost it asks its gates for: found by their reports, asked for a few times, then told to staff."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.identity import Identity
from booking.resync import ASK_AGAIN, MOST_ASKS, Resyncs
from booking.service.violation_commands import HearGate
from messages import command
from runtime.mqtt import LinkDown

EPOCH = 1


@pytest.fixture
def asked(desk, tmp_path):
    """`asked.resyncs` over the desk's store; `asked.for_` are the stretches that gates were asked for."""

    class Asked:
        def __init__(self):
            self.for_, self.down = [], False
            self.resyncs = Resyncs(desk.reads, Identity.load_or_create("lib", tmp_path / "keys"), self.publish)

        def publish(self, message):
            if self.down:
                raise LinkDown("gone")
            order = command.decode(message.payload)
            assert message.topic == "seatgate/v1/lib/gates/south/command"
            assert order.epoch == EPOCH
            self.for_.append((order.first, order.last))

        def hear(self, now, watermark, gate="south"):
            report = HearGate(gate=gate, at=now, wall=now, epoch=EPOCH, watermark=watermark, last_sequence=watermark)
            self.resyncs.look([report], now)

    return Asked()


def hold(desk, open_gate, *sequences):
    gate = open_gate(desk)
    for sequence in sequences:
        gate.sequence = sequence - 1
        gate.passes("in", "08:50")


def test_a_whole_inbox_asks_for_nothing(desk, asked, open_gate, at):
    hold(desk, open_gate, 1, 2, 3)
    asked.hear(at("09:00"), 3)
    asked.hear(at("09:01"), 3)
    assert asked.for_ == []


@pytest.mark.parametrize(
    ("held", "watermark", "hole"),
    [((), 4, (1, 4)), ((1, 2), 5, (3, 5)), ((1, 2, 5), 5, (3, 4)), ((3,), 3, (1, 2)), ((1, 3, 5), 6, (2, 2))],
)
def test_the_first_hole_is_asked_for(desk, asked, open_gate, at, held, watermark, hole):
    hold(desk, open_gate, *held)
    asked.hear(at("09:00"), watermark)
    assert asked.for_ == [hole]


def test_hole_after_hole_as_they_are_filled(desk, asked, open_gate, at):
    hold(desk, open_gate, 1, 3, 5)
    asked.hear(at("09:00"), 6)
    hold(desk, open_gate, 2)
    asked.hear(at("09:01"), 6)
    hold(desk, open_gate, 4)
    asked.hear(at("09:02"), 6)
    hold(desk, open_gate, 6)
    asked.hear(at("09:03"), 6)
    assert asked.for_ == [(2, 2), (4, 4), (6, 6)]
    assert asked.resyncs.lost == {}


def test_what_the_gate_no_longer_has_is_asked_for_a_few_times_and_told(desk, asked, open_gate, at, caplog):
    hold(desk, open_gate, 1, 4)
    now = at("09:00")
    for _ in range(60):
        asked.hear(now, 4)
        now += timedelta(minutes=1)
    assert asked.for_ == [(2, 3)] * MOST_ASKS
    assert asked.resyncs.lost == {"south": 2}
    assert "does not have what was lost here" in caplog.text


def test_without_a_broker_it_is_asked_at_the_next_report(desk, asked, open_gate, at):
    asked.down = True
    asked.hear(at("09:00"), 2)
    asked.down = False
    asked.hear(at("09:01"), 2)
    asked.hear(at("09:02"), 2)
    asked.hear(at("09:01") + ASK_AGAIN, 2)
    assert asked.for_ == [(1, 2), (1, 2)]


@given(held=st.sets(st.integers(1, 14)), after=st.integers(0, 10), more=st.integers(1, 8))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_hole_is_what_plain_counting_finds(held, after, more):
    """The statement that finds it, against counting by hand, on a table of its own."""
    import apsw

    from booking.store.read_readers import ReaderReads

    database = apsw.Connection(":memory:")
    database.execute("CREATE TABLE inbox (gate TEXT, epoch INTEGER, sequence INTEGER)")
    for sequence in held:
        database.execute("INSERT INTO inbox VALUES ('south', 1, ?), ('north', 1, ?), ('south', 2, ?)", (sequence, 3, 4))
    upto = after + more
    missing = [number for number in range(after + 1, upto + 1) if number not in held]
    expected = None
    if missing:
        last = missing[0]
        while last + 1 in missing:
            last += 1
        expected = (missing[0], last)

    class Pool:
        def snapshot(self):
            from contextlib import nullcontext

            return nullcontext(database)

    assert ReaderReads(Pool(), None).hole("south", 1, after, upto) == expected


def test_a_copied_disk_is_asked_for_a_new_epoch_once_and_again_only_while_it_goes_on(asked, at):
    now = at("09:00")
    for minutes in (0, 1, 4):
        asked.resyncs.renew("south", EPOCH, 7, now + timedelta(minutes=minutes))
    assert asked.for_ == [(7, 7)]
    asked.resyncs.renew("south", EPOCH, 9, now + ASK_AGAIN)
    assert asked.for_ == [(7, 7), (9, 9)], "the first word did not reach it"


def test_without_a_broker_a_copied_disk_is_asked_at_its_next_event(asked, at):
    asked.down = True
    asked.resyncs.renew("south", EPOCH, 7, at("09:00"))
    asked.down = False
    asked.resyncs.renew("south", EPOCH, 8, at("09:00"))
    assert asked.for_ == [(8, 8)]
