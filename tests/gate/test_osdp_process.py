"""Two OSDP readers with keys on one line of a real gate process in control mode: cards, doors, lights, and what booking gets."""

import secrets
import threading

import pytest

from messages.access import Credential, CredentialKind
from simulator.osdp import OsdpDevice
from wire.osdp.messages import Command

KEYS = {"south-1": bytes(range(16)), "south-2": bytes(range(16, 32))}


@pytest.fixture
def portals(tmp_path):
    file = tmp_path / "osdp-keys"
    file.write_text("".join(f"{name} = {key.hex()}\n" for name, key in KEYS.items()))
    file.chmod(0o600)

    def reader(direction, address):
        more = f'options = {{ keys_file = "{file}", output = 0, inputs = ["passed"] }}'
        return (direction, "osdp", 'mode = "control"', 'when_unknown = "closed"', f"address = {address}", more)

    return {"south-1": reader("in", 1), "south-2": reader("out", 2)}


@pytest.fixture
def readers(gate_process):
    """Both on the line of south-1."""
    port = gate_process.turnstiles["south-1"]
    text = gate_process.config.read_text()
    gate_process.config.write_text(text.replace(str(gate_process.turnstiles["south-2"].link), str(port.link)))
    gate_process._portals = {"south-1": gate_process._portals["south-1"]}  # one port opens, not two
    devices = [OsdpDevice(n, KEYS[f"south-{n}"], secrets.token_bytes) for n in (1, 2)]
    stop = threading.Event()

    def answer():
        while not stop.is_set():
            asked = port.wait(0.05, stop.wait)
            for device in devices:
                if said := device.hear(asked):
                    port.send(said)

    thread = threading.Thread(target=answer)
    thread.start()
    yield devices
    stop.set()
    thread.join(30)


def card(number):
    return Credential(CredentialKind.CARD, f"{number:010}")


def test_a_card_opens_the_way_out_and_none_opens_the_way_in_without_a_list(readers, gate_process, booking, wait_for):
    into, out_of = readers
    booking.open()
    gate_process.start()
    wait_for(lambda: gate_process.log.count("is well") == 2, f"both readers are well:\n{gate_process.log}")
    into.swipe(card(1))
    wait_for(
        lambda: [done.command for done in into.done] == [Command.LED, Command.BUZ], "who may not come in is told so"
    )
    out_of.swipe(card(2))
    wait_for(lambda: Command.OUT in [done.command for done in out_of.done], "the way out is opened")
    out_of.contact(0, closed=True)
    wait_for(lambda: len(booking.events) == 3, "booking has both, and that somebody passed")
    denied, granted, passed = booking.events
    assert (denied.portal, denied.outcome.value, denied.credential) == ("south-1", "denied", card(1))
    assert (granted.portal, granted.outcome.value, granted.credential) == ("south-2", "granted", card(2))
    assert (passed.portal, passed.of, passed.passed) == ("south-2", granted.sequence, True)
    assert Command.OUT not in [done.command for done in into.done]
    assert gate_process.stop()[0] == 0
    for secret in (*(key.hex() for key in KEYS.values()), "0000000002"):
        assert secret not in gate_process.log
