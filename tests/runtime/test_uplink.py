"""The uplink over a real outbox file and a real mosquitto, with the end of booking that acknowledges, well or badly."""

import random
import threading
from datetime import UTC, datetime

import pytest

from messages import acknowledgement
from messages.acknowledgement import Acknowledgement, RejectCode, Rejected, ranges_of
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import NO_SUBSCRIBERS, LinkDown, Message
from runtime.outbox import Outbox, OutboxError
from runtime.presence import Announcer
from runtime.signing import SigningKey, signed_properties, verify
from runtime.uplink import WINDOW, Uplink

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SERVER, GATE = SigningKey.generate(), SigningKey.generate()
ACCESS, ACK = (build("bjut", Family.GATES, "south", leaf) for leaf in (Leaf.ACCESS, Leaf.ACK))


def signed_ack(epoch, sequences=(), *, rejected=(), topic=ACK, key=SERVER):
    payload = acknowledgement.encode(
        "bjut", "main", Acknowledgement(epoch, ranges_of(sequences), list(rejected), NOW), event_id="ack-1"
    )
    return Message(topic, payload, signed_properties(key, topic, payload))


class RecordingLink:
    """A link whose broker is a list and answers each row at once with `answer` (None: somebody listens)."""

    def __init__(self):
        self.connected, self.session, self.sent, self.down, self.answer = True, 1, [], False, None

    def publish(self, topic, payload, *, properties, on_done):
        if self.down:
            raise LinkDown("gone")
        assert verify(GATE.public_bytes, topic, payload, properties["sig"])
        assert properties["kid"] == GATE.kid
        self.sent.append(int(payload))
        on_done(self.answer)

    def take(self):
        sent, self.sent = self.sent, []
        return sent


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "outbox", Clock()) as box:
        yield box


@pytest.fixture
def link():
    return RecordingLink()


@pytest.fixture
def uplink(outbox, link):
    return Uplink(outbox, link, GATE, SERVER.public_bytes)


def step(uplink, now):
    """Step until nothing more is to be done at `now`; return the pause."""
    uplink._step(now)
    return uplink._step(now)


def append(outbox, count=1, topic=ACCESS):
    for _ in range(count):
        outbox.append(lambda _epoch, sequence: (topic, b"%d" % sequence))


def test_the_thread_that_stores_a_row_sends_it_and_all_threads_together_send_each_once(uplink, outbox, link, wait_for):
    stop = threading.Event()
    running = threading.Thread(target=uplink.run, args=(stop,))
    running.start()
    uplink._when_answered(link.session, "t", None)

    def store():
        for _ in range(50):
            append(outbox)
            uplink.send_stored()
            uplink.on_ack(signed_ack(outbox.epoch, list(link.sent)))

    storing = [threading.Thread(target=store) for _ in range(3)]
    for thread in storing:
        thread.start()
    for thread in storing:
        thread.join()
    uplink.on_ack(signed_ack(outbox.epoch, range(1, 151)))
    wait_for(lambda: outbox.state().depth == 0, "everything is acknowledged")
    stop.set()
    uplink.wake()
    running.join(30)
    assert link.sent == list(range(1, 151))


def test_a_stored_row_has_gone_when_send_stored_returns(uplink, outbox, link):
    append(outbox)
    uplink.send_stored()
    assert link.take() == [1]


# ---- the schedule, with the time as an argument ----------------------------------------------------------------------


def test_twenty_go_out_in_order_and_each_acknowledged_one_lets_the_next_go(uplink, outbox, link):
    append(outbox, 45)
    step(uplink, 0.0)
    assert link.take() == list(range(1, 21))
    step(uplink, 1.0)
    assert link.take() == []
    uplink.on_ack(signed_ack(outbox.epoch, [1, 2, 7]))
    step(uplink, 1.0)
    assert link.take() == [21, 22, 23]
    assert uplink.counters().in_flight == WINDOW


def test_unanswered_rows_go_again_after_5_s_doubling_to_60(uplink, outbox, link):
    append(outbox)
    now, pauses, sent = 0.0, [], 0
    while sent < 7:
        pauses.append(step(uplink, now))
        sent += len(link.take())
        now += pauses[-1]
    # "Unacknowledged rows are sent again after 5 s, doubling to 60 s"
    assert pauses == [5, 10, 20, 40, 60, 60, 60]
    assert uplink.counters().sent == 1
    assert uplink.counters().resent == 6


