"""OSDP against what is not ours: libosdp 3.2.9 as the reader, the `osdp` package 1.6 as the panel. Short; `bench.osdp` is long.

Both install a module `osdp`, so each runs in an environment of its own, made by `tools/install test`.
"""

import secrets
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from bench.osdp_rig import PORTAL, ROOT, Rig, peer
from messages.access import AlarmKind, Credential, CredentialKind, Direction
from simulator.osdp import OsdpDevice
from simulator.pty_port import PtyPort
from wire.line_driver import Action
from wire.osdp.messages import CardRule, Command, raw_card
from wire.reads import Alarm, Walk

pytestmark = pytest.mark.xdist_group("osdp-peers")
needs_libosdp = pytest.mark.skipif(peer("libosdp") is None, reason="libosdp is not installed: tools/install test")
needs_osdp = pytest.mark.skipif(peer("osdp") is None, reason="osdp is not installed: tools/install test")
OPTIONS = {"inputs": ["passed-in", "fire", "", "held"], "output": 1}


@pytest.fixture(params=[False, True], ids=["plain", "secure"])
def secure(request):
    return request.param


@pytest.fixture
def rig(tmp_path, secure, wait_for):
    with Rig(tmp_path, secure=secure, options=OPTIONS) as made:
        wait_for(lambda: not made.line.trouble(PORTAL), "libosdp's reader is well")
        made.house.bad.clear()  # until it ran, it did not answer
        yield made


def numbers(rig):
    return [number for number, _ in rig.house.cards]


@needs_libosdp
def test_libosdps_reads_come_all_and_in_order(rig, wait_for):
    rig.tell("cards 300 1")
    wait_for(lambda: rig.came == 300, "all came")
    assert numbers(rig) == list(range(1, 301))
    assert rig.house.bad == {}


@needs_libosdp
def test_libosdp_takes_what_it_is_told(rig, wait_for):
    opened, granted = rig.act(Action.OPEN), rig.act(Action.GRANTED)
    wait_for(lambda: (opened, granted) == ([""], [""]), "both are done")
    out, led, buzzer = (next(each for each in rig.commands if each["command"] == kind) for kind in (1, 2, 3))
    assert (out["output_no"], out["control_code"], out["timer_count"]) == (1, 5, 10)
    assert (led["on_color"], led["temporary"]) == (2, True)
    assert buzzer["rep_count"] == 1


@needs_libosdp
def test_libosdps_inputs_and_case(rig, wait_for):
    rig.tell("inputs 0,0,0,0")
    wait_for(lambda: Alarm(AlarmKind.HELD, active=False) in rig.house.said, "it said how it stands")
    rig.house.said.clear()
    rig.tell("inputs 1,1,0,0")
    rig.tell("tamper 1")
    wait_for(lambda: Alarm(AlarmKind.TAMPER, active=True) in rig.house.said, "all was said")
    assert rig.house.said.count(Walk(passed=True, direction=Direction.IN)) == 1
    assert Alarm(AlarmKind.FIRE, active=True) in rig.house.said


@needs_libosdp
def test_nothing_is_lost_on_a_noisy_line(tmp_path, secure, wait_for):
    with Rig(tmp_path, secure=secure, noise=0.001) as rig:
        rig.tell("cards 300 1")
        wait_for(lambda: rig.came == 300, "all came")
        assert numbers(rig) == list(range(1, 301))
        assert rig.wire.spoiled


@needs_libosdp
def test_nothing_is_lost_at_the_pace_of_9600_baud(tmp_path, secure, wait_for):
    with Rig(tmp_path, secure=secure, baud=9600) as rig:
        wait_for(lambda: not rig.line.trouble(PORTAL), "libosdp's reader is well")
        rig.house.bad.clear()
        rig.tell("cards 60 1")
        wait_for(lambda: rig.came == 60, "all came")
        assert numbers(rig) == list(range(1, 61))
        assert rig.house.bad == {}


@needs_libosdp
def test_a_plug_that_was_pulled_in_the_middle_loses_nothing(rig, wait_for):
    rig.tell("cards 400 1")
    wait_for(lambda: rig.came > 100, "reading goes on")
    rig.wire.is_plugged.clear()
    wait_for(lambda: "does not answer" in rig.line.trouble(PORTAL), "its absence is known")
    rig.wire.is_plugged.set()
    wait_for(lambda: rig.came == 400, "the rest came")
    assert numbers(rig) == list(range(1, 401))


