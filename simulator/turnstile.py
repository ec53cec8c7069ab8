"""The turnstile boards of a site whose portals have no port of their own: each on a pseudo-terminal, in its own language."""

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from config.schema import Portal, PortalDirection, Site
from messages.access import Credential, CredentialKind, Direction
from simulator.faults import FAULTS, Pause, Sound
from simulator.opening import OpeningBoard
from simulator.osdp import OsdpDevice
from simulator.polled import PolledBoard
from simulator.pty_port import PtyPort
from wire.cards import CardFormat, canonical, person
from wire.description import Description
from wire.families import protocol
from wire.frames import encode
from wire.osdp.options import devices
from wire.reads import Read, Walk, fields_of

FOLDER = "simulator"


class Swipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="swipe"):
    """What somebody does at a portal: a card's printed number, a face's person number, or a code's text."""

    portal: str
    kind: CredentialKind
    value: str
    direction: Direction | None = None
    """Where the frame carries one; None: as the portal leads."""
    fault: str | None = None


class Passing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="passing"):
    """What the turnstile says after somebody was read: whether they walked through."""

    portal: str
    passed: bool = True
    direction: Direction | None = None
    """Where the frame carries one; None: as the portal leads."""
    fault: str | None = None


Act = Swipe | Passing


def port_link(data: Path, portal: str) -> Path:
    """Return where a simulated portal's device is: the same name for as long as the data folder is used."""
    return data / "ports" / portal


class Turnstile:
    """One portal's board."""

    def __init__(self, portal: Portal, description: Description, port: PtyPort) -> None:
        self.portal = portal
        self.port = port
        self._description = description
        talk = description.conversation
        self.polled = PolledBoard(description) if talk and talk.poll else None
        """Where the gate asks: what the board keeps until then."""
        leads = Direction.OUT if portal.direction is PortalDirection.OUT else Direction.IN
        opening = OpeningBoard(description, leads)
        self.opening = opening if opening.knows else None
        """Where the gate may have it open: what it hears."""
        self._memory = threading.Lock()

    @property
    def listens(self) -> bool:
        """Whether it hears what the gate says at all."""
        return self.polled is not None or self.opening is not None

    def frame(self, act: Act) -> bytes:
        """Return the bytes that say `act`; ValueError when this board cannot."""
        leads = Direction.OUT if self.portal.direction is PortalDirection.OUT else Direction.IN
        way = act.direction or leads
        said = Walk(act.passed, way) if isinstance(act, Passing) else Read(_credential(act), way)
        return encode(self._description, fields_of(self._description, said))

    def send(self, act: Act, pause: Pause) -> int:
        """Put the frame on the line, with its fault if it has one, and return how many bytes it has."""
        if act.fault is not None and act.fault not in FAULTS:
            raise ValueError(f"there is no fault {act.fault!r}: there are {', '.join(FAULTS)}")
        frame = self.frame(act)
        if self.polled is not None:
            if act.fault is not None:
                raise ValueError(f"{self._description.title} speaks when it is asked: no fault can be timed for it")
            with self._memory:
                self.polled.keep(frame)
        else:
            (FAULTS[act.fault] if act.fault else Sound()).send(frame, self.port, pause)
        return len(frame)

    def answer(self, seconds: float, pause: Pause) -> None:
        """Wait so long for the gate to ask or to have it open, and answer: for a thread of its own, where the board `listens`."""
        if not self.listens or not (asked := self.port.wait(seconds, pause)):
            return
        with self._memory:
            answer = self.opening.hear(asked) if self.opening is not None else b""
            if self.polled is not None:
                if answer:
                    self.polled.keep(answer)  # that somebody passed is told when it is asked for
                answer = self.polled.hear(asked)
        with suppress(OSError):  # nobody reads: the gate asks again when it is back
            self.port.send(answer)


def _credential(swipe: Swipe) -> Credential:
    value = canonical(CardFormat.DECIMAL, swipe.value) if swipe.kind is CredentialKind.CARD else swipe.value
    return Credential(swipe.kind, person(value) if swipe.kind is CredentialKind.FACE else value)


class OsdpReader:
    """One portal's OSDP reader; the same to the simulator as a `Turnstile` that is polled."""

    def __init__(self, portal: Portal, device: OsdpDevice, port: PtyPort) -> None:
        self.portal = portal
        self.port = port
        self.polled = device
        self.listens = True
        self._memory = threading.Lock()

    def send(self, act: Act, pause: Pause) -> int:  # noqa: ARG002 - as `Turnstile.send`
        """Hold a card against it; it says so at the next poll. With a lane: also close its contact for whoever passes."""
        if act.fault is not None:
            raise ValueError("an OSDP reader speaks when it is asked: no fault can be timed for it")
        with self._memory:
            if isinstance(act, Swipe):
                self.polled.swipe(_credential(act))
            elif act.passed:
                self.polled.contact(0, closed=True)
                self.polled.contact(0, closed=False)
            else:
                raise ValueError("an OSDP reader has no word for somebody who did not pass")
            return self.polled.waiting

    def answer(self, seconds: float, pause: Pause) -> None:
        """See `Turnstile.answer`."""
        if asked := self.port.wait(seconds, pause):
            with self._memory:
                answer = self.polled.hear(asked)
            with suppress(OSError):
                self.port.send(answer)


Board = Turnstile | OsdpReader


def board_of(portal: Portal, site_folder: Path) -> Callable[[PtyPort], Board]:
    """Return what makes a portal's board; ValueError for a family that has no simulated one."""
    if portal.protocol == "osdp":
        (reader,) = devices([portal], site_folder)
        return lambda port: OsdpReader(portal, OsdpDevice(reader.address, reader.key, secrets.token_bytes), port)
    family = protocol(portal.protocol, site_folder)
    return lambda port: Turnstile(portal, family, port)


class Turnstiles:
    """All simulated portals of a site."""

    def __init__(self, site: Site, site_folder: Path, data: Path) -> None:
        # The families first: a wrong name must not leave half of the ports behind.
        made = [
            (portal.id, board_of(portal, site_folder))
            for gate in site.gates
            for portal in gate.portals
            if not portal.port
        ]
        self._boards = {name: make(PtyPort(port_link(data, name))) for name, make in made}

    @property
    def listening(self) -> list[Board]:
        """The boards that hear what the gate says."""
        return [board for board in self._boards.values() if board.listens]

    @property
    def devices(self) -> dict[str, str]:
        """Portal → device path."""
        return {name: str(board.port.link) for name, board in self._boards.items()}

    def send(self, act: Act, pause: Pause) -> int:
        """Let somebody swipe or walk; ValueError names a portal, credential or fault that there is not."""
        board = self._boards.get(act.portal)
        if board is None:
            known = ", ".join(self._boards) or "none (every portal of the site has a port of its own)"
            raise ValueError(f"no portal {act.portal!r} is simulated: there are {known}")
        return board.send(act, pause)

    def close(self) -> None:
        """Pull every plug."""
        for board in self._boards.values():
            board.port.unplug()