def test_nothing_to_do_is_a_wait_without_an_end(uplink, outbox, link):
    assert step(uplink, 0.0) is None
    append(outbox)
    assert step(uplink, 0.0) == 5
    uplink.on_ack(signed_ack(outbox.epoch, [1]))
    assert step(uplink, 0.1) is None
    link.connected = False
    append(outbox)
    assert step(uplink, 0.2) is None
    assert link.take() == [1]


def test_a_new_connection_sends_what_was_under_way_once(uplink, outbox, link):
    append(outbox, 3)
    step(uplink, 0.0)
    link.take()
    link.connected = False
    assert step(uplink, 1.0) is None
    link.connected, link.session = True, 2
    append(outbox)
    step(uplink, 1.1)
    assert link.take() == [1, 2, 3, 4]
    step(uplink, 1.2)
    assert link.take() == []


def test_while_nobody_listens_one_row_goes_alone_so_that_none_overtakes_it(uplink, outbox, link):
    append(outbox, 10)
    link.answer = NO_SUBSCRIBERS
    assert step(uplink, 0.0) == 5
    assert step(uplink, 5.0) == 10
    assert link.take() == [1, 1]
    link.answer = None
    uplink.on_booking_presence(birth(SERVER))
    step(uplink, 6.0)
    assert link.take() == list(range(1, 11))


def test_rows_that_went_unheard_behind_a_heard_one_go_again_in_order(uplink, outbox, link):
    append(outbox, 3)
    step(uplink, 0.0)
    link.answer = NO_SUBSCRIBERS  # booking went, and the broker forgot its subscription
    append(outbox, 2)
    step(uplink, 1.0)
    append(outbox, 1)
    step(uplink, 2.0)
    assert link.take() == [1, 2, 3, 4, 5]
    link.answer = None
    step(uplink, 5.0)
    assert link.take() == [1, 2, 3, 4, 5, 6]


def test_a_row_that_the_link_did_not_take_waits_for_the_next_connection(uplink, outbox, link):
    append(outbox, 2)
    link.down = True
    step(uplink, 0.0)
    link.down, link.session = False, 2
    step(uplink, 0.1)
    assert link.take() == [1, 2]
    assert uplink.counters().sent == 2
    assert uplink.counters().resent == 0


def birth(key, *, retained=False):
    will = Announcer("bjut", Family.BOOKING, "main", "0.1.0", Clock(), key).birth(1)
    return Message(will.topic, will.payload, will.properties, retained)


@pytest.mark.parametrize(
    ("message", "again"),
    [
        (birth(SERVER), [1, 2]),
        (birth(SERVER, retained=True), []),
        (birth(GATE), []),
        (Message("t", b"{}", {}), []),
    ],
)
def test_bookings_birth_sends_all_again_and_starts_the_waiting_afresh(uplink, outbox, link, message, again):
    append(outbox, 2)
    assert step(uplink, 0.0) == 5
    assert step(uplink, 5.0) == 10
    link.take()
    uplink.on_booking_presence(message)
    pause = step(uplink, 6.0)
    assert link.take() == again
    assert pause == (5 if again else 9)


BAD = {
    "another key": lambda epoch: signed_ack(epoch, [1], key=GATE),
    "another topic": lambda epoch: Message(ACK, *_parts(signed_ack(epoch, [1], topic=ACCESS))),
    "another epoch": lambda epoch: signed_ack((epoch + 1) % 2**53, [1]),
    "no signature": lambda epoch: Message(ACK, signed_ack(epoch, [1]).payload, {}),
    "altered": lambda epoch: Message(ACK, signed_ack(epoch, [1]).payload + b" ", signed_ack(epoch, [1]).properties),
    "no acknowledgement": lambda _epoch: Message(ACK, b"{}", signed_properties(SERVER, ACK, b"{}")),
    "rubbish": lambda _epoch: Message(ACK, b"\xff\x00", {"sig": "\udcff"}),
}


def _parts(message):
    return message.payload, message.properties


@pytest.mark.parametrize("kind", BAD)
def test_a_forged_acknowledgement_empties_nothing(uplink, outbox, link, kind, caplog):
    append(outbox)
    step(uplink, 0.0)
    uplink.on_ack(BAD[kind](outbox.epoch))
    step(uplink, 1.0)
    assert outbox.state().depth == 1
    assert uplink.counters().bad_acknowledgements == 1
    assert "acknowledgement ignored" in caplog.text
    step(uplink, 5.0)
    assert link.take() == [1, 1]


