"""A line without a line: a bus, simulated readers, and a clock that is turned by hand."""

import random

import pytest

from messages.access import Credential, CredentialKind
from simulator.osdp import OsdpDevice
from wire.osdp.bus import SECOND, Bus, Pace
from wire.osdp.messages import CardRule, Reply, raw_card
from wire.osdp.panel import Heard, Panel, State
from wire.osdp.session import Bad

KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")


PACE = Pace()


def randoms(seed):
    return random.Random(seed).randbytes


def card(number):
    return Credential(CredentialKind.CARD, f"{number:010}")


class Bench:
    """Drives a bus against devices. `spoil(bytes, to_device)` may change what passes; `unplugged` addresses hear nothing."""

    def __init__(self, *devices, keys=None, pace=PACE, **more):
        self.devices = {device.address: device for device in devices}
        self.keys = keys if keys is not None else {device.address: device.key for device in devices}
        self.panels = [Panel(address, key, randoms(address), **more) for address, key in self.keys.items()]
        self.bus = Bus(self.panels, pace)
        self.now = SECOND
        self.told, self.sent, self.answers = [], [], []
        self.unplugged = set()
        self._cards, self._looked_at = [], 0
        self.spoil = lambda content, to_device: content
        self.answer_in = SECOND // 200
        self.bus.begin(self.now)

    def turn(self):
        """Let one thing happen: something is said and answered, or time goes by."""
        content, told = self.bus.step(self.now)
        self.told += told
        if not content:
            self.now += max(1_000, round(self.bus.wait(self.now) * SECOND))
            return
        self.sent.append((self.now, content))
        heard = self.spoil(content, True)
        for device in self.devices.values():
            if device.address in self.unplugged:
                continue
            if answer := device.hear(heard):
                self.now += self.answer_in
                self.answers.append(answer)
                self.told += self.bus.feed(self.spoil(answer, False), self.now)

    def run(self, seconds):
        until = self.now + round(seconds * SECOND)
        while self.now < until:
            self.turn()

    def until(self, true, what="", turns=5000):
        for _ in range(turns):
            if true():
                return
            self.turn()
        raise AssertionError(f"never: {what}; {self.told[-5:]}")

    def cards(self, address=None):
        """Return the numbers that came, each one looked at once."""
        for each in self.told[self._looked_at :]:
            if isinstance(each.event, Heard) and each.event.reply is Reply.RAW:
                self._cards.append((each.address, int(raw_card(each.event.data, CardRule()).value)))
        self._looked_at = len(self.told)
        return [number for where, number in self._cards if address in (None, where)]

    def states(self, address=1):
        return [each.event.trouble for each in self.told if isinstance(each.event, State) and each.address == address]

    def bad(self):
        return [each.event.fault.value for each in self.told if isinstance(each.event, Bad)]


@pytest.fixture(params=[None, KEY], ids=["plain", "secure"])
def key(request):
    return request.param


@pytest.fixture
def device(key):
    return OsdpDevice(1, key, randoms(99))


@pytest.fixture
def bench(device):
    made = Bench(device)
    made.until(lambda: made.states() == [""], "the reader is well")
    made.run(1)  # it has said what it is
    return made
