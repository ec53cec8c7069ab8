"""Our Modbus master against pymodbus's server, which we did not write, over two pseudo-terminals with a wire between them."""

import asyncio
import os
import select
import threading
import tty
from datetime import UTC, datetime
from time import monotonic_ns

import pytest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config import ConfigError
from config.schema import Portal, PortalDirection
from messages.access import AlarmKind, Direction
from simulator.pty_port import PtyPort
from wire.families import family
from wire.found import BadFrame
from wire.line_driver import Action, Instant, Wanted
from wire.modbus.line import FAMILY
from wire.reads import Alarm, Walk

COILS, INPUTS = 1, 2


class House:
    def __init__(self, memory):
        self.memory, self.taken = memory, []

    def instant(self):
        return Instant(datetime.now(UTC), monotonic_ns(), "boot")

    def take(self, portal, said, at):
        self.taken.append((portal, said))
        return True

    def changed(self):
        pass

    def said(self):
        return [(portal, said) for portal, said in self.taken if not isinstance(said, BadFrame)]


class Wire:
    """Carries bytes between the gate's pseudo-terminal and that of the boards; can spoil or cut."""

    def __init__(self, gate: PtyPort) -> None:
        self._gate = gate
        self._far, device = os.openpty()
        tty.setraw(device)
        self.device = os.ttyname(device)
        self._held = device
        self.spoil, self.cut, self._stop = 0, False, threading.Event()
        self.dead: set[int] = set()
        """Stations whose questions get lost: pymodbus's server answers for stations that there are not."""
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        while not self._stop.is_set():
            if (asked := self._gate.wait(0.005, self._stop.wait)) and asked[0] not in self.dead:
                os.write(self._far, asked)
            while select.select([self._far], [], [], 0.001)[0]:
                answer = os.read(self._far, 1024)
                if self.spoil:
                    self.spoil -= 1
                    answer = bytes([answer[0] ^ 0x10]) + answer[1:]
                if not self.cut:
                    self._gate.send(answer)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)
        os.close(self._far)
        os.close(self._held)


def _bits() -> list[SimData]:
    return [SimData(0, values=[False] * 16, datatype=DataType.BITS)]


class Boards:
    """pymodbus's server with boards of 16 inputs and 16 coils; its event loop on a thread."""

    def __init__(self, device: str, *numbers: int) -> None:
        registers = [SimData(0, values=0, datatype=DataType.REGISTERS)]
        self._devices = [SimDevice(number, simdata=(_bits(), _bits(), registers, registers)) for number in numbers]
        self._device, self._ready = device, threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(30)
        for number in numbers:
            self.put(number, 2, True)
            self.put(number, 3, True)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._server = ModbusSerialServer(self._devices, port=self._device, baudrate=9600, ignore_missing_devices=True)
        await self._server.serve_forever(background=True)
        self._ready.set()
        await self._end.wait()
        await self._server.shutdown()

    def _ask(self, question):
        return asyncio.run_coroutine_threadsafe(question, self._loop).result(30)

    def put(self, number: int, at: int, on: bool) -> None:
        self._ask(self._server.async_setValues(number, INPUTS, at, [on]))

    def coil(self, number: int, at: int = 0) -> bool:
        return bool(self._ask(self._server.async_getValues(number, COILS, at, 1))[0])

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
def port(tmp_path):
    with PtyPort(tmp_path / "line") as port:
        yield port


@pytest.fixture
def wire(port):
    wire = Wire(port)
    yield wire
    wire.close()


@pytest.fixture
def boards(wire):
    boards = Boards(wire.device, 1, 2)
    yield boards
    boards.close()


@pytest.fixture
def line(boards, port, house, tmp_path, wait_for):
    portals = [portal("south-1", 1), portal("south-2", 2)]
    line = FAMILY.line(str(port.link), portals, tmp_path)
    thread = threading.Thread(target=line.run, args=(house,))
    thread.start()
    wait_for(lambda: not line.trouble("south-1") and not line.trouble("south-2"), "both boards answer")
    yield line
    line.stop()
    thread.join(30)
    assert not thread.is_alive()


def portal(name, address, **options):
    return Portal(name, PortalDirection.FRAME, "modbus-rtu", address=address, options={"board": "io-8"} | options)


def wanted(portal="south-1", seconds=5, **more):
    told = []
    return told, Wanted(portal, Action.OPEN, monotonic_ns() + seconds * 10**9, done=told.append, **more)


