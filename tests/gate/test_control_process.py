"""A gate in control mode as it runs: its own process, a real broker, the open frame on a real pseudo-terminal.

South-1 has a card reader and a turnstile board on a line of its own, south-2 the same for the way out; south-3 only reports.
"""

import re
import signal
from datetime import UTC, datetime, timedelta

import pytest

from messages import access_list, command
from messages.access import Credential, CredentialKind, PassageEvent
from messages.access_list import AccessList, Counted, Grounds, Window
from messages.command import Lock, Open, Unlock
from messages.topics import Family, Leaf, build
from runtime.signing import SigningKey, signed_properties

CARD, OTHER = b"\x02010063E9AE25\x03", b"\x02010063E9AF24\x03"
ANN, BEN = "0006547886", "0006547887"
KEY = bytes(range(32))
OPEN_LEFT, OPEN_RIGHT = bytes.fromhex("EB014000AA"), bytes.fromhex("EB014100AB")
KNOWN = "the key of the access list is known"
CONTROL = 'mode = "control"'


def board(of, message):
    return ("frame", "eb-tripod", f'passage_for = "{of}"', f'options = {{ open = "{message}" }}')


def lanes(when="closed"):
    return {
        "south-1": ("in", "rdm6300", CONTROL, f'when_unknown = "{when}"'),
        "south-1-board": board("south-1", "open_left"),
        "south-2": ("out", "rdm6300", CONTROL, f'when_unknown = "{when}"'),
        "south-2-board": board("south-2", "open_right"),
        "south-3": ("in", "rdm6300"),
    }


@pytest.fixture
def portals():
    return lanes()


@pytest.fixture
def running(booking, gate_process, wait_for):
    # cards are held up again and again here: none of these reads is a resting card
    gate_process.config.write_text('repeat_quiet = "1ms"\n' + gate_process.config.read_text())
    booking.open()
    gate_process.start()
    wait_for(lambda: booking.births, "the gate has announced itself")
    return gate_process


def mark(value, key=KEY):
    return access_list.mark(key, Credential(CredentialKind.CARD, value))


def list_of(*values, number=1, lasts=timedelta(hours=1), made=None, key=KEY, **more):
    made = made or datetime.now(UTC)
    window = Window(access_list.pack(mark(value, key) for value in values), Grounds.RESERVATION)
    return AccessList("south", 7, number, made, made + lasts, access_list.key_name(key), [window], **more)


def publish(booking, listed, **more):
    booking.say(Leaf.ACCESS_LIST, access_list.encode(booking.site, "main", listed), retain=True, **more)


def heard(gate, portal, wait_for, what):
    """Return what the gate has sent on a line, once something came."""
    said = []
    wait_for(lambda: said.append(gate.turnstiles[portal].receive()) or b"".join(said), what)
    return b"".join(said)


def decided(gate, sequence, wait_for):
    """Return "granted reason=…" or "denied reason=…" of an event, once it is stored."""
    found = []

    def look():
        found[:] = re.findall(rf"event stored sequence={sequence} portal=\S+ card=\S+ (.*)", gate.log)
        return found

    wait_for(look, f"event {sequence} is stored:\n{gate.log}")
    return found[0]


def test_who_is_on_the_list_is_let_in_and_who_is_not_is_not(running, booking, wait_for):
    publish(booking, list_of(ANN))
    wait_for(lambda: "access list generation=7 number=1" in running.log, "the list is there")
    wait_for(lambda: KNOWN in running.log, "its key is there")
    running.turnstiles["south-1"].send(CARD)
    assert heard(running, "south-1-board", wait_for, "the board is told to open") == OPEN_LEFT
    assert decided(running, 1, wait_for) == "granted reason=reservation"
    running.turnstiles["south-1"].send(OTHER)
    assert decided(running, 2, wait_for) == "denied reason=unknown"
    running.turnstiles["south-2"].send(OTHER)
    assert heard(running, "south-2-board", wait_for, "out is opened") == OPEN_RIGHT
    assert decided(running, 3, wait_for) == "granted reason=out"
    running.turnstiles["south-3"].send(CARD)
    wait_for(lambda: len(booking.events) == 4, "booking has all")
    assert [(event.outcome.value, event.reason) for event in booking.events] == [
        ("granted", "reservation"),
        ("denied", "unknown"),
        ("granted", "out"),
        ("reported", None),
    ]
    assert running.turnstiles["south-1-board"].receive() == b""
    assert ANN not in running.log


def test_without_a_list_a_closed_portal_denies_in_and_never_out(running, wait_for):
    running.turnstiles["south-1"].send(CARD)
    assert decided(running, 1, wait_for) == "denied reason=list-missing"
    running.turnstiles["south-2"].send(CARD)
    assert heard(running, "south-2-board", wait_for, "out is opened") == OPEN_RIGHT
    assert "NO ACCESS LIST COUNTS why=list-missing" in running.log


