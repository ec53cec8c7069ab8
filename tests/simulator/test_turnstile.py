"""The simulated turnstile: the frames it writes are the product's own, and each fault breaks what it says."""

import attrs
import pytest

from config import shipped
from config.schema import Portal, PortalDirection
from config.site_check import load_site
from messages.access import CredentialKind, Direction
from simulator.faults import FAULTS
from simulator.turnstile import Passing, Swipe, Turnstiles
from wire.description import SerialLine
from wire.families import protocol
from wire.frames import Fault, Frame, FrameDecoder
from wire.reads import Walk, said_by
from wire.serial_port import Lost, Opened, SerialPort

CARD, FACE = CredentialKind.CARD, CredentialKind.FACE
SITE = load_site(shipped("sites", "bjut.toml"))


@pytest.fixture
def turnstiles(tmp_path):
    held = Turnstiles(SITE, tmp_path, tmp_path / "data")
    yield held
    held.close()


def heard(turnstiles, swipe, family, pauses=None):
    """What a gate on that portal decodes, until one good frame or the loss of the line; `pauses` collects waits."""
    decoder, results, lost = FrameDecoder(protocol(family)), [], 0
    port = SerialPort(turnstiles.devices[swipe.portal], SerialLine(), jitter=lambda: 2.0)
    for event in port.listen():
        match event:
            case Opened() if not lost:
                turnstiles.send(swipe, (pauses if pauses is not None else []).append)
                if swipe.fault == "drop":
                    port.stop()
            case Opened():
                port.stop()
            case Lost():
                results += decoder.finish()
                lost += 1
            case bytes():
                results += decoder.feed(event)
        if any(isinstance(each, Frame) for each in results) or (swipe.fault == "corrupt" and results):
            port.stop()
    return results, lost


def test_every_portal_without_a_port_has_a_device(turnstiles, tmp_path):
    assert list(turnstiles.devices) == ["south-1", "south-2", "north-1", "north-2"]
    assert turnstiles.devices["south-1"] == str(tmp_path / "data" / "ports" / "south-1")


@pytest.mark.parametrize(
    ("swipe", "family", "value", "way"),
    [
        (Swipe("south-1", CARD, "6547886"), "rdm6300", "0006547886", None),
        (Swipe("north-1", CARD, "0006547886"), "line", "0006547886", Direction.IN),
        (Swipe("north-2", FACE, "s2023"), "line", "S2023", Direction.OUT),
        (Swipe("north-2", FACE, "S2023", Direction.IN), "line", "S2023", Direction.IN),
        (Swipe("south-1", CARD, "0006547886", fault="split"), "rdm6300", "0006547886", None),
        (Swipe("south-1", CARD, "0006547886", fault="delay"), "rdm6300", "0006547886", None),
    ],
)
def test_what_is_swiped_is_read(turnstiles, swipe, family, value, way):
    (frame,), _ = heard(turnstiles, swipe, family)
    read = said_by(protocol(family), frame)
    assert (read.credential.value, read.direction) == (value, way)


def test_a_corrupt_frame_fails_its_checksum(turnstiles):
    results, _ = heard(turnstiles, Swipe("south-1", CARD, "0006547886", fault="corrupt"), "rdm6300")
    assert results[0].fault is Fault.CHECKSUM


def test_a_dropped_frame_never_comes(turnstiles):
    assert heard(turnstiles, Swipe("south-1", CARD, "0006547886", fault="drop"), "rdm6300") == ([], 0)


def test_a_hang_up_loses_the_line_and_gives_it_back(turnstiles):
    pauses = []
    results, lost = heard(turnstiles, Swipe("south-1", CARD, "0006547886", fault="hang-up"), "rdm6300", pauses)
    assert lost == 1
    assert not any(isinstance(each, Frame) for each in results)
    assert pauses == [2.0]


@pytest.mark.parametrize(
    ("swipe", "sentence"),
    [
        (Swipe("west-1", CARD, "1"), "no portal 'west-1' is simulated: there are south-1"),
        (Swipe("south-1", FACE, "S2023"), "cards only"),
        (Swipe("south-1", CARD, "S2023"), "not decimal"),
        (Swipe("south-1", CARD, "99999999999"), "does not fit into 4 bytes"),
        (Swipe("south-1", CARD, "1", fault="flood"), f"no fault 'flood': there are {', '.join(FAULTS)}"),
        (Swipe("north-1", FACE, "a b"), "visible characters"),
    ],
)
def test_what_cannot_be_sent_is_a_sentence(turnstiles, swipe, sentence):
    with pytest.raises(ValueError, match=sentence):
        turnstiles.send(swipe, lambda _seconds: None)


BOARDS = attrs.evolve(
    SITE,
    gates=[
        attrs.evolve(
            SITE.gates[0],
            portals=[
                *SITE.gates[0].portals,
                Portal("board", PortalDirection.FRAME, "digicon-tx1500", passage_for="south-1"),
                Portal("tripod", PortalDirection.FRAME, "eb-tripod", passage_for="south-2"),
            ],
        )
    ],
)


@pytest.fixture
def boards(tmp_path):
    held = Turnstiles(BOARDS, tmp_path, tmp_path / "data")
    yield held
    held.close()


@pytest.mark.parametrize("way", [Direction.IN, Direction.OUT])
def test_a_board_says_that_somebody_passed(boards, way):
    (frame,), _ = heard(boards, Passing("board", direction=way), "digicon-tx1500")
    assert said_by(protocol("digicon-tx1500"), frame) == Walk(True, way)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (Swipe("board", CARD, "1"), "has no message that says who was read"),
        (Passing("board", passed=False), "has no message that says that somebody did not pass"),
        (Passing("tripod"), "has no message that says that somebody passed"),
        (Passing("south-1"), "has no message that says that somebody passed"),
        (Passing("west-1"), "no portal 'west-1'"),
    ],
)
def test_what_a_board_cannot_say_is_a_sentence(boards, act, sentence):
    with pytest.raises(ValueError, match=sentence):
        boards.send(act, lambda _seconds: None)
