"""What frames of a board say: the shipped boards' messages, both ways; and what contradicts itself is a sentence."""

from functools import reduce
from operator import xor

import pytest

from config import ConfigError, merge, read_toml, shipped, structure
from messages.access import AccessOutcome, AlarmKind, Credential, CredentialKind, Direction
from wire.description import Description
from wire.families import protocol, shipped_names
from wire.found import BadFrame
from wire.frames import FrameDecoder, encode
from wire.meanings import Says
from wire.reads import Alarm, Read, Remark, Walk, fields_of, said_by

ANN = Credential(CredentialKind.CARD, "0006547886")
EB = read_toml(shipped("protocols", "eb-tripod.toml"))

BOARD = {
    "title": "A board with everything",
    "card": "wiegand-26",
    "card_number": {"align": "left"},
    "frame": {"start": "55 AA", "length_field": {"at": 3, "size": 1, "adds": 5}, "max": 32},
    "checksum": {"kind": "sum", "covers": [2, -1], "at": -1},
    "fields": {
        "command": {"at": 2, "size": 1},
        "outcome": {"at": 4, "size": 1, "needed": False},
        "direction": {"at": 5, "size": 1, "needed": False},
        "value": {"at": 6, "size": 4, "needed": False},
    },
    "directions": {"00": "in", "01": "out"},
    "outcomes": {"00": "denied", "01": "granted", "02": "reported"},
    "messages": {
        "read": {"says": "read", "when": {"command": "10"}, "answer": "thanks"},
        "passed": {"says": "passed", "when": {"command": "11", "outcome": "01"}},
        "turned_back": {"says": "not-passed", "when": {"command": "11", "outcome": "00"}},
        "alive": {"says": "nothing", "when": {"command": "12"}},
        "thanks": {"says": "acknowledge", "bytes": "06"},
        "again": {"says": "refuse", "bytes": "15"},
        "any": {"says": "ask", "when": {"command": "20"}},
        "open": {"says": "open", "when": {"command": "30"}},
    },
    "conversation": {"poll": "any", "refuse": "again", "turnaround": "4ms"},
}


def board(**changes) -> Description:
    return structure(merge(BOARD, changes), Description, "board.toml")


def decoded(description, raw):
    (frame,) = FrameDecoder(description).feed(raw)
    return said_by(description, frame)


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("digicon-tx1500", "0202001A1A", Walk(True, Direction.IN)),
        ("digicon-tx1500", "0202001B1B", Walk(True, Direction.OUT)),
        ("digicon-tx1500", "0202000606", Remark(Says.NOTHING)),
        ("digicon-tx1500", "0202004848", Remark(Says.OPEN)),
        ("digicon-tx1500", "0203004C4805", Remark(Says.OPEN)),
        ("eb-tripod", "EB014000AA", Remark(Says.OPEN)),
        ("eb-tripod", "EB014100AB", Remark(Says.OPEN)),
        # The manual prints AB for these two: with the sum that holds they are what it says.
        ("eb-tripod", "EB014200A8", Remark(Says.COMMAND)),
        ("eb-tripod", "EB014300A9", Remark(Says.COMMAND)),
    ],
)
def test_what_the_manuals_print(name, raw, said):
    assert decoded(protocol(name), bytes.fromhex(raw)) == said


@pytest.mark.parametrize(
    "said",
    [
        Read(ANN, Direction.IN, AccessOutcome.GRANTED),
        Read(ANN, Direction.OUT, AccessOutcome.DENIED),
        Read(ANN, Direction.OUT),
        Walk(True, Direction.OUT),
        Walk(False, Direction.OUT),
    ],
)
def test_what_a_board_writes_is_read_the_same(said):
    description = board(fields={"direction": {"needed": True}})
    fields = {"direction": "01", **fields_of(description, said)}
    assert decoded(description, encode(description, fields)) == said


@pytest.mark.parametrize("name", shipped_names())
@pytest.mark.parametrize("way", [Direction.IN, Direction.OUT])
def test_every_shipped_family_writes_what_it_reads(name, way):
    description = protocol(name)
    who = Credential(description.credential, ANN.value)
    wanted = [Read(who, way)] if description.reads else []
    if any(message.says is Says.PASSED for message in description.messages.values()):
        wanted.append(Walk(True, way))
    for said in wanted:
        found = decoded(description, encode(description, fields_of(description, said)))
        assert type(found) is type(said)
        assert found.direction in (way, None)
    assert wanted or name == "eb-tripod", "whose manual describes no frame of the board's own"