def test_the_list_and_who_is_in_outlive_a_kill_and_the_server(running, booking, private_broker, wait_for):
    """Issue: "valid offline"; with a full house the list's count and our own passages are still known."""
    publish(booking, list_of(ANN, BEN, capacity=3, inside=2))
    wait_for(lambda: (running.data / "access-list").exists() and KNOWN in running.log, "kept")
    running.turnstiles["south-1"].send(CARD)
    assert decided(running, 1, wait_for) == "granted reason=reservation"
    running.stop(signal.SIGKILL)
    booking.close()
    private_broker.stop()
    running.start()
    running.turnstiles["south-1"].send(OTHER)
    assert decided(running, 2, wait_for) == "denied reason=full"
    running.turnstiles["south-2"].send(CARD)
    assert decided(running, 3, wait_for) == "granted reason=out"
    running.turnstiles["south-1"].send(OTHER)
    assert decided(running, 4, wait_for) == "granted reason=reservation"


def test_a_list_on_disk_that_was_changed_is_set_aside(running, booking, private_broker, wait_for):
    publish(booking, list_of(ANN))
    file = running.data / "access-list"
    wait_for(file.exists, "kept")
    running.stop()
    private_broker.stop()
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
    running.start()
    assert "the access list on disk is not used, and set aside" in running.log
    assert file.with_suffix(".unusable").exists()
    running.turnstiles["south-1"].send(CARD)
    assert decided(running, 1, wait_for) == "denied reason=list-missing"


def test_lists_that_are_forged_foreign_older_or_made_with_another_secret(running, booking, wait_for):
    publish(booking, list_of(ANN, number=5))
    wait_for(lambda: "generation=7 number=5" in running.log, "the list is there")
    stranger = SigningKey.generate()
    publish(booking, list_of(ANN, BEN, number=6), key=stranger)
    wait_for(lambda: "access list refused why=signature" in running.log, "the forged one is refused")
    publish(booking, list_of(ANN, BEN, number=4))
    wait_for(lambda: "access list refused why=older" in running.log, "the older one is refused")
    other = build(booking.site, Family.GATES, "north", Leaf.ACCESS_LIST)
    payload = access_list.encode(booking.site, "main", list_of(ANN, BEN, number=7))
    topic = build(booking.site, Family.GATES, "south", Leaf.ACCESS_LIST)
    booking.link.publish(topic, payload, properties=signed_properties(booking.key, other, payload)).wait(30)
    wait_for(lambda: running.log.count("refused why=signature") == 2, "one signed for another gate is refused")
    running.turnstiles["south-1"].send(OTHER)
    assert decided(running, 1, wait_for) == "denied reason=unknown"
    publish(booking, list_of(ANN, number=8, key=bytes(32)))
    wait_for(lambda: "generation=7 number=8" in running.log, "a list of another secret is there")
    running.turnstiles["south-1"].send(CARD)
    assert decided(running, 2, wait_for) == "denied reason=list-missing"


def test_a_list_that_has_run_out_counts_no_more(running, booking, wait_for):
    publish(booking, list_of(ANN, made=datetime.now(UTC) - timedelta(hours=2)))
    wait_for(lambda: "access list generation=7" in running.log, "the list is there")
    wait_for(lambda: KNOWN in running.log, "its key is there")
    running.turnstiles["south-1"].send(CARD)
    assert decided(running, 1, wait_for) == "denied reason=list-old"
    publish(booking, list_of(ANN, number=2, made=datetime.now(UTC) + timedelta(hours=1)))
    wait_for(lambda: "generation=7 number=2" in running.log, "one from the future is there")
    running.turnstiles["south-1"].send(OTHER)
    assert decided(running, 2, wait_for) == "denied reason=clock-wrong"
    publish(booking, list_of(BEN, number=1))  # older by its number, but ours does not count
    wait_for(lambda: running.log.count("access list generation=7 number=1") == 2, "a good one takes its place")
    running.turnstiles["south-1"].send(OTHER + CARD)
    assert decided(running, 4, wait_for) == "denied reason=unknown"
    assert "the access list counts again" in running.log


def order(what, ident, portal="south-1", *, lasts=15, **more):
    return what(ident, datetime.now(UTC) + timedelta(seconds=lasts), portal, **more)


def tell(booking, wanted, **more):
    booking.say(Leaf.COMMAND, command.encode(booking.site, "main", wanted, at=datetime.now(UTC)), **more)


def results(booking):
    return [(event.of, event.result.value) for event in booking.events if hasattr(event, "result")]


def test_staff_open_once_and_what_is_late_repeated_or_forged_opens_nothing(running, booking, wait_for):
    """Contract: "signed, with id and deadline; late, repeated or unsigned is refused, never acted on"."""
    opening = order(Open, "open-0123456789abc")
    tell(booking, opening)
    assert heard(running, "south-1-board", wait_for, "the board is told to open") == OPEN_LEFT
    wait_for(lambda: results(booking) == [(opening.id, "done")], "staff are told")
    tell(booking, opening)
    wait_for(lambda: results(booking)[1:] == [(opening.id, "repeated")], "staff are told that it came twice")
    tell(booking, order(Open, "late-0123456789abc", lasts=-1))
    tell(booking, order(Open, "nowhere-0123456789", "south-9"))
    wait_for(lambda: len(results(booking)) == 4, "and of these")
    assert results(booking)[2:] == [("late-0123456789abc", "late"), ("nowhere-0123456789", "unknown-portal")]
    tell(booking, order(Open, "forged-0123456789a"), key=SigningKey.generate())
    wait_for(lambda: "command refused why=signature" in running.log, "the forged one is told in the log")
    tell(booking, order(Open, "no-word-0123456789", "south-3"))
    wait_for(lambda: results(booking)[4:] == [("no-word-0123456789", "failed")], "a line without an open message")
    assert running.turnstiles["south-1-board"].receive() == b""


