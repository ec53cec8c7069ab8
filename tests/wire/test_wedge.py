"""Readers that are keyboards: bursts, pauses, shifts, noise; a fake source of keys, since no device can be made here."""

import os
import struct
import threading
from datetime import UTC, datetime
from time import monotonic_ns

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import ConfigError
from config.schema import Portal, PortalDirection
from messages.access import Credential, CredentialKind
from wire import input_device, wedge_line
from wire.cards import CardFormat
from wire.families import family
from wire.found import BadFrame, Fault
from wire.input_device import KeysLost
from wire.line_driver import Action, Instant, Wanted
from wire.reads import Read
from wire.wedge import KEYS, PRESSED, RELEASED, Ends, Key, Scan, WedgeDecoder, WedgeSettings, read_of
from wire.wedge_line import FAMILY, WedgeLine

MS = 1_000_000
ENTER, SHIFT, TAB, ESCAPE = 28, 42, 15, 1
CODES = {low: (code, False) for code, (low, _) in KEYS.items() if code < 71} | {
    high: (code, True) for code, (_, high) in KEYS.items() if code < 71
}


def typed(text: str, *, at=0, every=5, end=ENTER) -> list[Key]:
    """What a reader's keyboard does for a text: each key down and up, shift around capitals; `every` in milliseconds."""
    keys, now = [], at * MS
    for char in text:
        code, shifted = CODES[char]
        presses = [(SHIFT, 1), (code, 1), (code, 0), (SHIFT, 0)] if shifted else [(code, 1), (code, 0)]
        keys += [Key(each, value, now) for each, value in presses]
        now += every * MS
    return keys + ([Key(end, 1, now), Key(end, 0, now)] if end else [])


def decode(keys, decoder=None, **settings):
    decoder = decoder or WedgeDecoder(WedgeSettings(**settings))
    return [each.text if isinstance(each, Scan) else each.fault for each in decoder.feed(keys)]


TEXTS = ["0006547886", "S202304125", "R1abcXYZ09", "https://x.cn/c/ABC?d=1_2", "a;'`\\~\"", "0006547886" * 6]


@pytest.mark.parametrize("text", TEXTS)
class TestScan:
    def test_whole_key_by_key_and_split_everywhere(self, text):
        keys = typed(text)
        assert decode(keys) == [text]
        for at in range(len(keys)):
            decoder = WedgeDecoder(WedgeSettings())
            assert decode(keys[:at], decoder) + decode(keys[at:], decoder) == [text]
        decoder = WedgeDecoder(WedgeSettings())
        assert [found for key in keys for found in decode([key], decoder)] == [text]

    def test_in_several_bursts_it_is_one_scan(self, text):
        assert decode(typed(text, every=99)) == [text]

    def test_noise_before_between_and_after_hides_none(self, text):
        noise = [Key(ESCAPE, 1, 0), Key(ESCAPE, 0, 0), Key(30, 2, 0), *typed("zz", end=None)]
        later = 0
        keys = []
        for part in (noise, typed(text), noise, typed(text), noise):
            keys += [Key(key.code, key.value, key.at_ns + later) for key in part]
            later = keys[-1].at_ns + 200 * MS
        assert [each for each in decode(keys) if not isinstance(each, Fault)] == [text, text]


def test_a_keypad_its_enter_and_the_kernels_repetition():
    digits = [82, 82, 82, 77, 76, 75, 71]  # KP: 0 0 0 6 5 4 7
    keys = [Key(code, value, n * MS) for n, code in enumerate(digits) for value in (1, 2, 2, 0)]
    assert decode([*keys, Key(96, 1, 8 * MS)]) == ["0006547"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (typed("0006547886", every=150), [Fault.LENGTH] * 10),  # a person at a keyboard: each key is dropped
        (typed("000654", end=None) + typed("0006547886", at=500), [Fault.LENGTH, "0006547886"]),
        (typed("123"), [Fault.LENGTH]),
        (typed(""), []),
        (typed("x" * 65) + typed("0006547886", at=900), [Fault.OVERLONG, "0006547886"]),
        (
            [Key(103, 1, 0), *typed("0006547886", at=1), *typed("0006547886", at=900)],
            [Fault.NOT_MATCHING, "0006547886"],
        ),
        (typed("x" * 65, end=None) + typed("0006547886", at=900), [Fault.OVERLONG, "0006547886"]),
    ],
)
def test_what_is_no_scan_is_counted_and_the_next_is_read(keys, expected):
    found = decode(keys)
    assert found[-1:] == expected[-1:]
    assert set(found) == set(expected)


@pytest.mark.parametrize(("ends", "end"), [(Ends.TAB, TAB), (Ends.ENTER, ENTER)])
def test_a_scan_ends_by_the_key_that_is_set(ends, end):
    assert decode(typed("0006547886", end=end), ends=ends) == ["0006547886"]


