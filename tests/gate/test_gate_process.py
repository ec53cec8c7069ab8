"""The gate as a process of its own: from bytes on a pseudo-terminal to a signed event that booking has acknowledged."""

import signal

import pytest

CARD = b"\x02010063E9AE25\x03"
BROKEN = b"\x02010063E9AE24\x03"
ANN = "0006547886"


@pytest.fixture
def running(booking, gate_process, wait_for):
    booking.open()
    gate_process.start()
    wait_for(lambda: booking.births, "the gate has announced itself")
    return gate_process


def test_a_card_becomes_a_signed_acknowledged_event(running, booking, wait_for):
    running.turnstiles["south-1"].send(CARD)
    wait_for(lambda: booking.events, "booking has the event")
    (event,) = booking.events
    assert booking.seen() == [("south-1", "in", ANN)]
    assert event.sequence == 1
    assert event.occurred_at.utcoffset().total_seconds() == 8 * 3600
    assert event.outcome.value == "reported"
    wait_for(lambda: running.rows() == ["settled"], "the row is done")
    assert ANN not in running.log


def test_births_tell_epoch_and_outbox(running, booking):
    birth = booking.births[0]
    assert birth.state.value == "birth"
    assert birth.outbox.last_sequence == 0
    assert birth.boot_id


def test_a_wrong_checksum_is_counted_and_the_next_good_frame_is_read(running, booking, wait_for):
    running.turnstiles["south-1"].send(b"noise" + BROKEN + BROKEN + CARD)
    wait_for(lambda: booking.events, "the good frame is read")
    assert booking.seen() == [("south-1", "in", ANN)]
    running.stop()
    assert running.log.count("kind=checksum bytes=14") == 1
    assert "kind=checksum count=1 in_all=2" in running.log
    assert "kind=garbage bytes=5" in running.log


def test_a_resting_card_is_one_event(running, booking, wait_for):
    other = b"\x02010063E9AF24\x03"
    running.turnstiles["south-1"].send(CARD * 40 + other)
    wait_for(lambda: len(booking.events) == 2, "both cards were read")
    assert booking.seen() == [("south-1", "in", ANN), ("south-1", "in", "0006547887")]


def test_in_out_in_quickly_is_three_events(running, booking, wait_for):
    for count, portal in enumerate(("south-1", "south-2", "south-1"), start=1):
        running.turnstiles[portal].send(CARD)
        wait_for(lambda count=count: len(booking.events) == count, f"event {count}")
    assert [direction for _, direction, _ in booking.seen()] == ["in", "out", "in"]
    assert [event.sequence for event in booking.events] == [1, 2, 3]


def test_a_face_on_a_line_port_says_its_direction_itself(running, booking, wait_for):
    running.turnstiles["south-3"].send(b"FACE,s20231234,OUT\r\nQR,R1ABC\r\n")
    wait_for(lambda: len(booking.events) == 2, "booking has the events")
    assert booking.seen() == [("south-3", "out", "S20231234"), ("south-3", "unknown", "R1ABC")]


def test_a_cable_pulled_out_and_plugged_in_again(running, booking, wait_for):
    turnstile = running.turnstiles["south-1"]
    turnstile.send(CARD[:6])
    turnstile.unplug()
    wait_for(lambda: "pulled out" in running.log, "the loss is told")
    opened = running.log.count(f"{turnstile.link} open")
    turnstile.plug_in()
    wait_for(lambda: running.log.count(f"{turnstile.link} open") > opened, "the port is open again")
    turnstile.send(CARD)
    wait_for(lambda: booking.events, "the card is read again")


def test_without_a_broker_events_wait_and_come_once_each_in_order(running, booking, private_broker, wait_for):
    private_broker.stop()
    for number in range(10):
        running.turnstiles["south-3"].send(b"CARD,%010d,IN\n" % number)
    wait_for(lambda: "event stored sequence=10" in running.log, "ten events are stored")
    private_broker.start()
    wait_for(lambda: len(booking.events) == 10, "all arrive")
    assert [event.sequence for event in booking.events] == list(range(1, 11))
    assert [value for _, _, value in booking.seen()] == [f"{number:010d}" for number in range(10)]


def test_before_booking_is_there_events_are_kept(booking, gate_process, wait_for):
    gate_process.start()
    wait_for(lambda: "cannot join booking yet, events are kept" in gate_process.log, "it is told")
    gate_process.turnstiles["south-1"].send(CARD)
    wait_for(lambda: "event stored sequence=1" in gate_process.log, "the event is stored")
    booking.open()
    wait_for(lambda: booking.events, "booking has the event")
    assert gate_process.log.count("cannot join booking yet") == 1


def test_killed_with_events_in_hand_it_delivers_them_after_a_restart(running, booking, wait_for):
    booking.acknowledges = False
    running.turnstiles["south-1"].send(CARD)
    wait_for(lambda: "event stored sequence=1" in running.log, "the event is stored")
    running.stop(signal.SIGKILL)
    booking.acknowledges = True
    running.start()
    running.turnstiles["south-2"].send(CARD)
    wait_for(lambda: len(booking.events) == 2, "both events arrive")
    assert [event.sequence for event in booking.events] == [1, 2]
    assert len(booking.enrolments) == 1, "it joined once"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_two_seconds(running, number):
    code, seconds = running.stop(number)
    assert code == 0
    assert seconds < 10  # the contract says 2; the machine may be busy
    assert "did not end in time" not in running.log


def test_a_code_that_booking_refuses_is_told_and_the_gate_reads_on(booking, gate_process, wait_for):
    (gate_process.folder / "code").write_text("wrong")
    booking.open()
    gate_process.start()
    wait_for(lambda: "this code is unknown or used" in gate_process.log, "the refusal is told")
    gate_process.turnstiles["south-1"].send(CARD)
    wait_for(lambda: "event stored sequence=1" in gate_process.log, "the event is stored")
    assert gate_process.stop()[0] == 0
