"""The driver of an OSDP line: its thread's loop, its portals' actions, and what its events mean to the gate.

The only module of `wire.osdp` with a port, randomness and a log. See `wire.line_driver.Driver`.
"""

import logging
import secrets
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from config.schema import Portal
from messages.access import AlarmKind, Direction
from wire.description import SerialLine
from wire.found import BadFrame, Fault
from wire.line_driver import Action, House, Instant, Wanted
from wire.osdp import messages
from wire.osdp.bus import Bus, Told
from wire.osdp.messages import Capability, Command, Identity, Reply
from wire.osdp.options import Device, Options, devices
from wire.osdp.panel import Event, Heard, Panel, State
from wire.osdp.session import Bad, Order
from wire.osdp.view import PacketView
from wire.pending import Pending
from wire.reads import Alarm, Read, Said, Walk
from wire.serial_port import Lost, Opened, PortError, SerialPort

_log = logging.getLogger(__name__)
SIGNAL_SECONDS = 2.0
"""How long a light says yes or no."""
_BYTES_OF_LOCAL_STATUS = 2
_WALKS = {"passed": None, "passed-in": Direction.IN, "passed-out": Direction.OUT}


class Osdp:
    """The family; see `wire.line_driver.Family`."""

    serial = SerialLine()

    def line(self, device: str, portals: Sequence[Portal], folder: Path) -> "OsdpLine":
        """See `Family.line`."""
        return OsdpLine(device, devices(portals, folder))

    def view(self) -> PacketView:
        """See `Shows.view`."""
        return PacketView()


OSDP = Osdp()