def test_a_refused_row_is_set_aside_and_staff_are_alarmed_once(uplink, outbox, link, caplog):
    append(outbox, 2)
    step(uplink, 0.0)
    message = signed_ack(outbox.epoch, [1], rejected=[Rejected(2, RejectCode.BAD_SIGNATURE)])
    for _ in range(2):
        uplink.on_ack(message)
        assert step(uplink, 1.0) is None
    assert outbox.aside() == {"bad-signature": 1}
    assert caplog.text.count("booking refused an event") == 1
    assert (uplink.counters().acknowledged, uplink.counters().rejected) == (1, 1)


def test_an_acknowledgement_from_before_a_restart_counts(outbox, link):
    append(outbox, 2)
    uplink = Uplink(outbox, link, GATE, SERVER.public_bytes)
    uplink.on_ack(signed_ack(outbox.epoch, [1]))
    step(uplink, 0.0)
    assert link.take() == [2]
    assert uplink.counters().acknowledged == 1


def test_a_failing_outbox_does_not_end_the_uplink(uplink, outbox, link, wait_for, caplog, monkeypatch):
    faults = [OutboxError("the disk is gone")]
    real = outbox.pending

    def pending(**arguments):
        if faults:
            raise faults.pop()
        return real(**arguments)

    monkeypatch.setattr(outbox, "pending", pending)
    stop = threading.Event()
    thread = threading.Thread(target=uplink.run, args=[stop])
    thread.start()
    wait_for(lambda: "the uplink cannot use the outbox" in caplog.text, "the fault is logged")
    append(outbox)
    uplink.wake()
    wait_for(lambda: link.sent == [1], "it goes on")
    stop.set()
    uplink.wake()
    thread.join(30)
    assert not thread.is_alive()


# ---- over a real broker ----------------------------------------------------------------------------------------------


class Acknowledger:
    """Booking's end: keeps what arrives and acknowledges it as its test says."""

    def __init__(self, link_of, broker, site, faults=None):
        self.site, self.faults = site, faults or (lambda payload: [payload])
        self.arrived = []
        self.held = []
        self.link = link_of(broker, "booking", on_message=self._receive)
        self.link.subscribe(f"seatgate/v1/{site}/gates/+/access")
        self.silent = False

    def _receive(self, message):
        assert verify(GATE.public_bytes, message.topic, message.payload, message.properties["sig"])
        self.arrived.append(int(message.payload))
        if not self.silent:
            for sequences in self.faults(int(message.payload)):
                self.acknowledge(sequences)

    def acknowledge(self, sequences):
        ack = build(self.site, Family.GATES, "south", Leaf.ACK)
        message = signed_ack(self.epoch, sequences, topic=ack)
        self.link.publish(message.topic, message.payload, properties=message.properties)


@pytest.fixture
def running(outbox, link_of, site_id):
    """`running(broker)`: an uplink of gate "south" that runs; (uplink, link, append)."""
    stops = []

    def start(broker, *, started=True):
        parts = []
        link = link_of(
            broker,
            "gate-south",
            started=False,
            client_id=f"gate-{site_id}",
            on_message=lambda message: (
                parts[0].on_ack(message) if message.topic.endswith("/ack") else parts[0].on_booking_presence(message)
            ),
            on_connect=lambda _session: parts[0].wake(),
        )
        uplink = Uplink(outbox, link, GATE, SERVER.public_bytes)
        parts.append(uplink)
        link.subscribe(build(site_id, Family.GATES, "south", Leaf.ACK))
        link.subscribe(f"seatgate/v1/{site_id}/booking/+/presence")
        stop = threading.Event()
        thread = threading.Thread(target=uplink.run, args=[stop])
        stops.append((stop, uplink, thread))
        thread.start()
        link.start()
        topic = build(site_id, Family.GATES, "south", Leaf.ACCESS)

        def add(count=1):
            append(outbox, count, topic)
            uplink.wake()

        return uplink, link, add

    yield start
    for stop, uplink, thread in stops:
        stop.set()
        uplink.wake()
        thread.join(30)


@pytest.fixture
def booking_of(link_of, site_id, outbox):
    def make(broker, faults=None):
        booking = Acknowledger(link_of, broker, site_id, faults or (lambda sequence: [[sequence]]))
        booking.epoch = outbox.epoch
        return booking

    return make


def test_what_is_appended_is_delivered_and_done(broker, booking_of, running, outbox, wait_for):
    booking = booking_of(broker)
    uplink, _link, add = running(broker)
    add(50)
    wait_for(lambda: outbox.state().depth == 0, "all is acknowledged")
    assert sorted(set(booking.arrived)) == list(range(1, 51))
    assert uplink.counters().acknowledged == 50


