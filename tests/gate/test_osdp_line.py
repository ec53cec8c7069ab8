"""An OSDP line on a real pseudo-terminal: its settings, two readers on it, what they say, what is done at them."""

import secrets
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from config import ConfigError
from config.schema import Portal, PortalDirection
from messages.access import AlarmKind, Credential, CredentialKind, Direction
from simulator.osdp import OsdpDevice
from simulator.pty_port import PtyPort
from wire.families import family
from wire.found import BadFrame
from wire.line_driver import Action, Instant, Wanted
from wire.osdp.messages import Command
from wire.reads import Alarm, Read, Walk

KEYS = {"south-1": bytes(range(16)), "south-2": bytes(range(16, 32))}


class House:
    def __init__(self):
        self.taken, self.at_once = [], None

    def instant(self):
        return Instant(datetime.now(UTC), time.monotonic_ns(), "boot")

    def take(self, portal, said, at):
        self.taken.append((portal, said))
        if self.at_once is not None and isinstance(said, Read):
            self.at_once(portal)
        return True

    def changed(self):
        pass

    def cards(self, portal=None):
        return [
            said.credential.value for where, said in self.taken if isinstance(said, Read) and portal in (None, where)
        ]


class Readers:
    """Both simulated readers on one line: each hears everything."""

    def __init__(self, port, *devices):
        self.port, self.devices = port, {device.address: device for device in devices}
        self._stop = threading.Event()
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            asked = self.port.wait(0.05, self._stop.wait)
            with self.lock:
                answers = [answer for device in self.devices.values() if (answer := device.hear(asked))]
            for answer in answers:
                self.port.send(answer)

    def stop(self):
        self._stop.set()
        self._thread.join(30)


def card(number):
    return Credential(CredentialKind.CARD, f"{number:010}")


@pytest.fixture
def keys_file(tmp_path):
    file = tmp_path / "osdp-keys"
    file.write_text("# keys\n\n" + "".join(f"{name} = {key.hex()}\n" for name, key in KEYS.items()))
    file.chmod(0o600)
    return file


def portal(name, address, **options):
    return Portal(name, PortalDirection.IN, "osdp", "/dev/x", address=address, options=options)


@pytest.fixture(params=[True, False], ids=["secure", "plain"])
def options(request, keys_file):
    more = {"inputs": ["passed-in", "fire", "", "held"], "output": 1, "open_for": "2s"}
    return {**more, "keys_file": keys_file.name} if request.param else {**more, "secure": False}


@pytest.fixture
def house():
    return House()


@pytest.fixture
def readers(tmp_path, options):
    secure = "keys_file" in options
    with PtyPort(tmp_path / "line") as port:
        held = Readers(
            port,
            *(OsdpDevice(n, KEYS[f"south-{n}"] if secure else None, secrets.token_bytes) for n in (1, 2)),
        )
        yield held
        held.stop()


@pytest.fixture
def line(tmp_path, options, readers, house, wait_for):
    portals = [portal("south-1", 1, **options), portal("south-2", 2, **options)]
    driver = family("osdp").line(str(readers.port.link), portals, tmp_path)
    assert driver.trouble("south-1")
    thread = threading.Thread(target=driver.run, args=(house,))
    thread.start()
    wait_for(lambda: not driver.trouble("south-1") and not driver.trouble("south-2"), "both readers are well")
    yield driver
    driver.stop()
    thread.join(30)
    assert not thread.is_alive()


def test_two_readers_on_one_line_each_say_their_cards(line, readers, house, wait_for):
    with readers.lock:
        for number in range(1, 51):
            readers.devices[1].swipe(card(number))
            readers.devices[2].swipe(card(1000 + number))
    wait_for(lambda: len(house.cards()) == 100, "all came")
    assert house.cards("south-1") == [f"{number:010}" for number in range(1, 51)]
    assert house.cards("south-2") == [f"{1000 + number:010}" for number in range(1, 51)]
    assert not [said for _, said in house.taken if isinstance(said, BadFrame)]