class OsdpLine:
    """One port with one device or several."""

    def __init__(self, device: str, on_it: Sequence[Device]) -> None:
        self.device = device
        self._devices = {each.address: each for each in on_it}
        self._by_portal = {each.portal: each for each in on_it}
        panels = [
            Panel(each.address, each.key, secrets.token_bytes, crc=each.options.crc, inputs=any(each.options.inputs))
            for each in on_it
        ]
        first = on_it[0].options
        self._bus = Bus(panels, first.pace)
        self._port = SerialPort(device, SerialLine(baud=first.baud))
        self._pending = Pending(self._port.wake)
        self._inputs: dict[int, bytes] = {}
        self._troubles = {each.portal: "it has not been asked yet" for each in on_it}

    @property
    def tried(self) -> threading.Event:
        """See `Driver.tried`."""
        return self._port.tried

    def stop(self) -> None:
        """See `Driver.stop`."""
        self._port.stop()

    def trouble(self, portal: str) -> str:
        """See `Driver.trouble`."""
        return self._port.trouble or self._troubles[portal]

    def act(self, wanted: Wanted) -> None:
        """See `Driver.act`."""
        if sentence := self.trouble(wanted.portal):
            wanted.done(sentence)
        elif _orders(wanted, self._by_portal[wanted.portal].options):
            self._pending.put(wanted)
        else:
            wanted.done(f"portal {wanted.portal!r} has nothing in its options for {wanted.action}")

    def run(self, house: House) -> None:
        """See `Driver.run`."""
        for event in self._port.listen(lambda: self._bus.wait(house.instant().monotonic_ns)):
            at = house.instant()
            match event:
                case Opened():
                    self._handle(self._bus.begin(at.monotonic_ns), house, at)
                    house.changed()
                case Lost():
                    self._handle(self._bus.end(), house, at)
                    self._pending.refuse(event.reason)
                    house.changed()
                case bytes():
                    self._handle(self._bus.feed(event, at.monotonic_ns), house, at)
            self._speak(house)
        self._pending.refuse("the gate stops")

    def _speak(self, house: House) -> None:
        """Send what is due. An action goes before any poll."""
        at = house.instant()
        for wanted in self._pending.due(at.monotonic_ns):
            device = self._by_portal[wanted.portal]
            if sentence := self._bus.panels[device.address].order(_orders(wanted, device.options)):
                wanted.done(sentence)
        for address, device in self._devices.items():
            self._bus.panels[address].install(allowed=device.options.allows_install(at.wall))
        content, told = self._bus.step(at.monotonic_ns)
        self._handle(told, house, at)
        if content:
            with suppress(PortError):  # `listen` meets the same fault, tells it and opens the port again
                self._port.write(content)

    def _handle(self, told: Iterable[Told], house: House, at: Instant) -> None:
        for each in told:
            device = self._devices[each.address]
            for said in self._said(device, each.event, house):
                house.take(device.portal, said, at)

    def _said(self, device: Device, event: Event, house: House) -> Iterable[Said | BadFrame]:
        match event:
            case Bad():
                return [BadFrame(event.fault, b"", event.detail)]
            case State():
                self._tell(device, event.trouble)
                house.changed()
            case Identity():
                _log.info(
                    "osdp device portal=%s address=%d vendor=%s model=%d version=%d serial=%08X firmware=%s",
                    device.portal,
                    device.address,
                    event.vendor,
                    event.model,
                    event.version,
                    event.serial,
                    event.firmware,
                )
            case Heard():
                try:
                    return list(self._meaning(device, event))
                except ValueError as error:
                    return [BadFrame(Fault.NOT_MATCHING, b"", str(error))]
        return []

    def _tell(self, device: Device, trouble: str) -> None:
        self._troubles[device.portal] = trouble
        if trouble:
            _log.warning("osdp device portal=%s address=%d: %s", device.portal, device.address, trouble)
        else:
            _log.info("osdp device portal=%s address=%d is well", device.portal, device.address)

    def _meaning(self, device: Device, heard: Heard) -> Iterable[Said]:
        rule = device.options.rule
        match heard.reply:
            case Reply.RAW:
                return [Read(messages.raw_card(heard.data, rule))]
            case Reply.FMT:
                return [Read(messages.text_card(heard.data, rule))]
            case Reply.LSTATR if len(heard.data) >= _BYTES_OF_LOCAL_STATUS:
                return [
                    Alarm(AlarmKind.TAMPER, active=bool(heard.data[0])),
                    Alarm(AlarmKind.POWER, active=bool(heard.data[1])),
                ]
            case Reply.ISTATR:
                return self._input_states(device, heard.data)
            case _:
                return []

    def _input_states(self, device: Device, states: bytes) -> Iterable[Said]:
        """Return an alarm for what is watched, and a passage for a contact that closed since it was last heard of."""
        before = self._inputs.get(device.address)
        self._inputs[device.address] = states
        said: list[Said] = []
        for at, (word, state) in enumerate(zip(device.options.inputs, states, strict=False)):
            if word in _WALKS:
                if state and before is not None and at < len(before) and not before[at]:
                    said.append(Walk(passed=True, direction=_WALKS[word]))
            elif word:
                said.append(Alarm(AlarmKind(word), active=bool(state)))
        return said


def _orders(wanted: Wanted, options: Options) -> list[Order]:
    """Return the commands of an action; the last one tells that it is done. Empty: the options have nothing for it."""
    until = wanted.until_ns
    if wanted.action is Action.OPEN:
        if options.output is None:
            return []
        data = messages.out(options.output, options.open_for.total_seconds())
        return [Order(Command.OUT, data, until, wanted, Capability.OUTPUTS)]
    granted = wanted.action is Action.GRANTED
    orders = []
    if options.light >= 0:
        colour = messages.GREEN if granted else messages.RED
        data = messages.led(options.light, colour, SIGNAL_SECONDS, blinking=not granted)
        orders.append(Order(Command.LED, data, until, None, Capability.LEDS))
    if options.sound:
        orders.append(Order(Command.BUZ, messages.buzzer(1 if granted else 3), until, None, Capability.SOUND))
    if orders:
        last = orders.pop()
        orders.append(Order(last.command, last.data, until, wanted, last.needs))
    return orders
