"""Journey 1, swipe: from bytes on a serial line to a reader who is checked in and told so; and every way it may go wrong.

The manual: "门禁记录了读者出入图书馆的刷卡或刷脸数据，系统会依据门禁记录辅助签到、暂离" - the gate's records help with
checking in and stepping away.
"""

import os
import signal
import threading
from datetime import timedelta

import pytest

from messages import access, acknowledgement
from runtime import signing
from runtime.mqtt import BrokerSettings, Message, MqttLink

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-swipe")]


class Listener:
    """A second MQTT 5 client beside the real ones, with one of their accounts: what it hears went over the broker."""

    def __init__(self, library, account, topic):
        self.heard: list[Message] = []
        broker = library.run["mqtt"]
        password = library.data / "broker" / "accounts" / account
        self._link = MqttLink(
            BrokerSettings(broker["host"], broker["port"], account, password),
            client_id=f"listener-{account}",
            session_expiry=timedelta(0),
            on_message=self.heard.append,
        )
        self._connected = threading.Event()
        self._link.subscribe(topic, qos=1)
        self._link.start()

    @property
    def connected(self):
        return self._link.connected

    def close(self):
        self._link.stop()


@pytest.fixture
def listen(library, wait_for):
    opened = []

    def start(account, topic):
        listener = Listener(library, account, topic)
        opened.append(listener)
        wait_for(lambda: listener.connected, "the listener is connected")
        return listener

    yield start
    for listener in opened:
        listener.close()


def settled(library, gate="south"):
    """Nothing waits in the gate's outbox, and something is kept there."""
    rows, pending = library.outbox(gate)
    return rows > 0 and pending == 0


def test_a_swipe_checks_in_and_the_way_out_and_in_again(library, wait_for, listen):
    events = listen("booking", "seatgate/v1/bjut/gates/+/access")
    acknowledged = listen("gate-south", "seatgate/v1/bjut/gates/south/ack")
    reader = library.reader(0)
    assert reader.account["card"] == "0006547886"
    booked = reader.reserve(end="2023-07-17T17:00:00+08:00")  # the manual's "16:38 17:00 图书馆2层二层中厅065号 已预约"
    assert booked["status"] == "reserved"
    assert library.seat(booked["seat"]) == "reserved"

    library.turnstiles["south-1"].write(b"\x02" + b"010063E9AE" + b"25" + b"\x03")

    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the reader is checked in")
    [record] = reader.passages()
    assert (record["portal"], record["direction"], record["kind"]) == ("south-1", "in", "card")
    assert (record["reservation"], record["effect"]) == (booked["id"], "checked-in")
    assert reader.told()[-1] == "checked-in"
    assert library.seat(booked["seat"]) == "taken"

    # The event itself, as it went over the broker: MQTT 5, signed by the gate, the stored bytes.
    wait_for(lambda: events.heard, "the event was published")
    [message] = events.heard
    event = access.decode("bjut", "south", message.payload)
    assert event.credential == access.Credential(access.CredentialKind.CARD, "0006547886")
    assert event.sequence == 1
    assert not message.retained
    key = signing.SigningKey.load_or_create(library.data / "gate-south" / "signing-key")
    assert message.properties["kid"] == key.kid
    assert signing.verify(key.public_bytes, message.topic, message.payload, message.properties["sig"])

    # The acknowledgement names exactly that event, and the outbox keeps it as done.
    wait_for(lambda: acknowledged.heard, "booking acknowledged it")
    answer = acknowledgement.decode(acknowledged.heard[0].payload)
    assert (answer.epoch, list(answer.ranges), list(answer.rejected)) == (event.epoch, [(1, 1)], [])
    wait_for(lambda: settled(library), "the outbox knows that it is done")

    # Out: away. In again: returned.
    library.turnstiles["south-2"].swipe(reader.account["card"])
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "away", "the reader is away")
    assert library.seat(booked["seat"]) == "away"
    library.turnstiles["south-1"].swipe(reader.account["card"])
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the reader is back")
    assert [record["effect"] for record in reader.passages()] == ["checked-in", "stepped-away", "returned"]
    assert reader.told()[-3:] == ["checked-in", "stepped-away", "returned"]
    changes = [line["change"] for line in reader.reservation(booked["id"])["history"]]
    assert changes == ["reserved", "checked-in", "stepped-away", "returned"]


