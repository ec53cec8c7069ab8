"""What the gate says on a line on which it must ask: when, after how much silence, and never a command."""

import pytest

from config import ConfigError, shipped, structure
from wire.description import Description
from wire.families import protocol, shipped_names
from wire.found import BadFrame, Fault
from wire.frames import FrameDecoder
from wire.meanings import Says
from wire.reads import Remark, said_by
from wire.talk import Talk, sent_messages

MS = 1_000_000
DESCRIPTION = structure(
    {
        "title": "A controller that must be asked",
        "frame": {"start": "02", "end": "03", "length": 5},
        "checksum": {"kind": "xor", "covers": [1, -2], "at": -2},
        "fields": {"address": {"at": 1, "size": 1, "written": "01"}, "command": {"at": 2, "size": 1}},
        "messages": {
            "any": {"says": "ask", "when": {"command": "20"}},
            "fetch": {"says": "ask", "when": {"command": "23"}},
            "waiting": {"says": "nothing", "when": {"command": "22"}, "answer": "fetch"},
            "passed": {"says": "passed", "when": {"command": "25"}, "answer": "thanks"},
            "thanks": {"says": "acknowledge", "bytes": "06"},
            "again": {"says": "refuse", "bytes": "15"},
            "open": {"says": "open", "when": {"command": "30"}},
        },
        "conversation": {
            "poll": "any",
            "poll_every": "200ms",
            "answer_within": "300ms",
            "turnaround": "5ms",
            "refuse": "again",
        },
    },
    Description,
    "controller",
)
ANY, FETCH = bytes.fromhex("0201202103"), bytes.fromhex("0201232203")


@pytest.fixture
def talk():
    return Talk(DESCRIPTION)


def said(raw: str):
    (frame,) = FrameDecoder(DESCRIPTION).feed(bytes.fromhex(raw))
    return said_by(DESCRIPTION, frame)


def test_the_line_is_asked_at_once_and_then_every_so_often(talk):
    assert talk.due(0) == ANY
    assert talk.due(1) == b""
    talk.sent(ANY, 0)
    talk.heard(20 * MS)
    assert talk.answer(Remark(Says.NOTHING)) == b""
    assert talk.due(199 * MS) == b""
    assert talk.due(200 * MS) == ANY


def test_a_dead_device_is_asked_again_when_its_answer_has_been_waited_for(talk):
    talk.due(0)
    talk.sent(ANY, 0)
    assert talk.due(299 * MS) == b""
    assert talk.due(300 * MS) == ANY


def test_after_an_acknowledgement_the_next_record_is_asked_for_at_once(talk):
    talk.due(0)
    talk.sent(ANY, 0)
    talk.heard(20 * MS)
    talk.answer(said("0201252403"))
    talk.sent(b"\x06", 26 * MS)
    assert talk.due(27 * MS) == ANY


def test_nothing_is_said_before_the_line_has_turned(talk):
    talk.heard(10 * MS)
    assert talk.hold(12 * MS) == pytest.approx(0.003)
    assert talk.due(14 * MS) == b""
    assert talk.hold(15 * MS) == 0
    assert talk.due(15 * MS) == ANY


@pytest.mark.parametrize(("raw", "answer"), [("0201222303", FETCH), ("0201252403", b"\x06"), ("0201303103", b"")])
def test_what_is_answered(talk, raw, answer):
    assert talk.answer(said(raw)) == answer


def test_a_broken_frame_is_asked_for_again_and_noise_is_not(talk):
    assert talk.answer(BadFrame(Fault.CHECKSUM, b"", "")) == b"\x15"
    assert talk.answer(BadFrame(Fault.GARBAGE, b"", "")) == b""


@pytest.mark.parametrize("name", shipped_names())
def test_no_shipped_family_sends_a_command(name):
    description = protocol(name)
    for raw in sent_messages(description).values():
        for found in FrameDecoder(description).feed(raw):
            if not isinstance(found, BadFrame):
                assert said_by(description, found).says is Says.ASK


@pytest.mark.parametrize("name", ["rdm6300", "line", "eb-tripod", "digicon-tx1500"])
def test_where_the_device_speaks_by_itself_nothing_is_said(name):
    talk = Talk(protocol(name))
    assert talk.tick is None
    assert talk.due(0) == b""
    assert talk.answer(BadFrame(Fault.CHECKSUM, b"", "")) == b""
    assert sent_messages(protocol(name)) == {}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        # An acknowledgement whose bytes are the open command: 02 01 30 01, door 1.
        (('bytes = "06"', 'bytes = "02 01 30 01 30 03"'), "is the frame of open_in, which says open: that is never sent"),
        (('bytes = "06"', 'bytes = "FF 02 01 30 01 30 03 FF"'), "is the frame of open_in"),
        (('command = "23" }', 'command = "77" }'), r"fetch_record\] cannot be written: length_table names no frame"),
        (('when = { command = "20" }', 'when = { command = "2" }'), r"any_record\] cannot be written"),
    ],
)  # fmt: skip
def test_what_may_not_or_cannot_be_sent_is_a_sentence_when_the_file_is_read(tmp_path, change, sentence):
    text = shipped("protocols", "stx-rs485-controller.toml").read_text()
    assert change[0] in text
    (tmp_path / "mine.toml").write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=sentence):
        protocol("mine.toml", tmp_path)