@needs_libosdp
def test_a_reader_with_another_key_is_not_believed(tmp_path, wait_for):
    with Rig(tmp_path, secure=True) as right:
        wait_for(lambda: not right.line.trouble(PORTAL), "with the right key it is well")
    rig = Rig(tmp_path, secure=True)
    rig._reader_arguments[1] = bytes(range(16)).hex()
    with rig:
        rig.tell("cards 3 1")
        wait_for(lambda: "another key" in rig.line.trouble(PORTAL), "it is told")
        assert rig.house.cards == []


@needs_libosdp
def test_a_reader_without_a_key_is_not_believed_where_one_is_set(tmp_path, wait_for):
    rig = Rig(tmp_path, secure=True)
    rig._reader_arguments[1] = "-"
    with rig:
        rig.tell("cards 3 1")
        wait_for(lambda: rig.house.bad["refused"], "it was asked")
        assert rig.line.trouble(PORTAL)
        assert rig.house.cards == []


# ---- the simulated reader, asked by a panel that is not ours ---------------------------------------------------------

MASTER = bytes(range(100, 116))


def key_from(master: bytes, device: OsdpDevice) -> bytes:
    """Derive a device's key as the package does: from the eight bytes that it says of itself in the handshake."""
    from simulator.osdp import _DEVICE_ID

    cipher = Cipher(AES(master), ECB()).encryptor()
    return cipher.update(_DEVICE_ID + bytes(byte ^ 0xFF for byte in _DEVICE_ID)) + cipher.finalize()


class OtherPanel:
    """The `osdp` package's control panel in its own process, and our reader on its line."""

    def __init__(self, folder, *, secure):
        self.device = OsdpDevice(1, None, secrets.token_bytes)
        self.device.key = key_from(MASTER, self.device) if secure else None
        self.port = PtyPort(folder / "line")
        self.lines = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._answer, self._listen)]
        program = [str(peer("osdp")), str(ROOT / "bench" / "peers" / "osdp_panel.py"), str(self.port.link), "1"]
        self._panel = subprocess.Popen(
            [*program, MASTER.hex() if secure else "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for thread in self._threads:
            thread.start()

    def _answer(self):
        while not self._stop.is_set():
            if asked := self.port.wait(0.05, self._stop.wait):
                self.port.send(self.device.hear(asked))

    def _listen(self):
        self.lines.extend(map(str.strip, self._panel.stdout))

    def tell(self, what):
        self._panel.stdin.write(what + "\n")
        self._panel.stdin.flush()

    @property
    def cards(self):
        found = []
        for line in self.lines:
            if line.startswith("card "):
                _, bits, data = line.split()
                raw = bytes([0, 1]) + int(bits).to_bytes(2, "little") + bytes.fromhex(data)
                found.append(int(raw_card(raw, CardRule()).value))
        return found

    def close(self):
        self._stop.set()
        self._panel.kill()
        self._panel.wait()
        for thread in self._threads:
            thread.join(10)
        self.port.unplug()


@pytest.fixture
def panel(tmp_path, secure):
    made = OtherPanel(tmp_path, secure=secure)
    yield made
    made.close()


@needs_osdp
def test_another_panel_reads_our_readers_cards(panel, wait_for):
    wait_for(lambda: "ready" in panel.lines, "the panel runs")
    for number in range(1, 21):
        panel.device.swipe(Credential(CredentialKind.CARD, f"{number:010}"))
    wait_for(lambda: len(panel.cards) == 20, "all came")
    assert panel.cards == list(range(1, 21))


@needs_osdp
def test_another_panel_has_things_done_at_our_reader(panel, wait_for):
    wait_for(lambda: "ready" in panel.lines, "the panel runs")
    panel.tell("id")
    wait_for(lambda: any(line.startswith("done id") for line in panel.lines), "it said what it is")
    assert f"done id {0x04050607}" in panel.lines
    panel.tell("out")
    panel.tell("led")
    wait_for(lambda: len(panel.device.done) == 2, "both were done")
    assert [done.command for done in panel.device.done] == [Command.OUT, Command.LED]
    wait_for(lambda: {"done out True", "done led True"} <= set(panel.lines), "and the panel knows")
