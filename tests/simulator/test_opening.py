"""A simulated turnstile board that is told to open: it lets somebody through, and says so where its family can."""

import pytest

from config.schema import Portal, PortalDirection
from messages.access import Direction
from simulator.opening import MOST_BYTES, OpeningBoard
from simulator.turnstile import Turnstile
from wire.families import protocol
from wire.frames import FrameDecoder, encode
from wire.reads import Walk, said_by

DIGICON, EB = protocol("digicon-tx1500"), protocol("eb-tripod")
OPEN_ONE_WAY = bytes.fromhex("0202004848")


@pytest.mark.parametrize("way", [Direction.IN, Direction.OUT])
def test_a_board_with_a_word_for_it_says_that_somebody_passed(way):
    board = OpeningBoard(DIGICON, way)
    answer = b"".join(board.hear(bytes([byte])) for byte in b"noise" + OPEN_ONE_WAY)
    [frame] = FrameDecoder(DIGICON).feed(answer)
    assert said_by(DIGICON, frame) == Walk(True, way)
    assert board.opened == 1


def test_each_command_opens_once_and_noise_opens_nothing():
    board = OpeningBoard(DIGICON, Direction.IN)
    assert board.hear(b"\x02\x02\x00\x48\x49" * 50) == b""
    assert board.opened == 0
    board.hear(OPEN_ONE_WAY * 3)
    assert board.opened == 3
    assert len(board._heard) <= MOST_BYTES


def test_a_board_without_a_word_opens_silently_and_a_reader_has_no_ear():
    board = OpeningBoard(EB, Direction.IN)
    assert board.hear(bytes.fromhex("EB014000AA")) == b""
    assert board.opened == 1
    assert not OpeningBoard(protocol("rdm6300"), Direction.IN).knows


class Line:
    """A port that gives what the gate says, and keeps what the board says."""

    def __init__(self, *said):
        self.said, self.sent = list(said), []

    def wait(self, _seconds, _pause):
        return self.said.pop(0)

    def send(self, content):
        self.sent.append(content)


def test_a_board_that_is_polled_tells_of_the_passage_when_it_is_asked():
    stx = protocol("stx-rs485-controller")
    poll, fetch = (encode(stx, stx.messages[name].when) for name in ("any_record", "fetch_record"))
    line = Line(poll, encode(stx, stx.messages["open_in"].when), poll, fetch)
    board = Turnstile(Portal("north-3", PortalDirection.FRAME, "stx-rs485-controller"), stx, line)
    for _ in range(4):
        board.answer(1.0, lambda _seconds: None)
    said = [said_by(stx, frame) for frame in FrameDecoder(stx).feed(b"".join(line.sent))]
    assert [one.message for one in said] == ["no_record", "record_waits", "passage"]
    assert said[-1] == Walk(True, Direction.IN)
    assert board.opening.opened == 1