def act(line, action=Action.OPEN, portal="south-1", seconds=30):
    told, known = [], threading.Event()
    until = time.monotonic_ns() + round(seconds * 1_000_000_000)
    line.act(Wanted(portal, action, until, done=lambda sentence: (told.append(sentence), known.set())))
    assert known.wait(30)
    return told


def test_doors_lights_and_sounds(line, readers):
    assert act(line) == [""]
    assert act(line, Action.GRANTED, "south-2") == [""]
    assert act(line, Action.DENIED, "south-2") == [""]
    assert [(done.command, done.data[:4].hex()) for done in readers.devices[1].done] == [(Command.OUT, "01051400")]
    assert [done.command for done in readers.devices[2].done] == [Command.LED, Command.BUZ] * 2
    assert act(line, seconds=0) == ["its time was over before the line could take it"]
    assert len(readers.devices[1].done) == 1


def test_what_is_wanted_while_a_card_is_taken_is_done_next(line, readers, house, wait_for):
    house.at_once = lambda portal: line.act(Wanted(portal, Action.OPEN, house.instant().monotonic_ns + 10**10))
    with readers.lock:
        readers.devices[2].swipe(card(5))
    wait_for(lambda: readers.devices[2].done, "the door was opened")
    assert readers.devices[1].done == []


def test_inputs_are_passages_and_alarms(line, readers, house, wait_for):
    wait_for(lambda: ("south-1", Alarm(AlarmKind.HELD, active=False)) in house.taken, "it was asked how it stands")
    house.taken.clear()
    with readers.lock:
        device = readers.devices[1]
        device.contact(1, closed=True)
        device.contact(0, closed=True)
        device.contact(2, closed=True)
        device.contact(0, closed=False)
        device.case(opened=True)
    wait_for(lambda: ("south-1", Alarm(AlarmKind.TAMPER, active=True)) in house.taken, "all was said")
    said = [said for where, said in house.taken if where == "south-1"]
    assert said.count(Walk(passed=True, direction=Direction.IN)) == 1
    assert Alarm(AlarmKind.FIRE, active=True) in said
    assert Alarm(AlarmKind.HELD, active=True) not in said


def test_a_reader_that_was_pulled_out_is_told_and_comes_back(line, readers, house, wait_for, caplog):
    with readers.lock:
        away = readers.devices.pop(2)
    wait_for(lambda: "does not answer" in line.trouble("south-2"), "its absence is known")
    assert act(line, portal="south-2")[0].startswith("it does not answer")
    away.swipe(card(77))
    with readers.lock:
        readers.devices[1].swipe(card(78))
    wait_for(lambda: house.cards("south-1"), "the other one reads on")
    with readers.lock:
        readers.devices[2] = away
    wait_for(lambda: house.cards("south-2") == ["0000000077"], "it is back, with what it had kept")
    assert line.trouble("south-2") == ""
    assert "osdp device portal=south-2 address=2: it does not answer" in caplog.text
    assert "0000000077" not in caplog.text


def test_the_port_pulled_out_and_plugged_in(line, readers, house, wait_for):
    readers.port.unplug()
    wait_for(lambda: "pulled out" in line.trouble("south-1"), "the loss is known")
    assert "pulled out" in act(line)[0]
    readers.port.plug_in()
    with readers.lock:
        readers.devices[1].swipe(card(3))
    wait_for(lambda: house.cards("south-1") == ["0000000003"], "reading goes on")


