"""Payloads and topics from outside: MessageError or a value, never anything else."""

import json
from contextlib import suppress
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import access, access_list, acknowledgement, command, notification, presence, seats, topics
from messages.errors import MessageError
from messages.topics import Family, Leaf, Topic

GOLDEN = Path(__file__).with_name("golden")
DECODERS = {
    "access": lambda raw: access.decode("bjut", "south", raw),
    "passage": lambda raw: access.decode("bjut", "south", raw),
    "acknowledgement": acknowledgement.decode,
    "birth": presence.decode,
    "area-map": seats.decode,
    "screenshot": command.decode,
    "resync": command.decode,
    "command-result": lambda raw: access.decode("bjut", "south", raw),
    "access-list": lambda raw: access_list.decode("south", raw),
    "open": command.decode,
    "notification": notification.decode,
}
TIME_FIELDS = {
    "access": "occurred_at",
    "passage": "occurred_at",
    "acknowledgement": "server_time",
    "birth": "wall",
    "area-map": "at",
    "screenshot": "deadline",
    "resync": "deadline",
    "command-result": "occurred_at",
    "access-list": "made_at",
    "open": "deadline",
    "notification": "at",
}

KINDS = [{name} for name in DECODERS] + [{"access", "passage", "command-result"}, {"screenshot", "resync", "open"}]
"""Forms that one decoder tells apart by their tag."""
OPTIONAL = {"reservation", "windows", "blocked", "capacity", "inside", "counted", "direction"}
"""What may be missing (`direction`: of an open command)."""


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def refused(name, outer):
    with pytest.raises(MessageError):
        DECODERS[name](outer if isinstance(outer, bytes) else json.dumps(outer).encode())
    return True


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"{" * 100_000,
        b"[" * 200_000,
        b'{"specversion":' + b"[" * 100_000,
        b" " * (access_list.MAX_BYTES + 1),
        b'{"specversion":"1.0","id":"1","source":"x","type":"y","time":"2026-11-23T08:00:00Z"}',
    ],
    ids=lambda raw: raw[:20],
)
def test_what_is_no_envelope_is_refused(name, raw):
    assert refused(name, raw)