@pytest.mark.parametrize("said", [Read(ANN), Walk(True), Walk(False)])
def test_what_a_board_cannot_say_is_a_sentence(said):
    with pytest.raises(ValueError, match="has no message that says"):
        fields_of(protocol("eb-tripod"), said)


def test_a_frame_of_no_described_kind_is_a_bad_frame():
    description = protocol("digicon-tx1500")
    assert isinstance(decoded(description, bytes.fromhex("0202007777")), BadFrame)


def test_a_read_without_its_value_is_a_bad_frame():
    found = decoded(board(), bytes.fromhex("55AA100010"))
    assert isinstance(found, BadFrame)
    assert "too short for its value" in found.detail


FACE = CredentialKind.FACE


def line(text):
    return decoded(protocol("face-line"), text + b"\n")


def binary(command, data=b""):
    """A frame of face-55aa: 55 AA, command, length of the data, data, XOR."""
    raw = bytes([0x55, 0xAA, command, len(data), 0]) + data
    return decoded(protocol("face-55aa"), raw + bytes([reduce(xor, raw)]))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (line(b"FACE,s202304125,80,OUT"), Read(Credential(FACE, "S202304125"), Direction.OUT)),
        (line(b"FACE,20231234,99.5"), Read(Credential(FACE, "20231234"))),
        (line(b"FACE,20231234,79.9,IN"), Remark(Says.STRANGER)),
        (line(b"FACE,STRANGER,99,IN"), Remark(Says.STRANGER)),
        (line(b"FACE,stranger,99,IN"), Remark(Says.STRANGER)),
        (line(b"FACE,0,99,IN"), Remark(Says.STRANGER)),
        (line(b"FACE,,12,IN"), Remark(Says.STRANGER)),
        (binary(1, b"S202304125".ljust(16, b"\0") + b"\x50\x02"), Read(Credential(FACE, "S202304125"), Direction.OUT)),
        (binary(1, b"20231234".ljust(16) + b"\x64\x01"), Read(Credential(FACE, "20231234"), Direction.IN)),
        (binary(1, b"20231234".ljust(16, b"\xff") + b"\x4f\x01"), Remark(Says.STRANGER)),
        (binary(1, bytes(16) + b"\x64\x01"), Remark(Says.STRANGER)),
        (binary(1, b"20231234".ljust(16)), Remark(Says.STRANGER)),  # no score at all
        (binary(2), Remark(Says.STRANGER)),
        (binary(3), Remark(Says.NOTHING)),
        (binary(4), Alarm(AlarmKind.TAMPER, active=True)),
        (binary(5), Alarm(AlarmKind.TAMPER, active=False)),
    ],
)
def test_a_face_is_a_person_number_and_a_stranger_nobodys(said, expected):
    """Face values are person numbers; less sure than the description asks for is no credential"""
    assert said == expected


@pytest.mark.parametrize(
    "said",
    [binary(1, "学号".encode().ljust(16, b"\0") + b"\x64\x01"), binary(1, b"a b".ljust(16, b"\0") + b"\x64\x01")],
)
def test_what_is_no_person_number_is_a_bad_frame(said):
    assert isinstance(said, BadFrame)


@pytest.mark.parametrize("name", ["face-line", "face-55aa"])
@pytest.mark.parametrize("way", [Direction.IN, Direction.OUT])
def test_a_face_terminal_writes_what_it_reads(name, way):
    read = Read(Credential(FACE, "S202304125"), way)
    raw = encode(protocol(name), fields_of(protocol(name), read))
    assert decoded(protocol(name), raw.rstrip(b"\r")) == read
    with pytest.raises(ValueError, match="knows faces only"):
        fields_of(protocol(name), Read(ANN, way))


def test_another_score_is_sure_enough_where_the_description_says_so():
    lax = structure(
        merge(read_toml(shipped("protocols", "face-line.toml")), {"recognition": {"at_least": 0.5}}), Description, "x"
    )
    assert decoded(lax, b"FACE,20231234,0.6,IN\n") == Read(Credential(FACE, "20231234"), Direction.IN)


def test_a_board_says_that_the_fire_release_went_off():
    fire = {"fire": {"says": "alarm", "when": {"command": "13"}, "alarm": "fire"}}
    over = {"calm": {"says": "alarm-over", "when": {"command": "14"}, "alarm": "fire"}}
    description = board(messages=fire | over)
    assert decoded(description, encode(description, {"command": "13"})) == Alarm(AlarmKind.FIRE, active=True)
    assert decoded(description, encode(description, {"command": "14"})) == Alarm(AlarmKind.FIRE, active=False)


