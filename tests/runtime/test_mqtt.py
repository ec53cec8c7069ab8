"""MqttLink against a real mosquitto with Seatgate's own rights."""

import socket
import threading
import time
from datetime import UTC, timedelta

import pytest
from paho.mqtt import client as paho

from messages.presence import PresenceState
from messages.topics import Family
from runtime.clock import Clock
from runtime.mqtt import CONNECTION_LOST, NO_SUBSCRIBERS, BrokerSettings, LinkDown, MqttLink, Will
from runtime.presence import Announcer, read_presence
from runtime.signing import SigningKey


def topic_of(site, leaf="access", gate="south"):
    return f"seatgate/v1/{site}/gates/{gate}/{leaf}"


def test_a_message_arrives_whole_with_its_properties(broker, site_id, listen, link_of):
    observer = listen(broker, site_id)
    link = link_of(broker, "gate-south")
    payload = bytes(range(256))
    published = link.publish(topic_of(site_id), payload, properties={"sig": "…", "kid": "0123"})
    assert published.wait(30)
    assert published.reason is None
    [message] = observer.expect(1, topic_of(site_id))
    assert (message.payload, message.properties, message.retained) == (payload, {"sig": "…", "kid": "0123"}, False)


def test_threads_that_publish_at_once_do_not_mix_their_bytes(broker, site_id, listen, link_of):
    observer = listen(broker, site_id)
    link = link_of(broker, "gate-south")
    payloads = [bytes([number]) * 20_000 for number in range(100)]
    answers = []

    def publish(some):
        answers.extend(link.publish(topic_of(site_id), payload) for payload in some)

    threads = [threading.Thread(target=publish, args=(payloads[n::5],)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(published.wait(30) for published in answers)
    arrived = observer.expect(len(payloads), topic_of(site_id))
    assert sorted(message.payload for message in arrived) == payloads


def test_nobody_listening_is_a_success_with_a_note(broker, site_id, link_of):
    link = link_of(broker, "gate-south")
    published = link.publish(topic_of(site_id), b"x")
    assert published.wait(30)
    assert published.reason == NO_SUBSCRIBERS


def test_a_topic_that_is_not_ours_is_refused_and_staff_are_told(broker, site_id, link_of, caplog):
    link = link_of(broker, "gate-south")
    reasons = []
    answered = threading.Event()

    def done(reason):
        reasons.append(reason)
        answered.set()

    link.publish_async(topic_of(site_id, gate="north"), b"x", on_done=done)
    assert answered.wait(30)
    assert reasons == ["not authorized"]
    assert not link.publish(topic_of(site_id, gate="north"), b"x").wait(30)
    told = [line for line in caplog.messages if "correct its rights" in line]
    assert told == ["the broker refuses what account gate-south publishes (not authorized): correct its rights (ACL)"]


def test_nothing_is_queued_while_the_broker_is_away(broker, link_of):
    link = link_of(broker, "gate-south", started=False)
    with pytest.raises(LinkDown, match="is not connected"):
        link.publish("t", b"x")


def test_both_sockets_send_without_delay(broker, link_of):
    link = link_of(broker, "gate-south")
    channel = link._connection._client.socket()
    assert channel.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_the_link_comes_back_after_the_broker_was_killed(private_broker, site_id, link_of, wait_for):
    sessions, losses, received = [], [], []
    link = link_of(
        private_broker,
        "gate-south",
        on_message=received.append,
        on_connect=sessions.append,
        on_disconnect=lambda: losses.append(1),
    )
    link.subscribe(topic_of(site_id, "ack"))
    private_broker.kill()
    wait_for(lambda: losses and not link.connected, "the loss is noticed")
    with pytest.raises(LinkDown):
        link.publish(topic_of(site_id), b"x")
    private_broker.start()
    wait_for(lambda: link.connected, "the link comes back")
    assert sessions == [1, 2]
    assert link.session == 2
    booking = link_of(private_broker, "booking")
    wait_for(
        lambda: booking.publish(topic_of(site_id, "ack"), b"hello").wait(30) and received, "the subscription is redone"
    )
    assert received[0].payload == b"hello"


def test_what_was_under_way_is_settled_as_lost_and_not_sent_again(private_broker, site_id, link_of, wait_for):
    link = link_of(private_broker, "gate-south")
    private_broker._running.send_signal(19)  # SIGSTOP: it takes bytes and answers nothing
    published = [link.publish(topic_of(site_id), b"%d" % number) for number in range(5)]
    private_broker._running.send_signal(18)
    private_broker.kill()
    wait_for(lambda: not link.connected, "the loss is noticed")
    assert {each.reason for each in published} <= {CONNECTION_LOST, NO_SUBSCRIBERS}
    assert all(each._settled.is_set() for each in published)


def test_a_session_is_kept_over_a_reconnect(broker, site_id, link_of, wait_for):
    received = []
    arguments = {"client_id": f"kept-{site_id}", "session_expiry": timedelta(hours=1), "on_message": received.append}
    first = link_of(broker, "gate-south", **arguments)
    first.subscribe(topic_of(site_id, "ack"))
    booking = link_of(broker, "booking")
    wait_for(lambda: booking.publish(topic_of(site_id, "ack"), b"1").wait(30) and received, "the subscription stands")
    first.stop()
    received.clear()
    assert booking.publish(topic_of(site_id, "ack"), b"while away").wait(30)
    link_of(broker, "gate-south", **arguments)
    wait_for(lambda: received, "what came meanwhile is delivered")
    assert received[0].payload == b"while away"


def test_an_expired_message_is_not_delivered(broker, site_id, link_of, wait_for):
    received = []
    arguments = {"client_id": f"late-{site_id}", "session_expiry": timedelta(hours=1), "on_message": received.append}
    gate = link_of(broker, "gate-south", **arguments)
    gate.subscribe(topic_of(site_id, "command"))
    booking = link_of(broker, "booking")
    wait_for(lambda: booking.publish(topic_of(site_id, "command"), b"1").wait(30) and received, "subscribed")
    gate.stop()
    received.clear()
    assert booking.publish(topic_of(site_id, "command"), b"late", expiry=timedelta(seconds=1)).wait(30)
    due = time.monotonic() + 3
    wait_for(lambda: time.monotonic() > due, "the message has expired")
    assert booking.publish(topic_of(site_id, "command"), b"fresh", expiry=timedelta(seconds=60)).wait(30)
    link_of(broker, "gate-south", **arguments)
    wait_for(lambda: received, "the fresh one is delivered")
    assert [message.payload for message in received] == [b"fresh"]


@pytest.fixture
def gate(site_id):
    return Announcer(site_id, Family.GATES, "south", "0.1.0", Clock(), SigningKey.generate())


def states(observer, announcer):
    found = [read_presence(message, announcer.key.public_bytes) for message in observer.on(announcer.topic)]
    return [(presence.state, presence.session) for presence in found]


def announced(broker, gate, link_of):
    links = []
    link = link_of(
        broker,
        "gate-south",
        started=False,
        will=gate.will,
        on_connect=lambda session: gate.announce(links[0], session),
    )
    links.append(link)
    link.start()
    return link


def test_births_count_connections_and_the_will_follows_a_cut_line(broker, site_id, gate, listen, link_of, wait_for):
    observer = listen(broker, site_id)
    link = announced(broker, gate, link_of)
    observer.expect(1, gate.topic)
    link._connection._client.socket().shutdown(socket.SHUT_RDWR)
    observer.expect(3, gate.topic)
    assert states(observer, gate)[:3] == [
        (PresenceState.BIRTH, 1),
        (PresenceState.DEATH, 1),
        (PresenceState.BIRTH, 2),
    ]
    link.stop()
    observer.expect(4, gate.topic)
    assert states(observer, gate)[3] == (PresenceState.DEATH, 2)
    assert [
        presence.wall.tzinfo for presence in [read_presence(observer.on(gate.topic)[0], gate.key.public_bytes)]
    ] == [UTC]


def test_a_presence_is_retained_and_only_its_owner_can_sign_it(
    broker, site_id, gate, listen, link_of, wait_for, caplog
):
    link = announced(broker, gate, link_of)
    wait_for(lambda: link.connected, "connected")
    assert link.publish(*gate.birth(7)[:2], retain=True, properties=gate.birth(7).properties).wait(30)
    late = listen(broker, site_id)
    message = late.expect(1, gate.topic)[0]
    assert message.retained
    assert read_presence(message, SigningKey.generate().public_bytes) is None
    assert "without a good signature" in caplog.text


def test_stop_is_quick_whether_connected_connecting_or_never_started(broker, link_of):
    connected = link_of(broker, "gate-south")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        host, port = silent.getsockname()
        settings = BrokerSettings(host, port, "gate-south", broker.password_file("gate-south"))
        hanging = MqttLink(settings, client_id="h", session_expiry=timedelta(0), on_message=lambda _message: None)
        hanging.start()
        never = MqttLink(settings, client_id="n", session_expiry=timedelta(0), on_message=lambda _message: None)
        for link in (connected, hanging, never):
            began = time.monotonic()
            link.stop()
            assert time.monotonic() - began < 5
            assert not link.connected


def test_a_wrong_password_is_a_sentence_and_the_link_keeps_trying(broker, tmp_path, wait_for, caplog):
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("wrong\n")
    settings = BrokerSettings(broker.host, broker.port, "gate-south", password)
    link = MqttLink(settings, client_id="w", session_expiry=timedelta(0), on_message=lambda _message: None)
    link.start()
    wait_for(lambda: "the broker refuses account gate-south" in caplog.text, "the refusal is told")
    assert "check its password file" in caplog.text
    password.write_text(broker.password("gate-south") + "\n")
    wait_for(lambda: link.connected, "the link connects once the password is right")
    link.stop()


@pytest.mark.parametrize("trouble", ["missing", "open to all", "no host"])
def test_trouble_before_connecting_is_logged_and_tried_again(broker, tmp_path, wait_for, caplog, trouble):
    password = tmp_path / "password"
    if trouble != "missing":
        password.touch(mode=0o600)
        password.write_text(broker.password("gate-south"))
        password.chmod(0o644 if trouble == "open to all" else 0o600)
    host = "no-such-host.invalid" if trouble == "no host" else broker.host
    link = MqttLink(
        BrokerSettings(host, broker.port, "gate-south", password),
        client_id=f"t-{trouble}",
        session_expiry=timedelta(0),
        on_message=lambda _message: None,
    )
    link.start()
    wait_for(lambda: caplog.text.count("broker not reached") >= 2, "it is tried again")
    assert not link.connected
    link.stop()


def test_a_failing_callback_does_not_end_the_link(broker, site_id, link_of, wait_for, caplog):
    calls = []

    def fail(message):
        calls.append(message)
        raise LookupError("a fault of ours")

    link = link_of(broker, "gate-south", on_message=fail, on_connect=fail)
    link.subscribe(topic_of(site_id, "ack"))
    booking = link_of(broker, "booking")
    wait_for(lambda: booking.publish(topic_of(site_id, "ack"), b"1").wait(30) and len(calls) >= 3, "called again")
    assert link.connected
    wait_for(lambda: caplog.text.count("a callback of the MQTT link failed") >= 3, "each fault is logged")
    link.publish(topic_of(site_id), b"x", on_done=fail).wait(30)
    wait_for(lambda: "a callback failed after publishing" in caplog.text, "that fault is logged too")


def test_an_oversized_message_is_not_handed_on(broker, site_id, link_of, wait_for, caplog):
    received = []
    link = link_of(broker, "gate-south", on_message=received.append)
    link.subscribe(topic_of(site_id, "ack"))
    # A broker obeys the packet size that we announce: the second net is for one that does not.
    large = paho.MQTTMessage(topic=topic_of(site_id, "ack").encode())
    large.payload = b"x" * (1024 * 1024 + 1)
    link._connection._received(None, None, large)
    large.payload = b"x" * (1024 * 1024)
    link._connection._received(None, None, large)
    assert [len(message.payload) for message in received] == [1024 * 1024]
    assert "limit=1048576" in caplog.text


def test_rubbish_from_the_broker_ends_the_connection_not_the_link(tmp_path, wait_for, caplog):
    """A hostile broker: CONNACK, then bytes that are no packet."""
    password = tmp_path / "password"
    password.touch(mode=0o600)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        host, port = server.getsockname()
        link = MqttLink(
            BrokerSettings(host, port, "x", password), client_id="r", session_expiry=timedelta(0), on_message=print
        )
        link.start()
        for rubbish in (
            b"\x90\x03\x00\x01\xff",
            b"\x40\x01\x00",
            b"\x30\x02\xff\xff",
            b"\x30\x05\x00\x02\xff\xfe\x00",
            b"\xff" * 64,
        ):
            channel, _ = server.accept()
            with channel:
                assert channel.recv(4096)
                channel.sendall(b"\x20\x03\x00\x00\x00" + rubbish)
        assert link._thread.is_alive()
        link.stop()


def test_a_will_that_is_fixed_may_be_a_tuple(broker, site_id, listen, link_of):
    observer = listen(broker, site_id)
    will = Will(topic_of(site_id, "presence"), b"gone", {"kid": "1"})
    link_of(broker, "gate-south", will=tuple(will)).stop()
    [message] = observer.expect(1, will.topic)
    assert (message.payload, message.properties) == (b"gone", {"kid": "1"})
