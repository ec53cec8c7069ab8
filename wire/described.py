"""The driver of every family that a description (TOML) tells of: one portal to a port. See `wire.line_driver`.

What opens or commands is sent only where a portal's options name the message for it, and only when the gate asks.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from config import structure
from config.errors import ConfigError, nearest
from config.schema import Portal
from messages.access import Direction
from wire.description import Description, SerialLine
from wire.frames import BadFrame, Frame, FrameDecoder, encode
from wire.line_driver import Action, House, Wanted
from wire.meanings import Says
from wire.pending import Pending
from wire.reads import Said, said_by
from wire.serial_port import Lost, Opened, PortError, SerialPort
from wire.talk import Talk


@attrs.frozen
class Options:
    """`[gates.portals.options]`: which of the description's messages does what. Empty: the gate cannot have it done here."""

    open: str = ""
    open_in: str = ""
    open_out: str = ""
    """Where one portal leads both ways."""
    granted: str = ""
    denied: str = ""


@attrs.frozen
class Described:
    """A family as its description tells; see `wire.line_driver.Family`."""

    description: Description

    @property
    def serial(self) -> SerialLine:
        """See `Family.serial`."""
        return self.description.serial

    def line(self, device: str, portals: Sequence[Portal], folder: Path) -> "DescribedLine":  # noqa: ARG002 - the form of every family
        """See `Family.line`."""
        portal, *others = portals
        title = self.description.title
        if others:
            raise ConfigError(
                "port", [f"portal {others[0].id!r}: a port of {title} has one portal, not {portal.id!r} too"]
            )
        if portal.address is not None:
            raise ConfigError("address", [f"portal {portal.id!r}: {title} has no addresses: leave it out"])
        options = structure(portal.options, Options, f"portal {portal.id!r}, options")
        return DescribedLine(device, portal.id, self.description, _frames(self.description, portal, options))


def _frames(description: Description, portal: Portal, options: Options) -> dict[tuple[Action, Direction | None], bytes]:
    """Return the bytes of each action that a portal's options name a message for."""
    named: dict[tuple[Action, Direction | None], tuple[str, str, Says]] = {
        (Action.OPEN, None): ("open", options.open, Says.OPEN),
        (Action.OPEN, Direction.IN): ("open_in", options.open_in, Says.OPEN),
        (Action.OPEN, Direction.OUT): ("open_out", options.open_out, Says.OPEN),
        (Action.GRANTED, None): ("granted", options.granted, Says.COMMAND),
        (Action.DENIED, None): ("denied", options.denied, Says.COMMAND),
    }
    frames = {}
    for what, (key, name, says) in named.items():
        if not name:
            continue
        message = description.messages.get(name)
        if message is None or message.says is not says:
            fitting = [each for each, other in description.messages.items() if other.says is says]
            known = ", ".join(fitting) or "none"
            raise ConfigError(
                f"portal {portal.id!r}, options",
                [f'{key}: {name!r} is no message with says = "{says}"{nearest(name, fitting)}: there are {known}'],
            )
        frames[what] = encode(description, message.when)
    return frames


class DescribedLine:
    """One port, one portal. See `wire.line_driver.Driver`."""

    def __init__(
        self,
        device: str,
        portal: str,
        description: Description,
        frames: dict[tuple[Action, Direction | None], bytes],
    ) -> None:
        self.device = device
        self._portal, self._description, self._frames = portal, description, frames
        self._port = SerialPort(device, description.serial)
        self._pending = Pending(self._port.wake)
        self._stopped = threading.Event()

    @property
    def tried(self) -> threading.Event:
        """See `Driver.tried`."""
        return self._port.tried

    def stop(self) -> None:
        """See `Driver.stop`."""
        self._stopped.set()
        self._port.stop()

    def trouble(self, portal: str) -> str:  # noqa: ARG002 - the form of every driver
        """See `Driver.trouble`."""
        return self._port.trouble

    def act(self, wanted: Wanted) -> None:
        """See `Driver.act`."""
        if self._bytes(wanted) is None:
            wanted.done(f"portal {wanted.portal!r} names no message for {wanted.action} in its options")
        elif not self._port.is_open:
            wanted.done(self._port.trouble)
        else:
            self._pending.put(wanted)

    def run(self, house: House) -> None:
        """See `Driver.run`."""
        decoder, talk = FrameDecoder(self._description), Talk(self._description)
        for event in self._port.listen(talk.tick):
            at = house.instant()
            found: Sequence[Frame | BadFrame] = []
            match event:
                case Opened():
                    house.changed()
                case Lost():
                    found = decoder.finish()
                    self._pending.refuse(event.reason)
                    house.changed()
                case bytes():
                    talk.heard(at.monotonic_ns)
                    found = decoder.feed(event)
            answers = [talk.answer(said) for said in self._said(found) if house.take(self._portal, said, at)]
            # What opens a door goes before what only asks or acknowledges.
            self._act(talk, house)
            # One voice at a time: of several frames that came together, the last one is answered.
            content = next((answer for answer in reversed(answers) if answer), b"")
            if content := content or talk.due(house.instant().monotonic_ns):
                self._say(house, talk, content)
        self._pending.refuse("the gate stops")

    def _said(self, found: Iterable[Frame | BadFrame]) -> list[Said | BadFrame]:
        return [said_by(self._description, each) if isinstance(each, Frame) else each for each in found]

    def _bytes(self, wanted: Wanted) -> bytes | None:
        frames = self._frames
        return frames.get((wanted.action, wanted.direction)) or frames.get((wanted.action, None))

    def _act(self, talk: Talk, house: House) -> None:
        for wanted in self._pending.due(house.instant().monotonic_ns):
            wanted.done(self._say(house, talk, self._bytes(wanted) or b""))

    def _say(self, house: House, talk: Talk, content: bytes) -> str:
        """Send something once the line has been quiet long enough; return why it was not sent, or ""."""
        if self._stopped.wait(talk.hold(house.instant().monotonic_ns)):
            return "the gate stops"
        fault = ""
        try:
            self._port.write(content)
        except PortError as error:  # `listen` meets the same fault, tells it and opens the port again
            fault = str(error)
        talk.sent(content, house.instant().monotonic_ns)
        return fault