def test_a_scan_ends_by_a_pause_where_the_reader_sends_no_enter():
    decoder = WedgeDecoder(WedgeSettings(ends=Ends.PAUSE))
    keys = typed("0006547886", end=None)
    assert decoder.feed(keys) == []
    assert decoder.due(keys[-1].at_ns + 100 * MS) == []
    assert decoder.due(keys[-1].at_ns + 101 * MS) == [Scan("0006547886")]
    assert decode(keys + typed("1112223334", at=500, end=None), ends=Ends.PAUSE) == ["0006547886"]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    events=st.lists(st.tuples(st.integers(0, 767), st.integers(-1, 3), st.integers(0, 300)), max_size=400),
    ends=st.sampled_from(Ends),
)
def test_any_keys_are_survived_in_bounded_memory_and_the_next_scan_is_read(events, ends):
    decoder, now = WedgeDecoder(WedgeSettings(ends=ends)), 0
    for code, value, wait in events:
        now += wait * MS
        decoder.feed([Key(code, value, now)])
        assert decoder.held <= 64
    now += 1000 * MS
    for shift in (SHIFT, 54):  # a shift key that was down when the reader broke is let go at the latest by its next use
        decoder.feed([Key(shift, RELEASED, now)])
    end = TAB if ends is Ends.TAB else ENTER
    found = decoder.feed([Key(key.code, key.value, key.at_ns + now) for key in typed("0006547886", end=end)])
    assert found[-1] == Scan("0006547886")


@pytest.mark.parametrize(
    ("settings_", "text", "expected"),
    [
        (WedgeSettings(), "6547886", Credential(CredentialKind.CARD, "0006547886")),
        (WedgeSettings(card=CardFormat.HEX), "0063e9ae", Credential(CredentialKind.CARD, "0006547886")),
        (WedgeSettings(card=CardFormat.HEX_LITTLE), "AEE96300", Credential(CredentialKind.CARD, "0006547886")),
        (WedgeSettings(card=CardFormat.HEX, bits=24), "FF63E9AE", Credential(CredentialKind.CARD, "0006547886")),
        (WedgeSettings(kind=CredentialKind.QR), "R1abc", Credential(CredentialKind.QR, "R1abc")),
        (WedgeSettings(kind=CredentialKind.FACE), "s202304125", Credential(CredentialKind.FACE, "S202304125")),
    ],
)
def test_a_scan_says_who(settings_, text, expected):
    assert read_of(settings_, Scan(text)) == Read(expected)


@pytest.mark.parametrize("text", ["12A4", "１２３４", "a b c"])
def test_a_text_that_is_no_card_is_a_bad_frame_without_it(text):
    found = read_of(WedgeSettings(), Scan(text))
    assert (type(found), found.raw, text in found.detail) == (BadFrame, b"", False)
    assert text not in repr(Scan(text))


def test_the_codes_are_the_kernels():
    ecodes = pytest.importorskip("evdev.ecodes", reason="python-evdev is an extra")
    named = {name: code for name, code in ecodes.ecodes.items() if name.startswith("KEY_")}
    for code, (low, _) in KEYS.items():
        if low.isalnum() and code < 71:
            assert named[f"KEY_{low.upper()}"] == code
    assert [named[f"KEY_KP{n}"] for n in range(10)] == [
        next(c for c, (low, _) in KEYS.items() if c >= 71 and low == str(n)) for n in range(10)
    ]
    assert {named["KEY_ENTER"], named["KEY_KPENTER"]} == {28, 96}
    assert (named["KEY_LEFTSHIFT"], named["KEY_RIGHTSHIFT"], named["KEY_TAB"]) == (42, 54, 15)


# ---- the line --------------------------------------------------------------------------------------------------------------


class House:
    def __init__(self):
        self.taken = []

    def instant(self):
        return Instant(datetime.now(UTC), monotonic_ns(), "boot")

    def take(self, portal, said, at):
        self.taken.append((portal, said))
        return True

    def changed(self):
        pass


