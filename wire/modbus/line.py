"""The family `modbus-rtu` and its driver: a serial line with boards on it, a portal each. See `wire.line_driver`."""

from collections.abc import Sequence
from pathlib import Path

import attrs

from config import load, shipped, structure
from config.errors import ConfigError, nearest
from config.schema import Portal
from messages.access import Direction
from wire.description import SerialLine
from wire.line_driver import Action, House, Wanted
from wire.modbus.board import Board, Output, Watch
from wire.modbus.frames import STATIONS
from wire.modbus.master import Heard, Master, Station
from wire.modbus.view import ModbusView
from wire.pending import Pending
from wire.serial_port import Lost, Opened, PortError, SerialPort

_KEYS = {
    (Action.OPEN, None): "open",
    (Action.OPEN, Direction.IN): "open_in",
    (Action.OPEN, Direction.OUT): "open_out",
    (Action.GRANTED, None): "granted",
    (Action.DENIED, None): "denied",
}


@attrs.frozen
class Options:
    """`[gates.portals.options]`: which board it is, shipped by name or a file ending in .toml beside the site file."""

    board: str


def board_names() -> list[str]:
    """Return the boards that ship as a description."""
    files = shipped("boards").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


class ModbusRtu:
    """See `wire.line_driver.Family` and `Shows`."""

    serial = SerialLine()

    @staticmethod
    def view() -> ModbusView:
        """See `Shows.view`."""
        return ModbusView()

    def line(self, device: str, portals: Sequence[Portal], folder: Path) -> "ModbusLine":
        """See `Family.line`."""
        stations, problems = [], []
        for portal in portals:
            try:
                stations.append(_station(portal, folder))
            except ConfigError as error:
                problems += [f"{error.origin}: {problem}" for problem in error.problems]
        if len({each.board.serial for each in stations}) > 1:
            problems.append(
                f"{device}: its boards have different [serial] settings: one line has one speed and one parity"
            )
        if problems:
            raise ConfigError("modbus-rtu", problems)
        return ModbusLine(device, stations)


def _station(portal: Portal, folder: Path) -> Station:
    where = f"portal {portal.id!r}"
    options = structure(portal.options, Options, f"{where}, options")
    if options.board.endswith(".toml"):
        board = load(Board, folder / options.board)
    elif options.board in board_names():
        board = load(Board, shipped("boards", f"{options.board}.toml"))
    else:
        known = f"there are {', '.join(board_names())}; one of your own is a path ending in .toml"
        raise ConfigError(
            f"{where}, options",
            [f"board: {options.board[:60]!r} is none{nearest(options.board, board_names())}: {known}"],
        )
    if portal.address is None or portal.address not in STATIONS:
        raise ConfigError(where, [f"address = {portal.address}: a board's station number is 1 to 247"])
    return Station(portal.id, portal.address, board, Watch(board))


class ModbusLine:
    """One serial line. See `wire.line_driver.Driver`."""

    def __init__(self, device: str, stations: list[Station]) -> None:
        self.device = device
        self._stations = {each.portal: each for each in stations}
        self._master = Master(stations)
        self._port = SerialPort(device, stations[0].board.serial)
        self._pending = Pending(self._port.wake)
        self.tried = self._port.tried

    def stop(self) -> None:
        """See `Driver.stop`."""
        self._port.stop()

    def trouble(self, portal: str) -> str:
        """See `Driver.trouble`."""
        return self._port.trouble or self._stations[portal].trouble

    def act(self, wanted: Wanted) -> None:
        """See `Driver.act`."""
        if self._output(wanted) is None:
            wanted.done(f"the board of portal {wanted.portal!r} has no output for {wanted.action}")
        elif trouble := self.trouble(wanted.portal):
            wanted.done(trouble)
        else:
            self._pending.put(wanted)

    def run(self, house: House) -> None:
        """See `Driver.run`."""
        master, port = self._master, self._port
        for event in port.listen(lambda: master.wait(house.instant().monotonic_ns)):
            at = house.instant()
            before = [each.trouble for each in self._stations.values()]
            heard: list[Heard] = []
            match event:
                case Opened():
                    master.opened(at.monotonic_ns)
                case Lost(reason):
                    master.lost(reason)
                    self._pending.refuse(reason)
                case bytes():
                    heard = master.heard(event, at.monotonic_ns)
            heard += master.late(at.monotonic_ns)
            for each in heard:
                house.take(each.portal, each.said, at)
            if isinstance(event, Opened | Lost) or before != [each.trouble for each in self._stations.values()]:
                house.changed()
            self._send(house)
        self._pending.refuse("the gate stops")

    def _send(self, house: House) -> None:
        now_ns = house.instant().monotonic_ns
        for wanted in self._pending.due(now_ns):
            if (output := self._output(wanted)) is not None:
                self._master.switch(wanted.portal, output, now_ns, wanted.until_ns, wanted.done)
        if content := self._master.due(now_ns):
            try:
                self._port.write(content)
            except PortError as error:  # `listen` meets the same fault, tells it and opens the port again
                self._master.lost(str(error))

    def _output(self, wanted: Wanted) -> Output | None:
        outputs = self._stations[wanted.portal].board.outputs
        keys = (_KEYS.get((wanted.action, wanted.direction), ""), _KEYS.get((wanted.action, None), ""))
        return next((outputs[key] for key in keys if key in outputs), None)


FAMILY = ModbusRtu()