@pytest.mark.parametrize("name", DECODERS)
def test_deeply_nested_data_is_refused(name):
    outer = golden(name)
    outer["data"] = "@"
    raw = json.dumps(outer).encode().replace(b'"@"', b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert refused(name, raw)


@pytest.mark.parametrize("name", DECODERS)
def test_every_field_that_is_missing_or_of_another_kind_is_refused(name):
    for place in ("outer", "data"):
        for key in golden(name) if place == "outer" else golden(name)["data"]:
            if key in ("datacontenttype", "outbox", "gate"):
                continue
            for wrong in ("missing", [[]], {"x": 1}, 1.5, True):
                outer = golden(name)
                fields = outer if place == "outer" else outer["data"]
                if wrong == "missing":
                    del fields[key]
                else:
                    fields[key] = wrong
                left_out = wrong == "missing" and key in OPTIONAL and (name, key) != ("access", "direction")
                fits = left_out or key in ("credential", "passed", "reservation")
                assert fits or refused(name, outer), (place, key, wrong)


@pytest.mark.parametrize("name", TIME_FIELDS)
@pytest.mark.parametrize(
    "time",
    ["2026-11-23T08:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-12:00", "1969-12-31T00:00:00Z", "now", 0],
)
def test_a_time_without_zone_or_out_of_all_reason_is_refused(name, time):
    outer = golden(name)
    outer["data"][TIME_FIELDS[name]] = time
    assert refused(name, outer)
    outer = golden(name)
    outer["time"] = time
    assert refused(name, outer)


def test_a_clock_that_fell_back_to_its_first_day_is_still_read():
    outer = golden("access")
    outer["data"]["occurred_at"] = "1970-01-01T00:00:07+08:00"
    event = access.decode("bjut", "south", json.dumps(outer).encode())
    assert event.occurred_at.astimezone(UTC).year == 1969


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("access", {"sequence": 0}),
        ("access", {"sequence": 18}),
        ("access", {"epoch": 1}),
        ("access", {"epoch": 2**53}),
        ("access", {"monotonic_ns": 2**63}),
        ("access", {"monotonic_ns": -1}),
        ("access", {"portal": "South 1"}),
        ("access", {"portal": "../x"}),
        ("access", {"direction": "up"}),
        ("access", {"kind": "passage"}),
        ("access", {"kind": "open"}),
        ("access", {"credential": {"kind": "card", "value": ""}}),
        ("access", {"credential": {"kind": "card", "value": "9" * 65}}),
        ("access", {"credential": {"kind": "card", "value": "1\x00"}}),
        ("access", {"credential": {"kind": "card", "value": "1\n"}}),
        ("access", {"credential": {"kind": "palm", "value": "1"}}),
        ("access", {"boot_id": "b" * 65}),
        ("passage", {"of": 0}),
        ("passage", {"passed": 1}),
        ("passage", {"passed": None}),
        ("acknowledgement", {"ranges": [[2, 1]]}),
        ("acknowledgement", {"ranges": [[1, 5], [5, 6]]}),
        ("acknowledgement", {"ranges": [[7, 8], [1, 2]]}),
        ("acknowledgement", {"ranges": [[0, 1]]}),
        ("acknowledgement", {"ranges": [[1, 2**53]]}),
        ("acknowledgement", {"ranges": [[1]]}),
        ("acknowledgement", {"ranges": [[n * 2 + 1] * 2 for n in range(1001)]}),
        ("acknowledgement", {"rejected": [{"sequence": 1, "code": "bored"}]}),
        ("birth", {"state": "reborn"}),
        ("birth", {"session": -1}),
        ("birth", {"session": 2**70}),
        ("birth", {"version": "v" * 33}),
        ("birth", {"version": "1\n2"}),
        ("birth", {"outbox": {"epoch": 1}}),
        ("area-map", {"n": -1}),
        ("area-map", {"seats": [{"seat": "s", "status": "haunted"}]}),
        ("area-map", {"seats": [{"seat": "s", "status": "free", "until": "9999-12-31T23:59:59-12:00"}]}),
        ("area-map", {"seats": [{"seat": "s", "status": "free"}] * 5001}),
        ("screenshot", {"command": "open"}),
        ("screenshot", {"id": "short"}),
        ("screenshot", {"id": "Zk3vQ8xW1tY7sR0q"}),
        ("screenshot", {"id": "Zk3vQ8xW1tY7sR0p\n"}),
        ("screenshot", {"id": "../../../../../x"}),
        ("notification", {"facts": {"label": 65}}),
    ],
)
def test_data_outside_its_limits_is_refused(name, changes):
    outer = golden(name)
    outer["data"] |= changes
    assert refused(name, outer)


@pytest.mark.parametrize("name", DECODERS)
def test_one_kind_of_payload_does_not_pass_for_another(name):
    for other in DECODERS:
        if not any({name, other} <= kind for kind in KINDS):
            assert refused(name, golden(other))


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "/seatgate/bjut/gates/north"},
        {"source": "/seatgate/other/gates/south"},
        {"id": "4503599627370497-18"},
        {"id": "x" * 129},
        {"id": "a\x00"},
        {"type": "org.seatgate.passage.v1"},
        {"specversion": "0.3"},
        {"specversion": "x" * 10_000},
    ],
)
def test_an_envelope_that_disagrees_with_its_topic_or_data_is_refused(changes):
    assert refused("access", golden("access") | changes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(DECODERS)), key=st.sampled_from(["id", "time", "type", "data", "source"]), value=JSON
)
def test_any_json_in_any_place_is_a_value_or_a_message_error(name, key, value):
    outer = golden(name)
    outer[key] = value
    with suppress(MessageError):  # and nothing else comes out
        DECODERS[name](json.dumps(outer).encode("utf-8", "surrogatepass"))


@settings(deadline=None, derandomize=True)
@given(name=st.sampled_from(sorted(DECODERS)), raw=st.binary(max_size=300))
def test_any_bytes_are_refused(name, raw):
    assert refused(name, raw)


# ---- topics ----------------------------------------------------------------------------------------------------------

