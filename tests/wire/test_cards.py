"""Card formats: the vectors of manuals and captures that hold, and one that does not; widths, orders, facility codes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.cards import Align, CardFormat, CardNumber, canonical, with_facility, written

W26, W34, W37 = CardFormat.WIEGAND_26, CardFormat.WIEGAND_34, CardFormat.WIEGAND_37


def printed(facility: int, card: int) -> str:
    return str(facility << 16 | card).zfill(10)


@pytest.mark.parametrize(
    ("form", "text", "number", "value"),
    [
        # H10301: facility 227, card 57600 is 1C7C200; facility 90, card 324 is these 26 bits.
        (W26, "01C7C200", CardNumber(), printed(227, 57600)),
        (W26, f"{0b00101101000000001010001000:08X}", CardNumber(), printed(90, 324)),
        (W26, "00C2C701", CardNumber(order="little"), printed(227, 57600)),
        (W26, f"{0b00101101000000001010001000 << 6:08X}", CardNumber(align=Align.LEFT), printed(90, 324)),
        (CardFormat.DECIMAL_ASCII, b"0006547886".hex(), CardNumber(), "0006547886"),
        (CardFormat.DECIMAL, "0006547886", CardNumber(), "0006547886"),  # BCD: five bytes
        (CardFormat.HEX, "AB63E9AE", CardNumber(bits=24), "0006547886"),
        (CardFormat.HEX_LITTLE, "AEE963AB", CardNumber(bits=24), "0006547886"),
    ],
)
def test_vectors_that_hold(form, text, number, value):
    assert canonical(form, text, number) == value


def test_a_captured_osdp_read_fails_its_own_parity():
    # 53 85 10 00 05 50 00 01 1A 00 01 30 B9 C0 A7 EC: 26 bits, format "raw"; the even parity of the first half is wrong.
    with pytest.raises(ValueError, match="parity of Wiegand 26 does not fit"):
        canonical(W26, "0130B9C0", CardNumber(align=Align.LEFT))


@settings(deadline=None, derandomize=True)
@given(
    form=st.sampled_from([W26, W34, W37]),
    number=st.integers(0, 2**24 - 1),
    align=st.sampled_from(list(Align)),
    order=st.sampled_from(["big", "little"]),
    size=st.integers(5, 8),
)
def test_wiegand_is_read_as_it_is_written_and_no_bit_may_flip(form, number, align, order, size):
    value, rule = str(number).zfill(10), CardNumber(align=align, order=order)
    text = written(form, value, size, rule)
    assert canonical(form, text, rule) == value
    spare = 8 * size - form.wiegand_bits
    for bit in range(form.wiegand_bits):
        if form is W37 and bit == 18:
            continue  # the middle bit is in both halves: both parities see it, as they see every other
        at = bit + (spare if align is Align.LEFT else 0)
        flipped = int.from_bytes(bytes.fromhex(text), order) ^ 1 << at
        with pytest.raises(ValueError, match="parity"):
            canonical(form, flipped.to_bytes(size, order).hex(), rule)


def test_a_facility_code_of_its_own_gives_the_same_number():
    assert canonical(CardFormat.DECIMAL, "57600", facility="227") == printed(227, 57600)
    assert canonical(CardFormat.HEX, "E100", facility="E3") == printed(227, 57600)
    assert with_facility(printed(227, 57600)) == ("227", "57600")
    with pytest.raises(ValueError, match="more than 16 bits"):
        canonical(CardFormat.DECIMAL, "65536", facility="1")


@pytest.mark.parametrize(
    ("form", "text", "number", "sentence"),
    [
        (W26, "C7C200", CardNumber(), "3 bytes have no room for the 26 bits"),
        (W26, "FFC7C200", CardNumber(), "is it aligned left"),
        (W34, "01C7C200", CardNumber(), "no room for the 34 bits"),
        (CardFormat.DECIMAL_ASCII, "4142", CardNumber(), "not decimal-ascii"),
        (CardFormat.DECIMAL, "00A1", CardNumber(), "not decimal"),
    ],
)
def test_what_is_no_card_is_a_sentence(form, text, number, sentence):
    with pytest.raises(ValueError, match=sentence):
        canonical(form, text, number)


@pytest.mark.parametrize(
    ("form", "value", "size", "sentence"),
    [
        (W26, str(2**24), 8, "24 bits of Wiegand 26"),
        (W34, "1", 3, "into 3 bytes"),
        (CardFormat.DECIMAL, "12345", 2, "into 2 bytes"),
        (CardFormat.DECIMAL_ASCII, "12345", 4, "into 4 bytes"),
    ],
)
def test_what_does_not_fit_is_not_written(form, value, size, sentence):
    with pytest.raises(ValueError, match=sentence):
        written(form, value, size)
