"""Golden payloads: what is on the wire, byte for byte. A change here is a change of the protocol's version."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from messages import access, access_list, acknowledgement, command, notification, presence, seats
from messages.access import (
    AccessEvent,
    AccessOutcome,
    AccessReason,
    AlarmEvent,
    AlarmKind,
    CommandEvent,
    CommandResult,
    Credential,
    CredentialKind,
    Direction,
    PassageEvent,
)
from messages.access_list import AccessList, Counted, Grounds, Window
from messages.acknowledgement import Acknowledgement, RejectCode, Rejected
from messages.command import Lock, Open, Resync, Screenshot, Unlock
from messages.notification import Notification
from messages.presence import GateFigures, OutboxState, PortalFigures, Presence, PresenceState
from messages.seats import AreaMap, SeatState, SeatStatus
from messages.topics import Family

GOLDEN = Path(__file__).with_name("golden")
BOOT = "6f1b4b0e-7a3f-4a53-9d6c-0f2a9c3e1d2b"
EPOCH = 4_503_599_627_370_497


def at(text):
    return datetime.fromisoformat(f"2026-11-23T{text}+08:00")


ACCESS = AccessEvent(
    portal="south-1",
    direction=Direction.IN,
    credential=Credential(CredentialKind.CARD, "0006547886"),
    outcome=AccessOutcome.REPORTED,
    occurred_at=at("16:38:01.250000"),
    monotonic_ns=81_234_567_890,
    boot_id=BOOT,
    epoch=EPOCH,
    sequence=17,
)
UNREAD = AccessEvent(
    portal="south-2",
    direction=Direction.UNKNOWN,
    credential=None,
    outcome=AccessOutcome.DENIED,
    occurred_at=at("16:38:02"),
    monotonic_ns=82_234_567_890,
    boot_id=BOOT,
    epoch=EPOCH,
    sequence=18,
)
PASSAGE = PassageEvent(
    portal="south-1",
    of=17,
    passed=True,
    occurred_at=at("16:38:03"),
    monotonic_ns=83_234_567_890,
    boot_id=BOOT,
    epoch=EPOCH,
    sequence=19,
)
ALARM = AlarmEvent(
    portal="south-1",
    active=True,
    occurred_at=at("16:38:03"),
    monotonic_ns=83_334_567_890,
    boot_id=BOOT,
    epoch=EPOCH,
    sequence=20,
)
TAMPER = AlarmEvent(
    portal="south-1",
    active=True,
    occurred_at=at("16:38:03"),
    monotonic_ns=83_334_567_890,
    boot_id=BOOT,
    epoch=EPOCH,
    sequence=21,
    what=AlarmKind.TAMPER,
)
GRANTED = AccessEvent(
    portal="south-1",
    direction=Direction.IN,
    credential=Credential(CredentialKind.CARD, "0006547886"),
    outcome=AccessOutcome.GRANTED,
    occurred_at=at("16:38:03"),
    monotonic_ns=83_434_567_890,
    boot_id=BOOT,
    epoch=EPOCH,
    sequence=21,
    reason=AccessReason.RESERVATION,
)
RESULT = CommandEvent(
    portal="south-1",
    of="Zk3vQ8xW1tY7sR0r",
    result=CommandResult.DONE,
    occurred_at=at("16:38:03"),
    monotonic_ns=83_534_567_890,
    boot_id=BOOT,
    epoch=EPOCH,
    sequence=22,
)
KEY = bytes(range(32))
ANN, BEN = (access_list.mark(KEY, Credential(CredentialKind.CARD, value)) for value in ("0006547886", "0006547887"))
LIST = AccessList(
    "south",
    1_763_000_000_000,
    3,
    at("16:38:05"),
    at("16:38:05").replace(day=24),
    access_list.key_name(KEY),
    [
        Window(access_list.pack([ANN, BEN]), Grounds.RESERVATION, at("16:08:00"), at("22:00:00")),
        Window(access_list.pack([BEN]), Grounds.READER),
    ],
    access_list.pack([ANN]),
    300,
    17,
    Counted(EPOCH, 16),
)
ACK = Acknowledgement(EPOCH, [(1, 16), (19, 19)], [Rejected(18, RejectCode.DIGEST_CONFLICT)], at("16:38:04"))
BIRTH = Presence(
    PresenceState.BIRTH, 3, "0.1.0", at("16:38:05"), 85_234_567_890, BOOT, OutboxState(EPOCH, 19, 1, 17, EPOCH - 1)
)
SAID = Presence(
    PresenceState.BIRTH,
    3,
    "0.1.0",
    at("16:38:05"),
    85_234_567_890,
    BOOT,
    OutboxState(EPOCH, 19, 1, 17, EPOCH - 1),
    gate=GateFigures(
        at("08:00:00"),
        at("08:00:02"),
        {
            "south-1": PortalFigures("", 19, {"checksum": 2}, 1, at("16:38:01")),
            "south-2": PortalFigures("/dev/ttyUSB1: No such file or directory"),
        },
        set_aside=1,
        oldest_waiting=at("16:38:01"),
    ),
)
DEATH = Presence(PresenceState.DEATH, 3, "0.1.0", at("16:38:05"), 85_234_567_891, BOOT)
MAP = AreaMap(
    "2f-centre",
    2,
    41,
    at("16:38:06"),
    3,
    1,
    [
        SeatState("2f-centre-001", SeatStatus.FREE),
        SeatState("2f-centre-002", SeatStatus.RESERVED, at("17:08:00")),
        SeatState("2f-centre-003", SeatStatus.TAKEN, at("22:00:00")),
    ],
)
SCREENSHOT = Screenshot("Zk3vQ8xW1tY7sR0p", at("16:38:12"))
RESYNC = Resync("Zk3vQ8xW1tY7sR0q", at("16:38:37"), EPOCH, 18, 40)
OPEN = Open("Zk3vQ8xW1tY7sR0r", at("16:38:22"), "south-1", Direction.IN)
LOCK = Lock("Zk3vQ8xW1tY7sR0s", at("16:38:22"), "south-1")
UNLOCK = Unlock("Zk3vQ8xW1tY7sR0t", at("16:38:22"), "south-1")
TOLD = Notification("n-1", "checked-in", at("16:38:07"), "r-1", {"label": "065", "until": "22:00"})

CASES = {
    "access": (lambda: access.encode("bjut", "south", ACCESS), lambda raw: access.decode("bjut", "south", raw), ACCESS),
    "access-unread": (
        lambda: access.encode("bjut", "south", UNREAD),
        lambda raw: access.decode("bjut", "south", raw),
        UNREAD,
    ),
    "passage": (
        lambda: access.encode("bjut", "south", PASSAGE),
        lambda raw: access.decode("bjut", "south", raw),
        PASSAGE,
    ),
    "alarm": (lambda: access.encode("bjut", "south", ALARM), lambda raw: access.decode("bjut", "south", raw), ALARM),
    "alarm-tamper": (
        lambda: access.encode("bjut", "south", TAMPER),
        lambda raw: access.decode("bjut", "south", raw),
        TAMPER,
    ),
    "acknowledgement": (
        lambda: acknowledgement.encode("bjut", "main", ACK, event_id="ack-1"),
        acknowledgement.decode,
        ACK,
    ),
    "birth": (lambda: presence.encode("bjut", Family.GATES, "south", BIRTH), presence.decode, BIRTH),
    "birth-of-a-gate": (lambda: presence.encode("bjut", Family.GATES, "south", SAID), presence.decode, SAID),
    "death": (lambda: presence.encode("bjut", Family.KIOSKS, "second-floor", DEATH), presence.decode, DEATH),
    "area-map": (lambda: seats.encode("bjut", "main", MAP), seats.decode, MAP),
    "screenshot": (
        lambda: command.encode("bjut", "main", SCREENSHOT, at=at("16:38:07")),
        command.decode,
        SCREENSHOT,
    ),
    "resync": (lambda: command.encode("bjut", "main", RESYNC, at=at("16:38:07")), command.decode, RESYNC),
    "access-granted": (
        lambda: access.encode("bjut", "south", GRANTED),
        lambda raw: access.decode("bjut", "south", raw),
        GRANTED,
    ),
    "command-result": (
        lambda: access.encode("bjut", "south", RESULT),
        lambda raw: access.decode("bjut", "south", raw),
        RESULT,
    ),
    "access-list": (
        lambda: access_list.encode("bjut", "main", LIST),
        lambda raw: access_list.decode("south", raw),
        LIST,
    ),
    "open": (lambda: command.encode("bjut", "main", OPEN, at=at("16:38:07")), command.decode, OPEN),
    "lock": (lambda: command.encode("bjut", "main", LOCK, at=at("16:38:07")), command.decode, LOCK),
    "unlock": (lambda: command.encode("bjut", "main", UNLOCK, at=at("16:38:07")), command.decode, UNLOCK),
    "notification": (lambda: notification.encode("bjut", "main", TOLD), notification.decode, TOLD),
}


@pytest.mark.parametrize("name", CASES)
def test_encoding_is_the_file_and_the_file_decodes_to_the_value(name):
    encode, decode, value = CASES[name]
    golden = (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")
    assert encode() == golden
    assert decode(golden) == value


@pytest.mark.parametrize("name", CASES)
def test_every_payload_is_a_cloudevent(name):
    """CloudEvents 1.0.2: "REQUIRED" are id, source, specversion ("1.0") and type."""
    outer = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert outer["specversion"] == "1.0"
    assert outer["id"]
    assert outer["source"].startswith("/seatgate/bjut/")
    assert outer["type"].startswith("org.seatgate.")
    assert outer["type"].endswith(".v1")
    assert outer["datacontenttype"] == "application/json"
    assert datetime.fromisoformat(outer["time"]).tzinfo is not None


def test_a_field_from_a_later_minor_form_is_ignored():
    outer = json.loads((GOLDEN / "access.json").read_text(encoding="utf-8"))
    outer["traceparent"] = "00-…"
    outer["data"]["lane_width_mm"] = 900
    assert access.decode("bjut", "south", json.dumps(outer).encode()) == ACCESS


def test_no_reader_is_named_in_a_seat_map():
    data = json.loads((GOLDEN / "area-map.json").read_text(encoding="utf-8"))["data"]
    assert {key for seat in data["seats"] for key in seat} == {"seat", "status", "until"}
