"""The panel and its turns against simulated readers, in a time of its own: what noise, unplugs and dead readers cost."""

import itertools
import random

import pytest

from simulator.osdp import OsdpDevice
from wire.found import Fault
from wire.line_driver import Action, Wanted
from wire.osdp import messages
from wire.osdp.bus import DEAD_SHARE, SECOND, Bus, Pace
from wire.osdp.messages import Capability, Command, Nak, Reply
from wire.osdp.panel import ANEW_EVERY, NO_ANSWER, TRIES, Heard
from wire.osdp.secure import DEFAULT_KEY
from wire.osdp.session import DEFAULT_KEY_USED, OTHER_KEY, PLAIN_ONLY, Bad, Order

from .conftest import KEY, Bench, card, randoms


def swipe(bench, *numbers, address=1):
    for number in numbers:
        bench.devices[address].swipe(card(number))


def test_cards_come_in_order_each_once(bench):
    swipe(bench, *range(1, 201))
    bench.until(lambda: len(bench.cards()) == 200, "all came")
    bench.run(1)
    assert bench.cards() == list(range(1, 201))
    assert bench.bad() == []


def test_it_is_polled_at_its_pace_and_at_once_while_more_waits(bench):
    bench.run(1)
    asked = len(bench.sent)
    bench.run(2)
    assert 36 <= len(bench.sent) - asked <= 41  # every 50 ms
    swipe(bench, *range(1, 51))
    began = bench.now
    bench.until(lambda: len(bench.cards()) == 50, "all came")
    assert bench.now - began < SECOND


def spoil_next(bench, *, to_device):
    """Turn a bit of the next packet in one direction; returns what it was."""
    spoiled = []

    def spoil(content, towards):
        if towards is to_device and not spoiled:
            spoiled.append(content)
            return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
        return content

    bench.spoil = spoil
    return spoiled


@pytest.mark.parametrize("to_device", [True, False])
def test_one_corrupted_packet_costs_one_poll_and_not_the_session(bench, to_device):
    # 'one corrupted reply costs one poll and not the session'
    swipe(bench, 7)
    sessions = sum(b"\x11" in content[6:8] for _, content in bench.sent)
    spoiled = spoil_next(bench, to_device=to_device)
    asked = len(bench.sent)
    bench.until(bench.cards, "the card came all the same", turns=12)
    assert bench.cards() == [7]
    assert len(spoiled) == 1
    said = [content for _, content in bench.sent[asked:]]
    assert said[0] == said[1], "the same command, byte for byte"
    assert len(said) == 2
    assert bench.states() == [""], "the reader never was away"
    bench.run(1)
    assert sum(b"\x11" in content[6:8] for _, content in bench.sent) == sessions
    assert bench.devices[1].repeats == (0 if to_device else 1)


def test_a_corrupted_answer_is_asked_for_again_at_once_and_not_after_the_time_out(bench):
    swipe(bench, 7)
    spoil_next(bench, to_device=False)
    began = bench.now
    bench.until(bench.cards, "the card came")
    assert (
        bench.now - began < SECOND // 10
    )  # the pace of polls, 20 ms of silence and two answers; a time-out has 200 ms


@pytest.mark.parametrize("rate", [0.001, 0.01])
def test_noise_loses_nothing(bench, rate):
    dice = random.Random(5)

    def spoil(content, _):
        return bytes(byte ^ dice.randrange(1, 256) if dice.random() < rate else byte for byte in content)

    bench.spoil = spoil
    swipe(bench, *range(1, 201))
    bench.until(lambda: len(bench.cards()) >= 200, "all came", turns=10_000)
    assert bench.cards() == list(range(1, 201))
    assert Fault.CHECKSUM.value in bench.bad()