def test_a_lock_keeps_in_from_coming_in_also_after_a_restart_until_it_is_unlocked(running, booking, wait_for):
    publish(booking, list_of(ANN, BEN))
    wait_for(lambda: KNOWN in running.log, "the key is there")
    wait_for(lambda: "access list generation=7" in running.log, "the list is there")
    tell(booking, order(Lock, "lock-0123456789abc"))
    wait_for(lambda: results(booking) == [("lock-0123456789abc", "done")], "it is locked")
    running.stop(signal.SIGKILL)
    running.start()
    running.turnstiles["south-1"].send(CARD)
    assert decided(running, 2, wait_for) == "denied reason=locked"
    running.turnstiles["south-2"].send(CARD)
    assert decided(running, 3, wait_for) == "granted reason=out"
    births = len(booking.births)
    wait_for(lambda: len(booking.births) >= births and "broker connected" in running.log, "connected")
    wait_for(lambda: running.log.count("broker connected") == 2, "connected again")
    tell(booking, order(Unlock, "unlock-0123456789a"))
    wait_for(lambda: ("unlock-0123456789a", "done") in results(booking), "it is unlocked")
    running.turnstiles["south-1"].send(OTHER)
    wait_for(lambda: "granted reason=reservation" in running.log, "in again")
    tell(booking, order(Lock, "lock-report-012345", "south-3"))
    wait_for(lambda: ("lock-report-012345", "not-possible") in results(booking), "a portal that reports has no lock")


def test_what_the_gate_has_said_is_counted_from_the_list_on(running, booking, wait_for):
    publish(booking, list_of(ANN, BEN, capacity=1))
    wait_for(lambda: KNOWN in running.log, "the key is there")
    wait_for(lambda: "access list generation=7" in running.log, "the list is there")
    running.turnstiles["south-1"].send(CARD)
    assert decided(running, 1, wait_for) == "granted reason=reservation"
    running.turnstiles["south-1"].send(OTHER)
    assert decided(running, 2, wait_for) == "denied reason=full"
    wait_for(lambda: len(booking.events) == 2, "booking has both")
    epoch = booking.events[0].epoch
    publish(booking, list_of(ANN, BEN, number=2, capacity=2, inside=1, counted=Counted(epoch, 2)))
    wait_for(lambda: "generation=7 number=2" in running.log, "booking has counted them")
    running.turnstiles["south-1"].send(OTHER)
    assert decided(running, 3, wait_for) == "granted reason=reservation"
    assert not any(isinstance(event, PassageEvent) for event in booking.events)


def test_nobody_listens_to_lists_where_no_portal_is_in_control_mode(running):
    assert running.log.count("access-list-key") == 0


@pytest.mark.parametrize("portals", [lanes("open")], ids=["open"])
def test_an_open_portal_lets_in_without_a_list(running, wait_for):
    running.turnstiles["south-1"].send(CARD)
    assert heard(running, "south-1-board", wait_for, "the board is told to open") == OPEN_LEFT
    assert decided(running, 1, wait_for) == "granted reason=list-missing"


def say_rule(gate, **keys):
    """Add a rule to the site file of a gate that does not run yet."""
    site = gate.folder / "site.toml"
    lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    site.write_text(f"{site.read_text()}\n[policy.gate]\n{lines}")


@pytest.mark.parametrize(
    ("window", "again"), [("1h", "denied reason=pass-back"), ("1ms", "granted reason=reservation")]
)
def test_antipassback_for_in(booking, gate_process, private_broker, wait_for, window, again):
    """Issue: "antipassback for `in`; `out` never refused": as long as the site says, reset by out, over a restart too."""
    say_rule(gate_process, antipassback=window)
    gate_process.config.write_text('repeat_quiet = "1ms"\n' + gate_process.config.read_text())
    booking.open()
    gate_process.start()
    wait_for(lambda: booking.births, "the gate has announced itself")
    publish(booking, list_of(ANN))
    wait_for(lambda: KNOWN in gate_process.log and (gate_process.data / "access-list").exists(), "the list is kept")
    gate_process.turnstiles["south-1"].send(CARD)
    assert decided(gate_process, 1, wait_for) == "granted reason=reservation"
    gate_process.stop(signal.SIGKILL)
    private_broker.stop()
    gate_process.start()
    for sequence, portal, expected in (
        (2, "south-1", again),
        (3, "south-2", "granted reason=out"),
        (4, "south-1", "granted reason=reservation"),
    ):
        gate_process.turnstiles[portal].send(CARD)
        assert decided(gate_process, sequence, wait_for) == expected
