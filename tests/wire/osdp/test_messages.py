"""Cards in raw, Wiegand and character form, and the bytes of what a device is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.osdp import OsdpDevice
from wire.cards import CardFormat
from wire.osdp import messages
from wire.osdp.messages import CardRule, raw_card, text_card

from .conftest import card, randoms


def raw(bits, form=0):
    """Write a card whose bits are given as text, from the left."""
    size = -(-len(bits) // 8)
    value = int(bits.ljust(8 * size, "0"), 2)
    return bytes([0, form]) + len(bits).to_bytes(2, "little") + value.to_bytes(size, "big")


# Wiegand 26, FC 227/57600 and FC 90/324 of the research; the 24 bits between give the printed number
W26 = f"{0x1C7C200:026b}"
W26_OTHER = "00101101000000001010001000"


@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize(("bits", "number"), [(W26, 227 << 16 | 57600), (W26_OTHER, 90 << 16 | 324)])
def test_wiegand_26_is_the_printed_number(bits, number, form):
    assert raw_card(raw(bits, form), CardRule()).value == f"{number:010}"


def test_the_captured_card_has_no_wiegand_parity():
    """It is the example of libosdp's tests: its check bytes hold, its parity does not."""
    data = bytes.fromhex("00011A000130B9C0")
    with pytest.raises(ValueError, match="parity"):
        raw_card(data, CardRule())
    assert raw_card(b"\x00\x00" + data[2:], CardRule()).value == f"{0x0130B9C0 >> 6:010}"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (CardRule(), 0x0063E9AE),
        (CardRule(CardFormat.HEX_LITTLE), 0xAEE96300),
        (CardRule(bits=24), 0x63E9AE),
        (CardRule(bits=16), 0xE9AE),
    ],
)
def test_a_chips_number_is_read_as_the_options_say(rule, value):
    assert raw_card(raw(f"{0x0063E9AE:032b}"), rule).value == f"{value:010}"


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_the_simulated_readers_card_comes_back(number):
    device = OsdpDevice(1, None, randoms(1))
    device.swipe(card(number))
    assert raw_card(device._events[0][1], CardRule()).value == f"{number:010}"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00\x00\x20", b"\x00\x00\x00\x00", bytes.fromhex("00002000010203"), bytes.fromhex("0000FFFF0102"), bytes.fromhex("00001A0001")],
)  # fmt: skip
def test_cards_that_cannot_be_are_a_sentence(data):
    with pytest.raises(ValueError, match=r"card"):
        raw_card(data, CardRule())


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.binary(max_size=80))
def test_hostile_replies_are_a_value_error_or_a_card(data):
    for read in (raw_card, text_card):
        try:
            read(data, CardRule())
        except ValueError:
            continue
    messages.capabilities(data)


def test_characters_forwards_and_backwards():
    assert text_card(b"\x00\x00\x076547886", CardRule()).value == "0006547886"
    assert text_card(b"\x00\x01\x076887456", CardRule()).value == "0006547886"
    assert text_card(b"\x00\x00\x080063E9AE", CardRule(text=CardFormat.HEX)).value == "0006547886"
    with pytest.raises(ValueError):
        text_card(b"\x00\x00\x096547886", CardRule())


def test_what_a_device_is_told():
    """As SIA OSDP 2.2 lays out the data of OUT, LED, BUZ and KEYSET."""
    assert messages.out(1, 2.5).hex() == "01051900"
    assert messages.led(0, messages.GREEN, 2).hex() == "0000020a00020014000000000000"
    assert messages.led(1, messages.RED, 2, blinking=True).hex() == "0001020202010014000000000000"
    assert messages.buzzer(3).hex() == "0002010103"
    assert messages.keyset(bytes(range(16))).hex() == "0110" + bytes(range(16)).hex()


def test_an_identity():
    found = messages.identity(bytes.fromhex("5EA7E0 01 02 07060504 010203"))
    assert (found.vendor, found.model, found.version, found.serial, found.firmware) == (
        "5EA7E0",
        1,
        2,
        0x04050607,
        "1.2.3",
    )
    with pytest.raises(ValueError, match="11 bytes"):
        messages.identity(bytes(11))
    assert messages.nak_text(b"\x03") == "the device does not know it"
    assert messages.nak_text(b"\xee") == "error 238"
    assert messages.capabilities(bytes.fromhex("020104")) == {2: (1, 4)}