@pytest.mark.parametrize("power_cut", [False, True], ids=["cable", "power"])
@pytest.mark.parametrize("seconds", [3, 12, 60, 600])
def test_an_unplugged_reader_is_back_within_two_polls_and_its_queued_reads_with_it(bench, seconds, power_cut):
    # 'a reader unplugged for minutes is back within two polls of its return, and its queued reads with it'
    swipe(bench, 1)
    bench.until(lambda: bench.cards() == [1], "the first came")
    bench.unplugged.add(1)
    swipe(bench, 2, 3, 4)
    bench.run(seconds)
    assert bench.states()[-1] == NO_ANSWER
    if power_cut:
        bench.devices[1].power_on()
    bench.unplugged.clear()
    polls, told = len(bench.sent), len(bench.states())
    bench.until(lambda: bench.states()[told:] == [""], "it is back")
    asked = [content for _, content in bench.sent[polls:]]
    handshake = sum(content[6:7] == b"\x03" for content in asked)  # a security block of three bytes
    assert len(asked) - handshake <= 2, "two of its polls, the handshake besides"
    bench.until(lambda: len(bench.cards()) == 4, "what it had kept came at once", turns=20)
    assert bench.cards() == [1, 2, 3, 4]


def test_the_answer_that_an_unplug_swallowed_comes_when_it_is_back(bench):
    swipe(bench, 5)
    bench.spoil = lambda content, to_device: content if to_device else b""
    bench.until(lambda: bench.devices[1].waiting == 0, "it has said its card into the cut cable")
    bench.unplugged.add(1)
    bench.run(30)
    bench.unplugged.clear()
    bench.spoil = lambda content, _: content
    bench.until(lambda: bench.cards() == [5], "said again", turns=20)


def test_three_readers_have_equal_turns(key):
    bench = Bench(*(OsdpDevice(address, key, randoms(address + 50)) for address in (1, 2, 3)))
    bench.run(1)
    began = len(bench.sent)
    for address in (1, 2, 3):
        swipe(bench, *range(100 * address, 100 * address + 40), address=address)
    bench.until(lambda: len(bench.cards()) == 120, "all came")
    first = [content[2] for _, content in bench.sent[began : began + 30]]
    assert {first.count(address) for address in (1, 2, 3)} == {10}
    for address in (1, 2, 3):
        assert bench.cards(address) == list(range(100 * address, 100 * address + 40))


def test_a_dead_device_does_not_silence_its_line(key):
    # 'one dead device does not silence its line'
    bench = Bench(*(OsdpDevice(address, key, randoms(address + 50)) for address in (1, 2)))
    bench.run(1)
    bench.unplugged.add(2)
    bench.run(3)
    assert bench.states(2)[-1] == NO_ANSWER
    bench.run(20)
    since = bench.now
    bench.run(20)
    to_dead = [at for at, content in bench.sent if at >= since and content[2] == 2]
    to_live = [at for at, content in bench.sent if at >= since and content[2] == 1]
    spent = len(to_dead) * 0.21
    assert spent <= 20 / DEAD_SHARE * 1.1, "the dead have a tenth of the line"
    assert len(to_live) >= 0.8 * 20 / 0.05, "the living are polled as ever"
    assert max(b - a for a, b in itertools.pairwise(to_dead)) < 3 * SECOND, "and a return is soon seen"
    assert max(b - a for a, b in itertools.pairwise(to_live)) < 0.3 * SECOND
    bench.unplugged.clear()
    back = bench.now
    swipe(bench, 9, address=2)
    bench.until(lambda: 9 in bench.cards(2), "it is back")
    assert bench.now - back < 5 * SECOND


def test_a_line_of_dead_devices_is_asked_for_ever_and_not_in_a_hurry(key):
    bench = Bench(OsdpDevice(1, key, randoms(1)), OsdpDevice(2, key, randoms(2)))
    bench.unplugged |= {1, 2}
    bench.run(60)
    assert 60 <= len(bench.sent) <= 200


class Shy(OsdpDevice):
    """Says nothing to a sequence that it does not expect, where it should refuse."""

    def hear(self, content):
        answer = super().hear(content)
        return b"" if b"\x41\x04" in answer else answer


