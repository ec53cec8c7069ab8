"""What the tests of runtime share: listening clients on the real broker."""

import threading
from collections import defaultdict
from datetime import timedelta

import pytest

from runtime.mqtt import MqttLink


class Listener:
    """An observer on the broker: keeps every message, may publish anything."""

    def __init__(self, broker, wait_for, name):
        self.messages = []
        self.lock = threading.Lock()
        self.wait_for = wait_for
        self.link = MqttLink(
            broker.settings("observer"), client_id=name, session_expiry=timedelta(0), on_message=self._keep
        )

    def _keep(self, message):
        with self.lock:
            self.messages.append(message)

    def on(self, topic):
        with self.lock:
            return [message for message in self.messages if message.topic == topic]

    def expect(self, count, topic):
        self.wait_for(lambda: len(self.on(topic)) >= count, f"{count} messages on {topic}")
        return self.on(topic)

    def by_topic(self):
        with self.lock:
            found = defaultdict(list)
            for message in self.messages:
                found[message.topic].append(message)
            return found


@pytest.fixture
def listen(wait_for, request):
    """`listen(broker, site)`: a connected Listener that has the whole site subscribed."""
    opened = []

    def make(broker, site):
        listener = Listener(broker, wait_for, f"listener-{site}-{len(opened)}")
        listener.link.subscribe(f"seatgate/v1/{site}/#")
        listener.link.start()
        opened.append(listener)
        wait_for(lambda: listener.link.connected, "the listener connects")
        listener.link.subscribe(f"seatgate/v1/{site}-probe/#")
        probe = f"seatgate/v1/{site}-probe/x"
        wait_for(lambda: listener.link.publish(probe, b"").wait(30) and listener.on(probe), "the subscription stands")
        return listener

    yield make
    for listener in opened:
        listener.link.stop()


@pytest.fixture
def link_of(wait_for):
    """`link_of(broker, account, **arguments)`: a MqttLink, started and connected, stopped after the test."""
    opened = []

    def make(broker, account, *, started=True, **arguments):
        link = MqttLink(
            broker.settings(account),
            **{
                "client_id": f"{account}-{id(arguments)}",
                "session_expiry": timedelta(hours=1),
                "on_message": lambda _message: None,
                **arguments,
            },
        )
        opened.append(link)
        if started:
            link.start()
            wait_for(lambda: link.connected, "the link connects")
        return link

    yield make
    for link in opened:
        link.stop()