def test_ten_swipes_while_the_broker_is_down_arrive_once_each_in_order(
    private_broker, booking_of, running, outbox, wait_for
):
    booking = booking_of(private_broker)
    uplink, link, add = running(private_broker)
    add()
    wait_for(lambda: outbox.state().depth == 0, "the first is acknowledged")
    private_broker.kill()
    wait_for(lambda: not link.connected and not booking.link.connected, "the loss is noticed")
    add(10)
    private_broker.start()
    wait_for(lambda: outbox.state().depth == 0, "all are acknowledged")
    assert sorted(booking.arrived) == list(range(1, 12)), "a row was lost or came twice"
    # Where the gate was back before booking, its rows fell into the gap until it sent them again.
    assert booking.arrived == list(range(1, 12)) or uplink.counters().unheard


@pytest.mark.parametrize("seed", range(3))
def test_lost_duplicated_and_reordered_acknowledgements_lose_no_row(
    broker, booking_of, running, outbox, wait_for, seed
):
    chance, held = random.Random(seed), []

    def faults(sequence):
        kind = chance.choice(["lost", "twice", "held", "good"])
        if kind == "held":
            held.append([sequence])
            return []
        late, held[:] = held[::-1], []
        return {"lost": [], "twice": [[sequence]] * 2, "good": [[sequence]]}[kind] + late

    booking = booking_of(broker, faults)
    _uplink, _link, add = running(broker)
    add(60)
    announcer = Announcer(booking.site, Family.BOOKING, "main", "0.1.0", Clock(), SERVER)

    def prod():
        # Each birth makes the gate send all that is under way again: no need to wait the 5 s out.
        announcer.announce(booking.link, 1)
        return outbox.state().depth == 0

    wait_for(prod, "every row is acknowledged in the end")
    assert sorted(set(booking.arrived)) == list(range(1, 61))
    assert outbox.aside() == {}


def test_never_more_than_twenty_are_unacknowledged_at_the_broker(
    broker, booking_of, running, outbox, site_id, listen, wait_for
):
    observer = listen(broker, site_id)
    booking = booking_of(broker)
    booking.silent = True
    _uplink, _link, add = running(broker)
    add(100)
    topic = build(site_id, Family.GATES, "south", Leaf.ACCESS)
    done, sizes = set(), []

    def unacknowledged():
        return {int(each.payload) for each in observer.on(topic)} - done

    while len(done) < 100:
        wait_for(unacknowledged, "more rows arrive")
        open_now = unacknowledged()
        sizes.append(len(open_now))
        done |= open_now
        booking.acknowledge(sorted(open_now))
    wait_for(lambda: outbox.state().depth == 0, "all is done")
    assert 1 < max(sizes) <= WINDOW


def test_a_broker_that_acknowledges_by_itself_empties_nothing(broker, running, outbox, site_id, link_of, wait_for):
    uplink, _link, add = running(broker)
    false_booking = link_of(broker, "booking", on_message=lambda _message: None)
    wait_for(lambda: uplink.counters().in_flight == 0 and _link.connected, "connected")
    add(3)
    wait_for(lambda: uplink.counters().unheard == 3, "the broker took them")
    topic = build(site_id, Family.GATES, "south", Leaf.ACK)
    forged = signed_ack(outbox.epoch, [1, 2, 3], topic=topic, key=SigningKey.generate())
    wait_for(
        lambda: (
            false_booking.publish(topic, forged.payload, properties=forged.properties).wait(30)
            and uplink.counters().bad_acknowledgements
        ),
        "the forgery is seen",
    )
    assert outbox.state().depth == 3
    assert uplink.counters().acknowledged == 0


def test_what_booking_has_lost_goes_again_and_nothing_else(uplink, outbox, link):
    """ "a restored server can ask `resync` from its last sequence": acknowledged rows go back on the queue, in order."""
    append(outbox, 6)
    step(uplink, 0.0)
    uplink.on_ack(signed_ack(outbox.epoch, [1, 2, 3, 4, 5]))
    step(uplink, 1.0)
    link.take()
    assert uplink.send_again(outbox.epoch, 3, 4) == 2
    assert outbox.state().watermark == 2
    step(uplink, 2.0)
    assert link.take() == [3, 4]  # 6 is under way and not due again
    uplink.on_ack(signed_ack(outbox.epoch, [3, 4, 6]))
    step(uplink, 3.0)
    assert (outbox.state().depth, outbox.state().watermark) == (0, 6)
    assert uplink.send_again(outbox.epoch + 1, 1, 6) == 0
    assert step(uplink, 4.0) is None
    assert link.take() == []