def test_a_device_that_keeps_silent_instead_of_refusing_is_back_too(key):
    bench = Bench(Shy(1, key, randoms(1)))
    bench.run(2)
    bench.unplugged.add(1)
    bench.run(60)
    bench.devices[1].power_on()
    bench.unplugged.clear()
    asked = len(bench.sent)
    bench.until(lambda: bench.states()[-1] == "", "it is back")
    assert len(bench.sent) - asked <= ANEW_EVERY + 3


def wanted(told, until, action=Action.OPEN):
    return Wanted("south-1", action, until, done=told.append)


def out(told, until):
    return [Order(Command.OUT, messages.out(0, 1), until, wanted(told, until), Capability.OUTPUTS)]


def test_an_action_goes_before_the_next_poll(bench):
    bench.run(1)
    told = []
    assert bench.panels[0].order(out(told, bench.now + SECOND)) == ""
    began, count = bench.now, len(bench.sent)
    bench.until(lambda: told, "it is done")
    assert told == [""]
    assert bench.now - began < SECOND // 50
    assert len(bench.sent) == count + 1
    (done,) = bench.devices[1].done
    assert (done.command, done.data.hex()) == (Command.OUT, "0005 0a00".replace(" ", ""))


def test_no_door_opens_late(bench):
    """An open command whose answer was lost is not said again after its time, however long the reader is away."""
    bench.run(1)
    told = []
    bench.unplugged.add(1)
    assert bench.panels[0].order(out(told, bench.now + SECOND)) == ""
    bench.run(20)
    assert len(told) == 1
    assert told[0]
    bench.unplugged.clear()
    bench.until(lambda: bench.states()[-1] == "", "it is back")
    bench.run(5)
    assert bench.devices[1].done == []
    assert bench.panels[0].order(out(told, bench.now - 1)) == ""
    bench.run(1)
    assert told[1:] == ["its time was over before the device could take it"]
    assert bench.devices[1].done == []


def test_an_open_command_whose_answer_was_spoiled_is_done_once(bench):
    bench.run(1)
    told = []
    assert bench.panels[0].order(out(told, bench.now + SECOND)) == ""
    spoil_next(bench, to_device=False)
    bench.until(lambda: told == [""], "it is done")
    assert len(bench.devices[1].done) == 1


def test_what_a_device_says_that_it_lacks_is_not_sent(bench):
    bench.run(1)
    panel = bench.panels[0]
    panel._known[Capability.OUTPUTS] = (0, 0)
    assert panel.order(out([], bench.now + SECOND)) == "the device says that it has nothing of the kind"


# ---- keys ------------------------------------------------------------------------------------------------------------


def test_a_device_that_answers_only_plain_is_refused_when_a_key_is_set():
    device = OsdpDevice(1, None, randoms(3))
    bench = Bench(device, keys={1: KEY})
    swipe(bench, 1)
    bench.run(5)
    assert bench.states() == [PLAIN_ONLY]
    assert bench.cards() == []
    assert len(bench.sent) < 5 / 0.05 / 2, "and is asked rarely"


def test_a_device_with_another_key_is_refused_until_it_has_the_right_one():
    device = OsdpDevice(1, bytes(reversed(KEY)), randoms(3))
    bench = Bench(device, keys={1: KEY})
    swipe(bench, 1)
    bench.run(5)
    assert bench.states() == [OTHER_KEY]
    assert bench.cards() == []
    device.key = KEY
    bench.until(lambda: bench.cards() == [1], "its card is believed")


def test_a_challenge_that_is_answered_twice_is_no_other_key():
    """A slow reader is asked again: its second answer has another random number, and what we say to the first it refuses."""
    device = OsdpDevice(1, KEY, randoms(3))
    bench = Bench(device)
    late = []
    heard = device.hear

    def slow(content):
        late.append(heard(content))
        if len(late) == 1:
            return b""
        return late[0] if len(late) == 2 else late[-1]

    device.hear = slow
    bench.until(lambda: bench.states() == [""], "it is well, and nothing else was told", turns=100)
    assert "refused" in bench.bad()