class Reader:
    """A fake device behind a pipe that carries the kernel's `struct input_event`; `grabs` counts how often it was taken."""

    FORM = struct.Struct("llHHi")

    def __init__(self):
        self.grabs, self.plugged, self._ends = 0, True, None

    def open(self, device):
        if not self.plugged:
            raise KeysLost(f"there is no device {device}: is the reader plugged in?")
        self.grabs += 1
        self._ends = os.pipe()
        os.set_blocking(self._ends[0], False)
        return self

    def fileno(self):
        return self._ends[0]

    def read(self):
        while True:
            try:
                raw = os.read(self._ends[0], self.FORM.size)
            except BlockingIOError:
                return
            if not raw:
                raise KeysLost("the reader was unplugged")
            seconds, micros, kind, code, value = self.FORM.unpack(raw)
            if kind == 1:
                yield Key(code, value, seconds * 10**9 + micros * 1000)

    def close(self):
        os.close(self._ends[0])

    def type(self, keys):
        now = monotonic_ns()
        for key in keys:
            at = now + key.at_ns
            os.write(self._ends[1], self.FORM.pack(at // 10**9, at % 10**9 // 1000, 1, key.code, key.value))
            os.write(self._ends[1], self.FORM.pack(at // 10**9, at % 10**9 // 1000, 0, 0, 0))

    def unplug(self):
        self.plugged = False
        os.close(self._ends[1])


@pytest.fixture
def house():
    return House()


@pytest.fixture
def open_line(house, monkeypatch):
    monkeypatch.setattr(wedge_line, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(wedge_line, "LONGEST_WAIT", 0.05)
    started = []

    def open_(reader, **settings):
        line = WedgeLine(
            "/dev/input/by-id/usb-reader-event-kbd", "south-1", WedgeSettings(**settings), opener=reader.open
        )
        thread = threading.Thread(target=line.run, args=(house,))
        thread.start()
        started.append((line, thread))
        assert line.tried.wait(30)
        return line

    yield open_
    for line, thread in started:
        line.stop()
        thread.join(30)
        assert not thread.is_alive()


def values(house):
    return [said.credential.value for _, said in house.taken if isinstance(said, Read)]


def test_a_scan_is_a_read_at_its_portal(open_line, house, wait_for):
    reader = Reader()
    open_line(reader)
    reader.type(typed("0006547886"))
    wait_for(lambda: values(house) == ["0006547886"], "it is read")
    assert house.taken[0][0] == "south-1"


def test_a_reader_that_was_unplugged_is_grabbed_again_and_half_a_scan_is_none(open_line, house, wait_for, caplog):
    reader = Reader()
    line = open_line(reader)
    reader.type(typed("000654", end=None))
    reader.unplug()
    wait_for(lambda: "no device" in line.trouble("south-1"), "it is known")
    reader.plugged = True
    wait_for(lambda: not line.trouble("south-1"), "it is open again")
    reader.type(typed("0006547886"))
    wait_for(lambda: values(house), "it is read")
    assert (values(house), reader.grabs) == (["0006547886"], 2)
    assert caplog.text.count("there is no device") == 1, "told once, however often it is tried"


def test_a_scan_without_an_end_is_ended_by_the_clock(open_line, house, wait_for):
    reader = Reader()
    open_line(reader, ends=Ends.PAUSE)
    reader.type(typed("0006547886", every=0, end=None))
    wait_for(lambda: values(house) == ["0006547886"], "the pause ends it")


def test_it_opens_nothing(open_line):
    told = []
    open_line(Reader()).act(Wanted("south-1", Action.OPEN, 1, done=told.append))
    assert told == ["a keyboard reader opens nothing and shows nothing: nothing is sent to it"]


def portal(name="south-1", **more):
    return Portal(name, PortalDirection.IN, "wedge", **more)


BY_ID = "/dev/input/by-id/usb-reader-event-kbd"


@pytest.mark.parametrize(
    ("device", "portals", "sentence"),
    [
        (
            "/dev/input/event3",
            [portal()],
            "changes with the order of plugging in: use the reader's name in /dev/input/by-id",
        ),
        (BY_ID, [portal(), portal("south-2")], "a keyboard reader has one portal"),
        (BY_ID, [portal(address=1)], "has no address"),
        (BY_ID, [portal(options={"gap": "0s"})], "gap must be more than nothing"),
        (BY_ID, [portal(options={"min_length": 20, "max_length": 10})], "min_length = 20 is more than max_length = 10"),
        (BY_ID, [portal(options={"card": "wiegand-26"})], 'card must be "decimal", "hex" or "hex-little"'),
        (BY_ID, [portal(options={"ends": "space"})], "ends: 'space' is not one of enter, tab, pause"),
        (BY_ID, [portal(options={"baud": 9600})], "unknown key 'baud'"),
    ],
)
def test_settings_that_do_not_fit_are_a_sentence(tmp_path, device, portals, sentence):
    with pytest.raises(ConfigError, match=sentence):
        FAMILY.line(device, portals, tmp_path)


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(wedge_line, "is_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install 'seatgate\[wedge\]'"):
        FAMILY.line(BY_ID, [portal()], tmp_path)
    assert family("wedge") is FAMILY


def test_a_device_that_there_is_not_is_a_sentence():
    pytest.importorskip("evdev", reason="python-evdev is an extra")
    with pytest.raises(KeysLost, match="there is no device /dev/input/by-id/nothing: is the reader plugged in"):
        input_device.open_keys("/dev/input/by-id/nothing")
    with pytest.raises(KeysLost, match="/dev/null"):
        input_device.open_keys("/dev/null")
    assert PRESSED == 1
