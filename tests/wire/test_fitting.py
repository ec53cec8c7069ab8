"""Which checksum rules would fit: the true one is found for every kind, and a misprinted example has none."""

import pytest

from config import structure
from wire.checksums import ChecksumKind
from wire.counted import encode_block
from wire.description import Description
from wire.families import protocol
from wire.fitting import fitting_rules


def board(kind: ChecksumKind, order: str = "little", first: int = 1) -> Description:
    size = kind.size
    return structure(
        {
            "title": "board",
            "frame": {"start": "02", "end": "03", "length": 8 + size},
            "checksum": {"kind": kind, "covers": [first, -1 - size], "at": -1 - size, "order": order},
            "fields": {"value": {"at": 2, "size": 4}, "address": {"at": 1, "size": 1, "written": "01"}},
        },
        Description,
        "board",
    )


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("kind", list(ChecksumKind))
def test_the_true_rule_is_among_few(kind, order, first):
    true = board(kind, order, first)
    said = [(6547886, "07"), (0xDEADBEEF, "11"), (17, "80"), (0x01020304, "F1")]
    frames = [encode_block(true, {"value": f"{card:08X}", "address": address}) for card, address in said]
    rules = fitting_rules(true, frames)
    found = [(rule.kind, rule.covers, rule.at) for rule in rules if kind.size == 1 or rule.order == order]
    assert (kind, true.checksum.covers, true.checksum.at) in found
    assert {rule.kind for rule in rules} == {kind}


def test_pairs_of_characters_are_unpacked_first():
    [rule, *_] = fitting_rules(protocol("rdm6300"), [b"\x02010063E9AE25\x03", b"\x02010063E9AF24\x03"])
    assert (rule.kind, rule.covers, rule.at) == (ChecksumKind.XOR, [1, -2], -2)


def test_no_rule_fits_what_the_tripods_manual_prints_for_42_and_43():
    assert fitting_rules(protocol("eb-tripod"), [bytes.fromhex("EB014200AB"), bytes.fromhex("EB014300AB")]) == []


@pytest.mark.parametrize("frames", [[], [b"\xeb\x01\x42"]])
def test_nothing_to_go_by_is_no_rule(frames):
    assert fitting_rules(protocol("eb-tripod"), frames) == []


def test_a_line_has_no_checksum():
    assert fitting_rules(protocol("line"), [b"CARD,1,IN"]) == []