def test_the_default_key_is_refused():
    device = OsdpDevice(1, DEFAULT_KEY, randoms(3), installs=True)
    bench = Bench(device, keys={1: KEY})
    bench.run(5)
    assert set(bench.states()) == {DEFAULT_KEY_USED}
    assert not any(content[8:9] == b"\x00" and content[7:8] == b"\x11" for _, content in bench.sent), "never asked for"


def test_install_mode_gives_a_device_its_own_key_and_only_then():
    device = OsdpDevice(1, None, randoms(3), installs=True)
    bench = Bench(device, keys={1: KEY})
    bench.run(3)
    assert device.key is None
    bench.panels[0].install(allowed=True)
    bench.until(lambda: device.key == KEY, "it has its key")
    bench.until(lambda: bench.states()[-1] == "", "and talks with it")
    bench.panels[0].install(allowed=False)
    swipe(bench, 4)
    bench.until(lambda: bench.cards() == [4], "its cards come")


def test_a_forged_answer_is_dropped_and_the_session_goes_on():
    device = OsdpDevice(1, KEY, randoms(3))
    bench = Bench(device)
    bench.run(1)
    swipe(bench, 8)
    forged = []

    def forge(content, to_device):
        if to_device or forged:
            return content
        from wire.osdp.frames import Packet, packet_of

        honest = packet_of(content)
        forged.append(honest)
        fake = Packet(1, True, honest.sequence, honest.code, honest.data, True, honest.block, b"\x00\x00\x00\x00")
        plain = Packet(1, True, honest.sequence, Reply.RAW, bytes.fromhex("0000200000000001"))
        return plain.encode() + fake.encode() + content

    bench.spoil = forge
    bench.until(bench.cards, "the honest card came")
    assert bench.cards() == [8]
    assert bench.bad() == ["forged", "forged"]
    assert bench.states() == [""]


def test_a_replayed_answer_is_dropped():
    device = OsdpDevice(1, KEY, randoms(3))
    bench = Bench(device)
    bench.run(1)
    swipe(bench, 8)
    bench.until(lambda: bench.cards() == [8], "the card came")
    recorded = bench.answers[-1]
    bench.spoil = lambda content, to_device: content if to_device else recorded + content
    bench.run(2)
    assert bench.cards() == [8]
    assert set(bench.bad()) == {"forged", "sequence"}


# ---- single answers --------------------------------------------------------------------------------------------------


class Answering:
    """A device that answers with what it is told to."""

    address, key = 1, None

    def __init__(self, *answers):
        self.answers = list(answers)
        self.heard = []

    def hear(self, content):
        from wire.osdp.frames import Packet, packet_of

        packet = packet_of(content[1:])
        self.heard.append(packet)
        code, data, sequence = self.answers.pop(0) if self.answers else (Reply.ACK, b"", None)
        return Packet(1, True, packet.sequence if sequence is None else sequence, code, data).encode()


def test_a_busy_device_is_asked_the_same_again_at_the_next_turn():
    device = Answering((Reply.ACK, b"", None), *[(Reply.BUSY, b"", 0)] * 3)
    bench = Bench(device)
    bench.run(0.5)
    again = [packet for packet in device.heard if packet == device.heard[1]]
    assert len(again) == 4
    assert bench.bad() == []
    times = [at for at, _ in bench.sent[1:5]]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.05 * SECOND


@pytest.mark.parametrize("nak", [Nak.SEQUENCE, Nak.NEEDS_SECURITY])
def test_a_device_that_has_lost_the_session_is_begun_anew(nak):
    device = Answering((Reply.ACK, b"", None), (Reply.ACK, b"", None), (Reply.NAK, bytes([nak]), 2))
    bench = Bench(device)
    bench.run(0.3)
    assert [packet.sequence for packet in device.heard[:6]] == [0, 1, 2, 0, 1, 2]
    assert bench.bad() == ["refused"]


def test_a_command_that_a_device_does_not_know_is_told_and_passed_over():
    device = Answering(*[(Reply.ACK, b"", None)] * 6)
    bench = Bench(device)
    bench.run(0.5)
    told = []
    bench.panels[0].order(out(told, bench.now + SECOND))
    device.answers = [(Reply.NAK, bytes([Nak.UNKNOWN]), None)]
    bench.until(lambda: told, "it is told")
    assert told == ["the device refused: the device does not know it"]
    assert bench.states() == [""]


