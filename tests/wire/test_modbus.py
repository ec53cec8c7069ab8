"""Modbus RTU: questions as the standard prints them, answers in whatever pieces, and a line of boards without a line."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import ConfigError, load, merge, read_toml, shipped, structure
from messages.access import AlarmKind, Direction
from wire.found import BadFrame, Fault
from wire.modbus.board import OFF, ON, Board, Output, Watch
from wire.modbus.frames import MOST_NOISE, AnswerScanner, Bits, Function, Refused, Request, Written, crc
from wire.modbus.line import board_names
from wire.modbus.master import SILENT_AFTER, Master, Station
from wire.modbus.view import ModbusView
from wire.reads import Alarm, Walk

MS = 1_000_000
READ = Request(1, Function.READ_INPUTS, 0, 8)
WRITE = Request(1, Function.WRITE_COIL, 0, ON)
IO_8 = read_toml(shipped("boards", "io-8.toml"))


def framed(text: str) -> bytes:
    content = bytes.fromhex(text)
    return content + crc(content)


def test_the_check_bytes_are_those_of_a_printed_frame():
    assert framed("010300000002") == bytes.fromhex("01 03 00 00 00 02 C4 0B")


@pytest.mark.parametrize(
    ("request_", "raw"),
    [
        # The standard's own examples (6.1, 6.2, 6.5), with station 17 as in its guide.
        (Request(17, Function.READ_COILS, 0x13, 0x25), framed("110100130025")),
        (Request(17, Function.READ_INPUTS, 0xC4, 0x16), framed("110200C40016")),
        (Request(17, Function.WRITE_COIL, 0xAC, ON), framed("110500ACFF00")),
        # A maker's printed frame: relay 0 for 700 ms, and the board ends it itself.
        (Request(1, Function.WRITE_COIL, 0x0200, 7), bytes.fromhex("01 05 02 00 00 07 8D B0")),
    ],
)
def test_questions_are_as_printed(request_, raw):
    assert request_.encode() == raw


BITS = tuple(bool(0b10101100 >> n & 1) for n in range(8))
ANSWERS = [
    # The standard's answer to its example of discrete inputs: AC DB 35, input 197 first.
    (Request(17, Function.READ_INPUTS, 0xC4, 0x16), framed("110203ACDB35"), Bits(
        tuple(bool(0x35DBAC >> n & 1) for n in range(22)))),
    (READ, framed("010201AC"), Bits(BITS)),
    (Request(1, Function.READ_COILS, 0, 8), framed("010101AC"), Bits(BITS)),
    (WRITE, framed("01050000FF00"), Written()),
    (READ, framed("018202"), Refused(2)),
    (WRITE, framed("018504"), Refused(4)),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "raw", "answer"), ANSWERS)
class TestAnswer:
    def test_whole_byte_by_byte_and_split_everywhere(self, request_, raw, answer):
        assert AnswerScanner(request_).feed(raw) == answer
        for at in range(1, len(raw)):
            scanner = AnswerScanner(request_)
            assert (scanner.feed(raw[:at]), scanner.feed(raw[at:])) == (None, answer)
        scanner = AnswerScanner(request_)
        assert [each for byte in raw if (each := scanner.feed(bytes([byte])))] == [answer]

    @pytest.mark.parametrize("noise", [b"\x00", b"\x01\x02", b"\xff" * 300, b"\x01", b"\x11\x02\x03\xac"])
    def test_noise_before_and_after_hides_it_not(self, request_, raw, answer, noise):
        assert AnswerScanner(request_).feed(noise + raw + noise) == answer

    def test_a_flipped_bit_anywhere_is_no_answer(self, request_, raw, answer):
        for at, bit in itertools.product(range(len(raw)), range(8)):
            broken = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
            assert AnswerScanner(request_).feed(broken) is None, (at, bit)


@pytest.mark.parametrize(
    "raw",
    [
        framed("020201AC"),
        framed("010101AC"),
        framed("010202ACAC"),
        framed("010200"),
        framed("01050000FF00"),
        framed("018102"),
        READ.encode(),
    ],
)
def test_another_stations_or_questions_answer_is_none(raw):
    assert AnswerScanner(READ).feed(raw) is None


@settings(deadline=None, derandomize=True, max_examples=200)
@given(noise=st.lists(st.binary(max_size=300), max_size=6))
def test_any_noise_is_survived_in_bounded_memory(noise):
    scanner = AnswerScanner(READ)
    for piece in noise:
        scanner.feed(piece)
        assert len(scanner.held) <= MOST_NOISE


@settings(deadline=None, derandomize=True, max_examples=100)
@given(noise=st.binary(max_size=200), after=st.binary(max_size=50))
def test_a_planted_answer_is_found_in_any_noise(noise, after):
    # Noise that is an answer itself is one: then that one is taken.
    assert AnswerScanner(READ).feed(noise + framed("010201AC") + after) is not None


# ---- what inputs mean ------------------------------------------------------------------------------------------------------


def board(**changes) -> Board:
    return structure(merge(IO_8, changes), Board, "board.toml")


def bits(*on: int) -> list[bool]:
    """Inputs of which these carry current; the fire release (2) and the door (3) are closed unless said otherwise."""
    return [n in on for n in range(8)]


def test_a_pulse_is_a_walk_and_what_was_there_before_is_none():
    watch = Watch(board())
    assert watch.seen(bits(0, 2, 3), 0) == [], "whoever stands in the way when the gate starts"
    assert watch.seen(bits(2, 3), 1) == []
    assert watch.seen(bits(0, 2, 3), 2) == [Walk(True, Direction.IN)]
    assert watch.seen(bits(0, 2, 3), 3) == []
    assert watch.seen(bits(1, 2, 3), 4) == [Walk(True, Direction.OUT)]
    watch.forget()
    assert watch.seen(bits(0, 2, 3), 5) == [], "the board was away"


def test_the_fire_release_is_told_when_its_wire_is_open_for_long_enough():
    watch = Watch(board())
    assert watch.seen(bits(2, 3), 0) == []
    assert watch.seen(bits(3), 10 * MS) == []
    assert watch.seen(bits(2, 3), 200 * MS) == [], "a contact that bounces"
    assert watch.seen(bits(3), 300 * MS) == []
    assert watch.seen(bits(3), 599 * MS) == []
    assert watch.seen(bits(3), 600 * MS) == [Alarm(AlarmKind.FIRE, active=True)]
    assert watch.seen(bits(3), 700 * MS) == []
    assert watch.seen(bits(2, 3), 800 * MS) == [Alarm(AlarmKind.FIRE, active=False)]


def test_a_fire_that_burns_when_the_gate_starts_is_told():
    watch = Watch(board())
    assert watch.seen(bits(3), 0) == []
    assert watch.seen(bits(3), 300 * MS) == [Alarm(AlarmKind.FIRE, active=True)]


def test_a_door_that_is_open_too_long():
    watch = Watch(board())
    watch.seen(bits(2, 3), 0)
    assert [watch.seen(bits(2), second * 1000 * MS) for second in (1, 30)] == [[], []]
    assert watch.seen(bits(2), 31_000 * MS) == [Alarm(AlarmKind.HELD, active=True)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"meanings": {"fire": {"input": 8}}}, r"meanings.fire.input = 8: only 8 are asked for"),
        ({"meanings": {"fire": {"alarm": "flood"}}}, "'flood' is not one of fire, forced"),
        ({"meanings": {"fire": {"says": "read"}}}, 'an input says "passed", "not-passed" or "alarm"'),
        ({"meanings": {"passed_in": {"alarm": "fire"}}}, "need each other"),
        ({"meanings": {"fire": {"direction": "in"}}}, "an alarm has no direction"),
        ({"meanings": {"fire": {"after": "1h"}}}, "after must be at most 10min"),
        ({"inputs": {"count": 0}}, "count"),
        ({"inputs": {"every": "0s"}}, "every must be more than nothing and at most 10 s"),
        ({"outputs": {"open": {"pulse": "1min"}}}, "a door that stays open is no pulse"),
        ({"outputs": {"open": {"value": 7}}}, "value is for a board with ends_itself"),
        ({"outputs": {"close": {"coil": 1}}}, "outputs.close: outputs are open, open_in"),
        ({"input": {}}, "unknown key 'input', did you mean 'inputs'"),
    ],
)
def test_a_board_that_contradicts_itself_is_a_sentence(changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        board(**changes)


@pytest.mark.parametrize("name", board_names())
def test_every_shipped_board_loads(name):
    assert load(Board, shipped("boards", f"{name}.toml")).title


# ---- the line's order ------------------------------------------------------------------------------------------------------


class Line:
    """A master and the time; `boards` answer as a table says, `away` ones not at all."""

    def __init__(self, *numbers: int) -> None:
        self.now, self.away, self.bits = 0, set(), dict.fromkeys(numbers, 0b1100)
        shape = board()
        self.stations = [Station(f"south-{n}", n, shape, Watch(shape)) for n in numbers]
        self.master, self.asked, self.heard, self.spoil = Master(self.stations), [], [], 0
        self.master.opened(0)

    def step(self) -> bytes:
        """Let the next thing happen: a question that is answered at once, or time that goes by."""
        self.heard += self.master.late(self.now)
        sent = self.master.due(self.now)
        if not sent:
            self.now += round(self.master.wait(self.now) * 1000 * MS)
            return b""
        self.asked.append((sent[0], sent[1]))
        if sent[0] not in self.away:
            answer = sent if sent[1] == 5 else framed(f"{sent[0]:02X}0201{self.bits[sent[0]]:02X}")
            if self.spoil:
                self.spoil, answer = self.spoil - 1, answer[:-1] + b"\x00"
            self.now += 10 * MS
            self.heard += self.master.heard(answer, self.now)
        return sent

    def run(self, seconds: float) -> None:
        end = self.now + round(seconds * 1000 * MS)
        while self.now < end:
            self.step()


def test_it_first_switches_off_what_may_be_on_and_then_asks_one_after_the_other():
    line = Line(1, 2)
    line.run(0.3)
    assert line.asked[:4] == [(1, 5), (2, 5), (1, 2), (2, 2)]
    assert [station.trouble for station in line.stations] == ["", ""]


def test_a_broken_answer_costs_one_question():
    line = Line(1)
    line.run(0.5)
    line.spoil, before = 1, len(line.asked)
    line.run(0.5)
    assert [each.said.fault for each in line.heard] == [Fault.CHECKSUM]
    assert (line.stations[0].trouble, line.stations[0].missed) == ("", 0)
    assert len(line.asked) - before >= 6


def test_a_dead_board_is_told_and_holds_up_no_other_and_is_back_within_two_questions():
    line = Line(1, 2)
    line.away.add(2)
    line.run(10)
    counts = {number: sum(asked == (number, 2) for asked in line.asked) for number in (1, 2)}
    assert "does not answer" in line.stations[1].trouble
    assert (counts[1] > 130, counts[2] <= 10 + SILENT_AFTER) == (True, True), counts
    line.bits[1] |= 1
    line.run(0.2)
    assert [each.said for each in line.heard] == [Walk(True, Direction.IN)]
    line.away.clear()
    line.bits[2] |= 1
    asked = sum(asked == (2, 2) for asked in line.asked)
    while line.stations[1].trouble:
        line.step()
    assert sum(asked == (2, 2) for asked in line.asked) - asked <= 2
    assert len(line.heard) == 1, "whoever walked through before it was back is not told of now"


def test_a_pulse_begins_at_once_and_ends_by_itself():
    line, told = Line(1, 2), []
    line.run(1)
    line.asked.clear()
    began = line.now
    line.master.switch("south-2", Output(0), line.now, line.now + 1000 * MS, told.append)
    while not line.step():
        pass
    assert (line.asked, told) == ([(2, 5)], [""])
    while line.asked.count((2, 5)) < 2:
        line.step()
    assert 500 <= (line.now - began) / MS <= 600
    line.run(2)
    assert line.asked.count((2, 5)) == 2


def test_a_pulse_whose_time_is_over_never_begins_and_one_that_is_not_answered_ends_until_it_is():
    line, told = Line(1), []
    line.run(1)
    line.master.switch("south-1", Output(0), line.now, line.now, told.append)
    line.run(0.1)
    assert told == ["its time was over before the line could take it"]
    line.away.add(1)
    line.master.switch("south-1", Output(0), line.now, line.now + 1000 * MS, told.append)
    line.run(5)
    assert "does not answer" in told[1]
    assert line.asked.count((1, 5)) > 4, "its end is asked for as long as nobody answers"
    line.away.clear()
    line.run(2)
    line.asked.clear()
    line.run(3)
    assert line.asked.count((1, 5)) == 0


def test_a_line_that_is_lost_tells_whoever_waits():
    line, told = Line(1), []
    line.run(1)
    line.master.switch("south-1", Output(0), line.now, line.now + 1000 * MS, told.append)
    line.master.lost("pulled out")
    assert (told, line.stations[0].trouble) == (["pulled out"], "pulled out")


def test_bytes_that_nobody_asked_for_are_garbage():
    line = Line(1)
    (heard,) = line.master.heard(b"\x01\x02", 0)
    assert (heard.portal, type(heard.said), heard.said.fault) == ("south-1", BadFrame, Fault.GARBAGE)


def test_a_refusal_is_a_trouble_with_what_to_do():
    line = Line(1)
    while not line.step():
        pass
    line.run(0.2)
    line.master.late(line.now + 1000 * MS)
    while not line.master.due(line.now):
        line.now += MS
    line.master.heard(framed("018202"), line.now)
    assert line.stations[0].trouble == "the board refuses (exception 2): do its inputs and outputs have these numbers?"
    assert (ON, OFF) == (0xFF00, 0)


# ---- shown -----------------------------------------------------------------------------------------------------------------


def shown(*pieces):
    view = ModbusView()
    return [each for piece in pieces for each in view.feed(piece)] + list(view.finish())


def test_frames_are_shown_whole_byte_by_byte_and_with_noise():
    stream = b"\xff\xff" + READ.encode() + framed("010201AC") + framed("018202") + WRITE.encode()
    whole = shown(stream)
    assert [good for _, good in whole] == [False, True, True, True, True]
    assert "2, 3, 5, 7" in whole[2][0]
    assert "refused    exception 2" in whole[3][0]
    assert "value      FF00" in whole[4][0]
    assert [text for text, good in shown(*(stream[n : n + 1] for n in range(len(stream)))) if good] == [
        text for text, good in whole if good
    ]
    (bad,) = shown(READ.encode()[:-1] + b"\x00")
    assert "whose CRC does not fit" in bad[0]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(pieces=st.lists(st.binary(max_size=300), max_size=6))
def test_anything_can_be_shown(pieces):
    shown(*pieces)