def test_a_wrong_checksum_is_counted_logged_and_dropped(library, wait_for, rdm6300):
    reader = library.reader(1)
    turnstile = library.turnstiles["south-1"]
    turnstile.write(rdm6300(reader.account["card"], spoil=1) + rdm6300(reader.account["card"]))
    wait_for(reader.passages, "the good frame after the bad one is read")
    assert len(reader.passages()) == 1
    wait_for(lambda: "checksum" in library.log("gate-south"), "the bad frame is in the log")
    assert reader.account["card"] not in library.log("gate-south")


def test_a_face_on_a_line_port_does_the_same(library, wait_for):
    reader = library.reader(2)
    booked = reader.reserve("2f-centre-061")
    library.turnstiles["north-1"].write(f"FACE,{reader.account['face']},IN\r\n".encode())
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the face checked the reader in")
    [record] = reader.passages()
    assert (record["gate"], record["kind"], record["effect"]) == ("north", "face", "checked-in")


def test_the_simulated_turnstile_is_one_like_any_other(library, wait_for):
    """The fourth portal is the simulator's: the same reader walks out there, by face."""
    reader = library.reader(5)
    booked = reader.reserve("2f-centre-062")
    library.turnstiles["north-1"].write(f"FACE,{reader.account['face']},IN\r\n".encode())
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the face checked the reader in")
    library.command("simulate", "turnstile", "face", "--portal", "north-2", "--person", reader.account["face"])
    wait_for(
        lambda: reader.reservation(booked["id"])["status"] == "away", "the face at the way out marked the reader away"
    )
    assert [record["portal"] for record in reader.passages()] == ["north-1", "north-2"]


def test_booking_killed_between_receiving_and_acknowledging(library, wait_for):
    """Take booking's right to acknowledge away, let it commit, kill it, give the right back: still once."""
    reader = library.reader(3)
    booked = reader.reserve("2f-centre-055")
    with library.without_right("topic write seatgate/v1/bjut/gates/+/ack"):
        library.turnstiles["south-1"].swipe(reader.account["card"])
        wait_for(reader.passages, "booking has committed the event")
        assert library.outbox()[1] == 1  # and could not say so
        os.kill(library.pid("booking.toml"), signal.SIGKILL)
    wait_for(lambda: "booking ended (SIGKILL); starting it again" in library.console(), "it is started again")
    wait_for(lambda: settled(library), "the event came again and was acknowledged")
    assert [record["effect"] for record in reader.passages()] == ["checked-in"]
    assert reader.told().count("checked-in") == 1
    assert [line["change"] for line in reader.reservation(booked["id"])["history"]] == ["reserved", "checked-in"]


def test_ten_swipes_without_a_broker_arrive_once_each_in_order(library, wait_for):
    reader = library.reader(4)
    os.kill(library.pid("mosquitto.conf"), signal.SIGTERM)
    wait_for(lambda: "broker was stopped from outside" in library.console(), "the broker is away")
    before, _ = library.outbox()
    portals = ["south-1", "south-2"] * 5
    for count, portal in enumerate(portals, 1):
        library.turnstiles[portal].swipe(reader.account["card"])
        wait_for(lambda count=count: library.outbox()[0] == before + count, f"swipe {count} is in the outbox")
    assert library.outbox()[1] == 10
    assert reader.passages() == []
    with library.broker_by_hand():
        wait_for(lambda: settled(library), "all ten are acknowledged")
        assert [record["portal"] for record in reader.passages()] == portals
        times = [record["occurred_at"] for record in reader.passages()]
        assert times == sorted(times)
