"""From a frame to who was read: canonical values, kinds, directions, and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import structure
from messages.access import Credential, CredentialKind, Direction
from wire import cards
from wire.cards import CardFormat, canonical, written
from wire.description import Description
from wire.families import protocol
from wire.frames import BadFrame, Fault, FrameDecoder, encode
from wire.reads import Read, fields_of, said_by

CARD, FACE, QR = CredentialKind.CARD, CredentialKind.FACE, CredentialKind.QR


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("hex", "0063E9AE", "0006547886"),  # the number printed on the card
        ("hex", "63e9ae", "0006547886"),  # Wiegand 26's data: facility code 99, card 59822
        ("hex-little", "AEE96300", "0006547886"),
        ("decimal", "6547886", "0006547886"),
        ("decimal", "000000006547886", "0006547886"),
        ("hex", "FFFFFFFF", "4294967295"),
        ("hex", "0100000000", "4294967296"),  # five bytes: longer than ten digits stays whole
        ("hex", "00", "0000000000"),
    ],
)
def test_one_card_has_one_value(form, text, value):
    assert canonical(CardFormat(form), text) == value


@pytest.mark.parametrize(
    ("form", "text"),
    [("hex", "063"), ("hex", ""), ("hex", "0G"), ("decimal", "12A"), ("decimal", "１２"), ("decimal", "1" * 21)],
)
def test_what_is_no_number_is_refused(form, text):
    with pytest.raises(ValueError):
        canonical(CardFormat(form), text)


@settings(deadline=None, derandomize=True)
@given(number=st.integers(0, 2**24 - 1), form=st.sampled_from(list(CardFormat)), size=st.sampled_from([0, 8]))
def test_a_value_written_is_read_again(number, form, size):
    value = str(number).zfill(10)
    size = size if form is CardFormat.DECIMAL else 8
    assert canonical(form, written(form, value, size)) == value


def test_a_value_that_does_not_fit_is_not_written():
    with pytest.raises(ValueError, match="fit into 4 bytes"):
        written(CardFormat.HEX, "4294967296", 4)
    with pytest.raises(ValueError, match="decimal digits"):
        written(CardFormat.HEX, "S2023", 4)


def test_person_numbers_fold_case_as_reader_ids_do():
    # "研究生学号请使用大写字母"
    assert cards.person("s202304125") == "S202304125"


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("rdm6300", b"\x02010063E9AE25\x03", Read(Credential(CARD, "0006547886"))),
        ("line", b"CARD,6547886,IN\n", Read(Credential(CARD, "0006547886"), Direction.IN)),
        ("line", b"FACE;s202304125;OUT\n", Read(Credential(FACE, "S202304125"), Direction.OUT)),
        ("line", b"FACE 20231234\n", Read(Credential(FACE, "20231234"))),
        ("line", b"FACE,20231234,IN,2000-01-01T00:00:00Z\n", Read(Credential(FACE, "20231234"), Direction.IN)),
        ("line", b"QR,R1abc,IN\n", Read(Credential(QR, "R1abc"), Direction.IN)),
    ],
)
def test_a_frame_says_who(name, raw, expected):
    (frame,) = FrameDecoder(protocol(name)).feed(raw)
    assert said_by(protocol(name), frame) == expected


def test_a_card_that_is_no_number_is_a_bad_frame():
    (frame,) = FrameDecoder(protocol("line")).feed(b"CARD,S2023,IN\n")
    read = said_by(protocol("line"), frame)
    assert isinstance(read, BadFrame)
    assert read.fault is Fault.NOT_MATCHING


def with_command() -> Description:
    """A board whose frame says which side was opened: EB 40 left, EB 41 right."""
    return structure(
        {
            "title": "board",
            "card": "hex",
            "frame": {"start": "EB", "length": 7},
            "checksum": {"kind": "xor", "covers": [0, -1], "at": -1},
            "fields": {"direction": {"at": 1, "size": 1}, "value": {"at": 2, "size": 4}},
            "directions": {"40": "in", "41": "out"},
        },
        Description,
        "board",
    )


@pytest.mark.parametrize(
    ("description", "read"),
    [
        (protocol("rdm6300"), Read(Credential(CARD, "0006547886"))),
        (protocol("line"), Read(Credential(CARD, "0006547886"), Direction.IN)),
        (protocol("line"), Read(Credential(FACE, "S202304125"), Direction.OUT)),
        (with_command(), Read(Credential(CARD, "0006547886"), Direction.OUT)),
    ],
)
def test_what_a_turnstile_writes_is_read_the_same(description, read):
    (frame,) = FrameDecoder(description).feed(encode(description, fields_of(description, read)))
    assert said_by(description, frame) == read


def test_a_direction_that_the_description_does_not_name_is_a_bad_frame():
    description = with_command()
    (frame,) = FrameDecoder(description).feed(encode(description, {"direction": "42", "value": "0063E9AE"}))
    assert isinstance(said_by(description, frame), BadFrame)


def test_a_card_reader_cannot_send_a_face():
    with pytest.raises(ValueError, match="cards only"):
        fields_of(protocol("rdm6300"), Read(Credential(FACE, "S1")))