def test_pulses_and_alarms_of_two_boards_are_told_at_their_portals(line, boards, house, wait_for):
    boards.put(2, 1, True)
    wait_for(house.said, "somebody walked through")
    boards.put(1, 2, False)
    wait_for(lambda: len(house.said()) == 2, "the fire release went off")
    boards.put(1, 2, True)
    wait_for(lambda: len(house.said()) == 3, "and is back")
    assert house.said() == [
        ("south-2", Walk(True, Direction.OUT)),
        ("south-1", Alarm(AlarmKind.FIRE, active=True)),
        ("south-1", Alarm(AlarmKind.FIRE, active=False)),
    ]


def test_a_door_opens_for_its_pulse_and_only_that_one(line, boards, wait_for):
    told, opening = wanted()
    line.act(opening)
    wait_for(lambda: boards.coil(1), "the relay is on")
    wait_for(lambda: not boards.coil(1), "and off by itself")
    assert (told, boards.coil(2)) == ([""], False)


def test_what_is_wanted_too_late_or_of_a_board_without_an_output_is_told(line, boards, wait_for):
    late, asked = wanted(seconds=-1)
    line.act(asked)
    wait_for(lambda: late, "it is told")
    assert late == ["its time was over before the line could take it"]
    told = []
    line.act(Wanted("south-1", Action.GRANTED, monotonic_ns() + 10**9, done=told.append))
    assert told == ["the board of portal 'south-1' has no output for granted"]
    assert not boards.coil(1)


def test_a_broken_answer_is_counted_and_the_next_is_good(line, boards, house, wire, wait_for):
    wire.spoil = 1
    wait_for(lambda: any(isinstance(said, BadFrame) for _, said in house.taken), "a bad frame is counted")
    boards.put(1, 0, True)
    wait_for(lambda: house.said() == [("south-1", Walk(True, Direction.IN))], "the next answer is read")
    assert line.trouble("south-1") == ""


def test_boards_that_are_cut_off_are_a_trouble_and_are_back_by_themselves(line, boards, wire, house, wait_for):
    wire.cut = True
    wait_for(lambda: line.trouble("south-1") and line.trouble("south-2"), "both are missed")
    assert "does not answer" in line.trouble("south-2")
    told, opening = wanted()
    line.act(opening)
    assert "does not answer" in told[0]
    wire.cut = False
    wait_for(lambda: not line.trouble("south-1") and not line.trouble("south-2"), "both are back")
    assert house.said() == []


def test_one_board_that_is_dead_does_not_silence_the_other(boards, port, wire, house, tmp_path, wait_for):
    wire.dead.add(9)
    line = FAMILY.line(str(port.link), [portal("south-9", 9), portal("south-1", 1)], tmp_path)
    thread = threading.Thread(target=line.run, args=(house,))
    thread.start()
    try:
        wait_for(lambda: not line.trouble("south-1"), "the living one answers")
        wait_for(lambda: "does not answer" in line.trouble("south-9"), "the dead one is told")
        boards.put(1, 0, True)
        wait_for(lambda: house.said() == [("south-1", Walk(True, Direction.IN))], "the living one is heard")
    finally:
        line.stop()
        thread.join(30)


def test_a_pulled_adapter_is_a_trouble_and_a_door_is_not_opened_by_its_return(line, boards, port, house, wait_for):
    port.unplug()
    wait_for(lambda: "pulled out" in line.trouble("south-1") or "no device" in line.trouble("south-1"), "it is known")
    told, opening = wanted()
    line.act(opening)
    assert len(told) == 1
    assert told[0]
    port.plug_in()
    wait_for(lambda: not line.trouble("south-1"), "it is back")
    assert not boards.coil(1)


@pytest.mark.parametrize(
    ("portals", "sentence"),
    [
        ([portal("a", None)], "portal 'a': address = None: a board's station number is 1 to 247"),
        ([portal("a", 248)], "address = 248"),
        ([portal("a", 1, board="io-9")], "board: 'io-9' is none, did you mean 'io-8'"),
        ([portal("a", 1, board="mine.toml")], "mine.toml: there is no such file"),
        ([portal("a", 1, relay=1)], "unknown key 'relay'"),
        ([Portal("a", PortalDirection.IN, "modbus-rtu", address=1)], "board"),
        ([portal("a", 1), portal("b", 2, board="fast.toml")], r"its boards have different \[serial\] settings"),
        ([portal("a", 1, board="bad.toml")], "a door that stays open is no pulse"),
    ],
)
def test_settings_that_do_not_fit_are_a_sentence(tmp_path, portals, sentence):
    (tmp_path / "fast.toml").write_text('title = "x"\n[serial]\nbaud = 115200\n[inputs]\ncount = 4\n')
    (tmp_path / "bad.toml").write_text('title = "x"\n[inputs]\ncount = 4\n[outputs.open]\ncoil = 0\npulse = "2min"\n')
    with pytest.raises(ConfigError, match=sentence):
        FAMILY.line("/dev/x", portals, tmp_path)
    assert family("modbus-rtu") is FAMILY