def without(data: dict, key: str) -> dict:
    return {name: value for name, value in data.items() if name != key}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (merge(BOARD, {"messages": {"read": {"says": "reed"}}}), "messages.*says: 'reed' is not one of read.*did you mean"),
        (merge(BOARD, {"messages": {"dead": {"says": "nothing"}}}), r"\[messages.dead\] needs when = "),
        (merge(BOARD, {"messages": {"thanks": {"when": {"command": "1"}}}}), r"\[messages.thanks\] has both when and bytes"),
        (merge(BOARD, {"messages": {"unlock": {"says": "open", "bytes": "30"}}}), r"\[messages.unlock\] has bytes but says open"),
        (merge(BOARD, {"messages": {"alive": {"when": {"comand": "12"}}}}), r"when names 'comand': there is no \[fields.comand\]"),
        (merge(BOARD, {"messages": {"any": {"answer": "any"}}}), r"\[messages.any\] has an answer but says ask"),
        (merge(BOARD, {"messages": {"alive": {"outcome": "denied"}}}), r"\[messages.alive\] has an outcome but says nothing"),
        (merge(BOARD, {"messages": {"read": {"answer": "thx"}}}), r"answer = 'thx': there is no \[messages.thx\]"),
        (merge(BOARD, {"messages": {"alive": {"alarm": "fire"}}}), r"\[messages.alive\] says nothing: `alarm` = .* need each other"),
        (merge(BOARD, {"messages": {"alive": {"says": "alarm"}}}), r"\[messages.alive\] says alarm: `alarm` = .* need each other"),
        (merge(BOARD, {"messages": {"alive": {"says": "alarm", "alarm": "flood"}}}), "alarm: 'flood' is not one of fire, forced"),
        (merge(BOARD, {"recognition": {"at_least": 5}}), "the field 'score' and recognition.at_least need each other"),
        (merge(BOARD, {"fields": {"score": {"at": 4, "size": 1}}}), "the field 'score' and recognition.at_least need each other"),
        (merge(BOARD, {"credential": "palm"}), "credential: 'palm' is not one of card, face, qr"),
        (merge(BOARD, {"text": "utf-8"}), "text: 'utf-8' is not one of hex, ascii"),
        # A description never opens a door.
        (merge(BOARD, {"messages": {"read": {"answer": "open"}}}), "answer = 'open' says open: only ask, acknowledge and refuse"),
        (merge(BOARD, {"messages": {"any": {"when": {"command": "30", "outcome": "01"}}}}), "is the frame of open, which says open"),
        (merge(BOARD, {"conversation": {"poll": "open"}}), r"\[conversation\] poll = 'open' says open: only ask"),
        (merge(BOARD, {"conversation": {"poll": "thanks"}}), "poll = 'thanks' says acknowledge instead of ask"),
        (merge(BOARD, {"conversation": {"turnaround": "2s"}}), "turnaround must be more than nothing and at most 1 s"),
        (merge(BOARD, {"conversation": {"poll_every": "0ms"}}), "poll_every must be"),
        (merge(BOARD, {"messages": {"thanks": {"bytes": "6"}}}), "bytes = '6' is not up to 32 hexadecimal bytes"),
        (without(BOARD, "conversation"), r"answer = 'thanks' needs a \[conversation\]"),
        (merge(BOARD, {"card_number": {"align": "middle"}}), "align: 'middle' is not one of right, left"),
        (merge(BOARD, {"card_number": {"bits": 99}}), "bits"),
        (merge(BOARD, {"fields": {"facility": {"at": 4, "size": 2}}}), "'facility' and card = \"wiegand-26\" exclude"),
        (merge(EB, {"frame": {"length_field": {"at": 1}}}), "exclude each other"),
        ({**EB, "frame": {"start": "EB", "length_table": {"at": 2, "of": {"40": 400}}}}, "length_table.of.40 = 400 must be"),
        ({**EB, "frame": {"start": "EB", "length_table": {"at": 2, "of": {"4": 5}}}}, "length_table.of has '4'"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_a_sentence(data, sentence):
    with pytest.raises(ConfigError, match=sentence):
        structure(data, Description, "mine.toml")


def test_a_line_has_no_messages():
    with pytest.raises(ConfigError, match="belong to a"):
        structure(read_toml(shipped("protocols", "line.toml")) | {"conversation": {}}, Description, "mine.toml")