def test_a_command_whose_check_did_not_fit_is_said_again():
    device = Answering((Reply.ACK, b"", None), (Reply.NAK, bytes([Nak.CHECK]), None))
    bench = Bench(device)
    bench.run(0.3)
    assert device.heard[1] == device.heard[2]


def test_busy_is_no_word_on_who_it_is():
    """Anybody on the line can say it: the trouble of a reader that has not shown its key does not end by it."""
    device = Answering(*[(Reply.BUSY, b"", 0)] * 1000)
    bench = Bench(device, keys={1: KEY})
    bench.run(2)
    assert bench.states() == []
    assert bench.panels[0].trouble


def test_an_answer_that_comes_twice_counts_once():
    raw = (Reply.RAW, bytes.fromhex("0000200000000005"), None)
    device = Answering((Reply.ACK, b"", None), raw)
    bench = Bench(device)
    bench.spoil = lambda content, to_device: content if to_device else content * 2
    bench.run(1)
    assert bench.cards() == [5]
    assert set(bench.bad()) == {"sequence"}


def test_another_address_is_no_answer():
    bench = Bench(Answering())
    from wire.osdp.frames import Packet

    stranger = Packet(5, True, 0, Reply.RAW, bytes.fromhex("0000200000000005")).encode()
    bench.spoil = lambda content, to_device: content if to_device else stranger
    bench.run(2)
    assert bench.cards() == []
    assert bench.states() == [NO_ANSWER]


def test_our_own_echo_is_passed_over(bench):
    device = bench.devices[1]
    heard = device.hear
    device.hear = lambda content: content + heard(content)
    swipe(bench, 3)
    bench.until(lambda: bench.cards() == [3], "the card came")
    assert bench.bad() == []


def test_a_device_that_does_not_answer_is_known_after_three_times():
    bench = Bench(OsdpDevice(1, None, randoms(1)))
    bench.unplugged.add(1)
    bench.run(0.7)
    assert len(bench.sent) == TRIES
    assert bench.states() == [NO_ANSWER]
    assert bench.bad() == []


def test_checksums_instead_of_crc_are_spoken_too():
    device = OsdpDevice(1, None, randoms(1))
    bench = Bench(device, crc=False)
    swipe(bench, 2)
    bench.until(lambda: bench.cards() == [2], "the card came")
    assert all(not content[5] & 4 for _, content in bench.sent)


def test_it_is_asked_what_it_is_once_it_is_well_and_after_its_cards(bench):
    bench.run(1)
    asked = [Heard in map(type, (each.event for each in bench.told))]
    assert asked == [True]
    assert [each.event.vendor for each in bench.told if type(each.event).__name__ == "Identity"] == ["5EA7E0"]


def test_the_turnaround_and_the_pace_are_kept(key):
    device = OsdpDevice(1, key, randoms(9))
    bench = Bench(device, pace=Pace(9600, SECOND // 10, SECOND // 5, SECOND // 50))
    answered = []
    bench.spoil = lambda content, to_device: ((to_device or answered.append(bench.now)) and content) or content
    bench.run(3)
    swipe(bench, *range(1, 30))
    bench.until(lambda: len(bench.cards()) == 29, "all came")
    for at in answered:
        later = [sent for sent, _ in bench.sent if sent > at]
        assert not later or later[0] - at >= SECOND // 50


def test_an_endless_noise_does_not_hold_the_line():
    bench = Bus([Bench(OsdpDevice(1, None, randoms(1))).panels[0]], Pace())
    bench.begin(0)
    content, _ = bench.step(0)
    assert content
    now = 0
    for _ in range(2000):
        now += 5_000_000
        bench.feed(b"\x53\x81\xa0\x05", now)
        again, _ = bench.step(now)
        if again:
            break
    assert again == content
    assert now < 3 * SECOND
    assert isinstance(bench.end(), list)
    assert Bad