def test_a_line_behind_a_converter_on_the_network(tmp_path, house, wait_for):
    device = OsdpDevice(1, None, secrets.token_bytes)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"

        def converter():
            caller, _ = server.accept()
            with caller:
                while asked := caller.recv(1024):
                    caller.sendall(device.hear(asked))

        serving = threading.Thread(target=converter, daemon=True)
        serving.start()
        driver = family("osdp").line(address, [portal("south-1", 1, secure=False)], tmp_path)
        reading = threading.Thread(target=driver.run, args=(house,))
        reading.start()
        for number in range(1, 51):
            device.swipe(card(number))
        wait_for(lambda: len(house.cards()) == 50, "all came")
        driver.stop()
        reading.join(30)
        serving.join(30)
    assert house.cards() == [f"{number:010}" for number in range(1, 51)]
    assert driver._port._network_wait() <= 0.01


def refused(portals, folder):
    with pytest.raises(ConfigError) as failure:
        family("osdp").line("/dev/x", portals, folder)
    return str(failure.value)


@pytest.mark.parametrize(
    ("address", "options", "sentence"),
    [
        (None, {"secure": False}, "portal 'south-1', address: write the reader's own, from 0 to 126"),
        (127, {"secure": False}, "portal 'south-1', address: write the reader's own, from 0 to 126"),
        (1, {}, "portal 'south-1', options: secure and keys_file need each other"),
        (1, {"secure": False, "keys_file": "x"}, "secure and keys_file need each other"),
        (1, {"secure": False, "baud": 9601}, "portal 'south-1', options: baud"),
        (1, {"secure": False, "poll_every": "1ms"}, 'poll_every must be from "10ms" to "60000ms"'),
        (1, {"secure": False, "inputs": ["fier"]}, "inputs: 'fier' is none of passed, passed-in"),
        (1, {"secure": False, "card": "decimal"}, "portal 'south-1', options: card"),
        (1, {"secure": False, "poll": "1s"}, "portal 'south-1', options: unknown key 'poll'"),
        (1, {"secure": False, "install_until": "tomorrow"}, 'write it like "2026-11-25T18:30:00+08:00"'),
        (1, {"keys_file": "nowhere"}, "nowhere cannot be read"),
    ],
)
def test_settings_that_do_not_fit_name_portal_and_key(address, options, sentence, tmp_path):
    assert sentence in refused([portal("south-1", address, **options)], tmp_path)


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (
            "south-1 = 303132333435363738393A3B3C3D3E3F",
            0o600,
            "line 1: this is the default key, printed in the standard",
        ),
        ("\nsouth-1 = " + "00" * 16, 0o600, "line 2: a key of so few different bytes can be guessed"),
        ("south-1 = 0011", 0o600, "line 1: write a portal, =, and 32 hexadecimal digits"),
        ("south-2 = " + bytes(range(16)).hex(), 0o600, "has no line for 'south-1'"),
        ("south-1 = " + bytes(range(16)).hex(), 0o644, "other accounts may open it: run `chmod 600"),
    ],
)
def test_key_files_that_do_not_fit(content, mode, sentence, tmp_path):
    (tmp_path / "keys").write_text(content)
    (tmp_path / "keys").chmod(mode)
    message = refused([portal("south-1", 1, keys_file="keys")], tmp_path)
    assert sentence in message
    assert bytes(range(16)).hex() not in message


def test_portals_of_one_line_fit_each_other(tmp_path):
    plain = {"secure": False}
    same = refused([portal("south-1", 1, **plain), portal("south-2", 1, **plain)], tmp_path)
    assert "portal 'south-2', address: 1 is that of 'south-1' on the same line" in same
    speeds = refused([portal("south-1", 1, **plain), portal("south-2", 2, baud=19200, **plain)], tmp_path)
    assert "baud, poll_every, answer_within and turnaround are the line's" in speeds


def test_install_mode_is_off_and_ends_by_itself(tmp_path):
    from wire.osdp.options import Options

    now = datetime.now(UTC)

    def allows(until):
        return Options(secure=False, install_until=until).allows_install(now)

    assert not allows("")
    assert allows((now + timedelta(hours=1)).isoformat())
    assert not allows((now - timedelta(seconds=1)).isoformat())
    assert not allows((now + timedelta(days=2)).isoformat()), "a day at most: nobody forgets it for years"