LEAVES = [
    (Family.GATES, Leaf.ACCESS),
    (Family.GATES, Leaf.ACK),
    (Family.GATES, Leaf.ACCESS_LIST),
    (Family.GATES, Leaf.COMMAND),
    (Family.GATES, Leaf.PRESENCE),
    (Family.KIOSKS, Leaf.CHECK_INS),
    (Family.KIOSKS, Leaf.ACK),
    (Family.KIOSKS, Leaf.COMMAND),
    (Family.KIOSKS, Leaf.PRESENCE),
    (Family.BOOKING, Leaf.PRESENCE),
    (Family.AREAS, Leaf.SEATS),
    (Family.READERS, Leaf.NOTIFICATIONS),
]


@pytest.mark.parametrize(("family", "leaf"), LEAVES)
def test_every_topic_of_the_contract_is_built_and_parsed(family, leaf):
    topic = topics.build("bjut", family, "south-1", leaf)
    assert topic == f"seatgate/v1/bjut/{family.value}/south-1/{leaf.value}"
    assert topics.parse(topic) == Topic("bjut", family, "south-1", leaf)
    assert topics.every("bjut", family, leaf) == f"seatgate/v1/bjut/{family.value}/+/{leaf.value}"


def test_a_leaf_that_a_family_lacks_does_not_exist():
    for family in Family:
        for leaf in set(Leaf) - {leaf for its, leaf in LEAVES if its is family}:
            with pytest.raises(MessageError):
                topics.build("bjut", family, "x", leaf)
            with pytest.raises(MessageError):
                topics.every("bjut", family, leaf)
            with pytest.raises(MessageError):
                topics.parse(f"seatgate/v1/bjut/{family.value}/x/{leaf.value}")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "seatgate/v1/bjut/gates/south",
        "seatgate/v1/bjut/gates/south/access/x",
        "seatgate/v2/bjut/gates/south/access",
        "/seatgate/v1/bjut/gates/south/access",
        "seatgate/v1/bjut/gates/+/access",
        "seatgate/v1/bjut/gates/#",
        "seatgate/v1/bjut/gates/South/access",
        "seatgate/v1/bjut/gates//access",
        "seatgate/v1/bjut/gates/-south/access",
        "seatgate/v1/bjut/gates/south\n/access",
        "seatgate/v1/bjut/gates/" + "s" * 49 + "/access",
        "seatgate/v1/北工大/gates/south/access",
        "$SYS/broker/uptime",
        "x" * 70_000,
        "seatgate/v1/bjut/gates/\ud800/access",
    ],
)
def test_other_topics_are_refused(topic):
    with pytest.raises(MessageError):
        topics.parse(topic)


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_parse_gives_a_topic_or_a_message_error(text):
    with pytest.raises(MessageError):
        topics.parse(text)


# ---- round trips and small rules -------------------------------------------------------------------------------------


@settings(deadline=None, derandomize=True)
@given(st.sets(st.integers(1, 2**53 - 1), max_size=200) | st.sets(st.integers(1, 60), max_size=60))
def test_ranges_hold_exactly_the_sequences(sequences):
    ranges = acknowledgement.ranges_of(sequences)
    assert sum(last - first + 1 for first, last in ranges) == len(sequences)
    assert all(any(first <= each <= last for first, last in ranges) for each in sequences)
    assert all(ranges[index][1] + 1 < ranges[index + 1][0] for index in range(len(ranges) - 1))


@pytest.mark.parametrize(("value", "shown"), [("0006547886", "…86"), ("12345", "…45"), ("1234", "…"), ("", "…")])
def test_mask_leaves_two_characters_at_most(value, shown):
    assert access.mask(value) == shown


def test_a_map_replaces_only_an_older_one():
    first = seats.decode((GOLDEN / "area-map.json").read_bytes())
    outer = golden("area-map")
    for generation, n, newer in [(2, 42, True), (2, 41, False), (2, 40, False), (3, 1, True), (1, 99, False)]:
        outer["data"] |= {"generation": generation, "n": n}
        assert seats.decode(json.dumps(outer).encode()).newer_than(first) is newer
    assert first.newer_than(None)


def test_a_reader_has_one_opaque_name_per_master():
    name = notification.opaque_reader(b"m" * 32, "S2023001")
    assert name == notification.opaque_reader(b"m" * 32, "S2023001")
    assert name != notification.opaque_reader(b"n" * 32, "S2023001")
    assert topics.parse(topics.build("bjut", Family.READERS, name, Leaf.NOTIFICATIONS)).name == name
