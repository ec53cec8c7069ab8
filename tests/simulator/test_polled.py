"""The controller that must be asked: it keeps records until they are taken, against the gate's own conversation."""

import pytest

from config import shipped
from config.schema import Portal, PortalDirection
from messages.access import CredentialKind, Direction
from simulator.polled import MOST_RECORDS, PolledBoard
from simulator.pty_port import PtyPort
from simulator.turnstile import Passing, Swipe, Turnstile
from wire.families import protocol
from wire.frames import FrameDecoder
from wire.reads import Read, Remark, Walk, said_by
from wire.talk import Talk

FAMILY = protocol("stx-rs485-controller")
ANY, FETCH, TAKEN, AGAIN = (bytes.fromhex(text) for text in ("0201202103", "0201232203", "06", "15"))
NONE, WAITS = bytes.fromhex("0201212003"), bytes.fromhex("0201222303")
RECORD = bytes.fromhex("020124010063E9AE000003")


@pytest.fixture
def board():
    return PolledBoard(FAMILY)


def test_a_record_is_kept_until_it_is_taken(board):
    assert board.hear(ANY) == NONE
    board.keep(RECORD)
    assert board.hear(ANY) == WAITS
    assert board.hear(FETCH) == RECORD
    assert board.hear(AGAIN) == RECORD
    assert board.hear(FETCH) == RECORD, "fetched is not taken"
    assert board.hear(TAKEN) == b""
    assert board.hear(ANY) == NONE


def test_what_comes_in_pieces_and_in_noise_is_understood(board):
    assert board.hear(b"\xff\xff" + ANY[:2]) == b""
    assert board.hear(ANY[2:]) == NONE
    assert board.hear(b"\x00" * 5000) == b""
    assert board.hear(ANY) == NONE


def test_a_full_memory_is_a_sentence(board):
    for _ in range(MOST_RECORDS):
        board.keep(RECORD)
    with pytest.raises(ValueError, match="does a gate ask"):
        board.keep(RECORD)


def test_the_gates_conversation_brings_every_record_once(tmp_path):
    with PtyPort(tmp_path / "port") as port:
        turnstile = Turnstile(Portal("south-3", PortalDirection.FRAME, "stx-rs485-controller"), FAMILY, port)
        for number in range(20):
            act = Swipe("south-3", CredentialKind.CARD, str(number), Direction.OUT if number % 2 else Direction.IN)
            turnstile.send(act, lambda _: None)
        turnstile.send(Passing("south-3", direction=Direction.IN), lambda _: None)
        with pytest.raises(ValueError, match="speaks when it is asked"):
            turnstile.send(Passing("south-3", fault="split"), lambda _: None)
        talk, decoder, said, now = Talk(FAMILY), FrameDecoder(FAMILY), [], 0
        while turnstile.polled.waiting:
            now += 10_000_000
            content = talk.due(now)
            while content:
                talk.sent(content, now)
                now += 10_000_000
                answer = turnstile.polled.hear(content)
                content = b""
                for frame in decoder.feed(answer):
                    talk.heard(now)
                    said.append(said_by(FAMILY, frame))
                    content = talk.answer(said[-1])
            assert now < 100_000_000_000
        heard = [each for each in said if not isinstance(each, Remark)]
        assert [each.credential.value for each in heard if isinstance(each, Read)] == [f"{n:010d}" for n in range(20)]
        assert heard[-1] == Walk(True, Direction.IN)


def test_the_shipped_file_says_that_its_codes_are_examples():
    assert "differ from maker to maker" in shipped("protocols", "stx-rs485-controller.toml").read_text()
