"""Lines and their drivers: settings that fit, actions at a described board, and a family in code by its entry point."""

import threading
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from config import ConfigError
from config.protocol_names import coded, protocol_names
from config.schema import Portal, PortalDirection
from gate.cli import frames
from gate.settings import Lane, drivers
from messages.access import Direction
from simulator.pty_port import PtyPort
from wire.families import family
from wire.line_driver import Action, Instant, Wanted
from wire.reads import Walk

NOW_NS = 1_000_000_000
LATER_NS = NOW_NS + 1


class House:
    def __init__(self):
        self.taken, self.now_ns = [], NOW_NS

    def instant(self):
        return Instant(datetime.now(UTC), self.now_ns, "boot")

    def take(self, portal, said, at):
        self.taken.append((portal, said))
        return True

    def changed(self):
        pass


@pytest.fixture
def house():
    return House()


@pytest.fixture
def running(house):
    """Run drivers on threads of their own until the test ends."""
    started = []

    def run(driver):
        thread = threading.Thread(target=driver.run, args=(house,))
        thread.start()
        started.append((driver, thread))
        assert driver.tried.wait(30)
        return driver

    yield run
    for driver, thread in started:
        driver.stop()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def port(tmp_path):
    with PtyPort(tmp_path / "board") as port:
        yield port


def portal(name="south-1", protocol="digicon-tx1500", **more):
    return Portal(name, PortalDirection.FRAME, protocol, **more)


def line(device, *portals, folder):
    return family(portals[0].protocol).line(str(device), portals, folder)


class Told:
    def __init__(self):
        self.sentences, self.known = [], threading.Event()

    def __call__(self, sentence):
        self.sentences.append(sentence)
        self.known.set()


def ask(driver, action=Action.OPEN, direction=None, until_ns=LATER_NS):
    told = Told()
    driver.act(Wanted("south-1", action, until_ns, direction, told))
    assert told.known.wait(30)
    return told.sentences


def test_an_open_command_goes_out_where_the_options_name_it(port, running, tmp_path, wait_for):
    options = {"open_in": "open_one_way", "open_out": "open_other_way", "granted": "control_again"}
    driver = running(line(port.link, portal(options=options), folder=tmp_path))
    assert ask(driver, direction=Direction.OUT) == [""]
    assert port.wait(30, lambda _: None) == bytes.fromhex("0202004141")
    assert ask(driver, Action.GRANTED) == [""]
    assert port.wait(30, lambda _: None) == bytes.fromhex("0202004343")
    assert ask(driver) == ["portal 'south-1' names no message for open in its options"]
    assert ask(driver, Action.DENIED) == ["portal 'south-1' names no message for denied in its options"]


def test_an_open_command_is_never_sent_late_nor_after_a_replug(port, running, tmp_path, wait_for, house):
    driver = running(line(port.link, portal(options={"open": "open_one_way"}), folder=tmp_path))
    assert ask(driver, until_ns=NOW_NS) == ["its time was over before the line could take it"]
    port.unplug()
    wait_for(lambda: driver.trouble("south-1"), "the loss is known")
    assert "pulled out" in ask(driver)[0]
    port.plug_in()
    wait_for(lambda: not driver.trouble("south-1"), "the port is open again")
    port.send(bytes.fromhex("0202001A1A"))
    wait_for(lambda: house.taken, "the board is heard again")
    assert house.taken == [("south-1", Walk(passed=True, direction=Direction.IN))]
    assert port.receive() == b""


@pytest.mark.parametrize(
    ("portals", "sentence"),
    [
        ([portal(options={"opne": "x"})], r"portal 'south-1', options: unknown key 'opne', did you mean 'open'\?"),
        ([portal(options={"open": "passed_right_to_left"})], r'open: \'passed_right_to_left\' is no message with says = "open"'),
        ([portal(options={"granted": "open_one_way"})], 'no message with says = "command"'),
        ([portal(address=3)], "address: portal 'south-1': .* has no addresses"),
        ([portal(), portal("south-2")], "port: portal 'south-2': a port of .* has one portal, not 'south-1' too"),
        ([portal(), portal("south-2", "line")], "speak 'digicon-tx1500' and 'line': one line, one family"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_a_sentence(portals, sentence, tmp_path):
    lanes = [Lane(each, "/dev/x", family(each.protocol)) for each in portals]

    class Settings:
        site = tmp_path / "site.toml"

    with pytest.raises(ConfigError, match=sentence):
        drivers(Settings, lanes)


BEACON = """
import threading
from config import structure
from messages.access import Credential, CredentialKind
from wire.description import SerialLine
from wire.reads import Read
import attrs

@attrs.frozen
class Options:
    card: str

class View:
    def feed(self, received):
        return [(f"beacon {byte:02X}", byte != 0) for byte in received]
    def finish(self):
        return []

class Line:
    def __init__(self, device, cards):
        self.device, self.cards = device, cards
        self.tried, self._stop = threading.Event(), threading.Event()
    def run(self, house):
        self.tried.set()
        for portal, card in self.cards.items():
            house.take(portal, Read(Credential(CredentialKind.CARD, card)), house.instant())
        self._stop.wait(60)
    def stop(self):
        self._stop.set()
    def act(self, wanted):
        wanted.done("a beacon opens nothing")
    def trouble(self, portal):
        return ""

class Beacon:
    serial = SerialLine()
    def line(self, device, portals, folder):
        return Line(device, {p.id: structure(p.options, Options, f"portal {p.id!r}, options").card for p in portals})
    def view(self):
        return View()

BEACON = Beacon()
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package beside ours, installed as pip would leave it: a module, and metadata with the entry point."""
    folder = tmp_path / "site"
    (folder / "beacon-1.dist-info").mkdir(parents=True)
    (folder / "beacon_line.py").write_text(BEACON)
    (folder / "beacon-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: beacon\nVersion: 1\n")
    (folder / "beacon-1.dist-info" / "entry_points.txt").write_text(
        "[seatgate.protocols]\nbeacon = beacon_line:BEACON\nbroken = beacon_line:NOTHING\n"
    )
    monkeypatch.syspath_prepend(folder)
    coded.cache_clear()
    yield folder
    coded.cache_clear()


def test_a_family_in_code_is_one_module_and_one_entry_point(installed, running, house, tmp_path):
    assert "beacon" in protocol_names()
    portals = [portal(f"south-{n}", "beacon", address=n, options={"card": f"000000000{n}"}) for n in (1, 2)]
    lanes = [Lane(each, "/dev/x", family("beacon")) for each in portals]

    class Settings:
        site = tmp_path / "site.toml"

    ((driver, on_it),) = drivers(Settings, lanes)
    assert on_it == portals
    running(driver)
    assert ask(driver) == ["a beacon opens nothing"]
    assert [(name, said.credential.value) for name, said in house.taken] == [
        ("south-1", "0000000001"),
        ("south-2", "0000000002"),
    ]


def test_its_frames_are_shown_and_a_broken_one_is_a_sentence(installed):
    shown = CliRunner().invoke(frames, ["--protocol", "beacon", "--hex", "01 00"])
    assert (shown.output, shown.exit_code) == ("beacon 01\nbeacon 00\n2 frames, 1 bad.\n", 1)
    broken = CliRunner().invoke(frames, ["--protocol", "broken", "--hex", "01"])
    assert broken.output.startswith("Error: protocol: 'broken' is in code that does not load")
