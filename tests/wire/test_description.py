"""Descriptions: the shipped ones load; an unknown key or an impossible combination is a sentence."""

import pytest

from config import ConfigError, merge, read_toml, shipped, structure
from wire.description import Description, Parity
from wire.families import protocol, shipped_names

RDM = read_toml(shipped("protocols", "rdm6300.toml"))
LINE = read_toml(shipped("protocols", "line.toml"))


def without(table: dict, *keys: str) -> dict:
    return {key: value for key, value in table.items() if key not in keys}


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_family_loads(name):
    assert protocol(name).title


def test_the_line_is_set_as_the_description_says():
    serial = protocol("rdm6300").serial
    assert (serial.baud, serial.data_bits, serial.parity, serial.stop_bits) == (9600, 8, Parity.NONE, 1)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (merge(RDM, {"frame": {"lenght": 14}}), "frame: unknown key 'lenght', did you mean 'length'"),
        (
            merge(RDM, {"card": "hexx"}),
            "card: 'hexx' is not one of decimal, decimal-ascii, hex, hex-little.*did you mean 'hex'",
        ),
        (merge(RDM, {"frame": {"start": "0x02"}}), "start = '0x02' is not hexadecimal bytes"),
        (merge(RDM, {"frame": {"start": ""}}), "start must have 1 to 4 bytes"),
        (merge(RDM, {"frame": {"start": "41"}}), "must not begin with a hexadecimal digit"),
        (merge(RDM, {"frame": {"end": ""}}), "needs an end byte"),
        (merge(RDM, {"frame": {"length": 15}}), "leaves half an ascii-hex byte"),
        (merge(RDM, {"frame": {"length": 2}}), "must be more than start and end"),
        (merge(RDM, {"frame": {"length": 400}}), "at most max = 256"),
        (merge(RDM, {"frame": {"max": 4000}}), "max"),
        (merge(RDM, {"frame": {"length_field": {"at": 1}}}), "exclude each other"),
        (merge(RDM, {"checksum": {"kind": "crc"}}), "checksum.kind: 'crc' is not one of xor"),
        (merge(RDM, {"checksum": {"covers": [1]}}), "covers must be two offsets"),
        (merge(RDM, {"checksum": {"covers": [1, 9]}}), r"\[checksum\] reaches beyond"),
        (merge(RDM, {"checksum": {"covers": [1, -1]}}), "covers its own check bytes"),
        (merge(RDM, {"checksum": {"at": 8}}), r"\[checksum\] reaches beyond"),
        (merge(RDM, {"fields": {"value": {"at": 5, "size": 4}}}), r"\[fields.value\] reaches beyond the frame of 8"),
        (merge(RDM, {"fields": {"Kind": {"at": 1, "size": 1}}}), "lower-case letters"),
        (merge(RDM, {"fields": {"kind": {"at": 1, "size": 1}}}), r"the table \[kinds\] need each other"),
        (merge(RDM, {"directions": {"1A": "in"}}), r"the table \[directions\] need each other"),
        ({**RDM, "fields": {}}, r"\[fields.value\] is missing"),
        ({**RDM, "line": LINE["line"]}, "either a"),
        (without(RDM, "frame"), "either a"),
        (merge(RDM, {"serial": {"baud": 9601.5}}), "serial.baud"),
        (merge(RDM, {"serial": {"data_bits": 9}}), "data_bits"),
        ({**RDM, "frame": {"start": "EB"}}, "a binary frame needs length, length_field or length_table"),
        (merge(LINE, {"line": {"pattern": "(?P<value>.+)"}}), r"write \+\+"),
        (merge(LINE, {"line": {"pattern": "(?P<who>.++)"}}), "a group 'who'"),
        (merge(LINE, {"line": {"pattern": "(?P<kind>.++)"}}), "no group"),
        (merge(LINE, {"line": {"max": 5000}}), "max"),
        (merge(LINE, {"checksum": RDM["checksum"]}), "belong to a"),
        ({**LINE, "kinds": {"CARD": "badge"}}, "'badge' is not one of card, face, qr"),
    ],
)
def test_what_cannot_be_is_a_sentence(data, sentence):
    with pytest.raises(ConfigError, match=sentence):
        structure(data, Description, "mine.toml")


def test_two_mistakes_are_reported_at_once():
    with pytest.raises(ConfigError) as failure:
        structure(merge(RDM, {"card": "no", "serial": {"parity": "odd?"}}), Description, "mine.toml")
    assert len(failure.value.problems) == 2


def test_an_unknown_family_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"did you mean 'rdm6300'.*line, .*rdm6300.*path ending in \.toml"):
        protocol("rdm630")


def test_a_familys_name_is_no_way_out_of_the_folder():
    with pytest.raises(ConfigError, match="is none: there are"):
        protocol("../sites/bjut")


def test_a_file_of_ones_own_lies_beside_the_site_file(tmp_path):
    source = shipped("protocols", "rdm6300.toml").read_text()
    (tmp_path / "mine.toml").write_text(source.replace("9600", "19200"))
    assert protocol("mine.toml", tmp_path).serial.baud == 19200
    with pytest.raises(ConfigError, match="no such file"):
        protocol("yours.toml", tmp_path)
