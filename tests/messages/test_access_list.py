"""The access list: keyed hashes, never names or card numbers, for one gate, bounded."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import access_list
from messages.access import Credential, CredentialKind
from messages.access_list import AccessList, Grounds, Window
from messages.errors import MessageError

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
KEY = bytes(range(32))
CARD = Credential(CredentialKind.CARD, "0006547886")


def listed(*windows, **more):
    fields = {"gate": "south", "generation": 7, "number": 1, "made_at": NOW, "valid_until": NOW + timedelta(days=1)}
    return AccessList(**fields | {"key": access_list.key_name(KEY), "windows": list(windows)} | more)


def test_the_mark_of_a_card_is_blake2b_keyed_with_the_gates_secret():
    """The same by any implementation: BLAKE2b-64 of `card` 00 `0006547886`."""
    import hashlib

    expected = hashlib.blake2b(b"card\x000006547886", key=KEY, digest_size=8).digest()
    assert access_list.mark(KEY, CARD) == int.from_bytes(expected, "big")
    assert access_list.mark(bytes(32), CARD) != access_list.mark(KEY, CARD)
    assert access_list.mark(KEY, Credential(CredentialKind.QR, CARD.value)) != access_list.mark(KEY, CARD)


def test_each_gate_has_a_secret_of_its_own():
    master = secrets.token_bytes(32)
    south, north = (access_list.gate_key(master, gate) for gate in ("south", "north"))
    assert len(south) == access_list.KEY_BYTES
    assert south != north
    assert access_list.key_name(south) not in south.hex()


def test_no_name_and_no_card_number_is_in_it():
    """Contract: "versioned list for local decisions (keyed hashes of credentials, never names)"."""
    text = (Path(__file__).with_name("golden") / "access-list.json").read_text(encoding="utf-8")
    assert "0006547886" not in text
    assert "6547886" not in text
    fields = {"gate", "generation", "number", "made_at", "valid_until", "key", "windows", "blocked", "capacity", "inside", "counted"}  # fmt: skip
    assert set(AccessList.__struct_fields__) == fields
    assert set(Window.__struct_fields__) == {"who", "grounds", "start", "end"}


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=60))
def test_marks_travel_sorted_and_each_once(marks):
    assert list(access_list.unpack(access_list.pack(marks))) == sorted(set(marks))


@pytest.mark.parametrize(
    "packed", ["AAAA", "AAAAAAAAAAIAAAAAAAAAAQ==", "AAAAAAAAAAEAAAAAAAAAAQ==", "A", "=", "AAAAAAAA"]
)
def test_marks_that_are_none_or_out_of_order_are_refused(packed):
    with pytest.raises(MessageError):
        access_list.unpack(packed)


def test_twenty_thousand_readers_with_two_credentials_fit_and_what_does_not_is_not_sent():
    marks = [secrets.randbits(64) for _ in range(40_000)]
    raw = access_list.encode("bjut", "main", listed(Window(access_list.pack(marks), Grounds.READER)))
    assert len(raw) < 450_000
    assert list(access_list.unpack(access_list.decode("south", raw).windows[0].who)) == sorted(marks)
    many = listed(Window(access_list.pack(range(100_000)), Grounds.READER))
    with pytest.raises(MessageError, match="at most 1048576 are read"):
        access_list.encode("bjut", "main", many)


def test_another_gates_list_is_refused():
    raw = access_list.encode("bjut", "main", listed(gate="north"))
    with pytest.raises(MessageError, match="north"):
        access_list.decode("south", raw)


def test_lists_are_ordered_by_generation_then_number():
    first = listed()
    assert first.newer_than(None)
    assert not first.newer_than(first)
    assert listed(number=2).newer_than(first)
    assert listed(generation=8, number=0).newer_than(listed(number=900))
    assert not listed(generation=6, number=900).newer_than(first)
