"""The secure channel against the standard's own example (SIA OSDP 2.2, annex E), and against whoever is on the line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.osdp.frames import Packet
from wire.osdp.secure import DEFAULT_KEY, Channel, SessionKeys

PANEL, DEVICE = bytes(range(0xB0, 0xB8)), bytes(range(0xA0, 0xA8))
KEYS = SessionKeys.derive(DEFAULT_KEY, PANEL)


@pytest.mark.parametrize(
    ("found", "printed"),
    [
        (KEYS.mac_1, "5E86C676603BDEE2D8BEAFE178637332"),
        (KEYS.mac_2, "6FDA86E857777E81132035758239172E"),
        (KEYS.encryption, "BF8DC2A8329ACB8C67C6D0CD9A451682"),
        (KEYS.panel_cryptogram(PANEL, DEVICE), "26D3356E07762D262801FC8E6665A891"),
        (KEYS.device_cryptogram(PANEL, DEVICE), "FDE5D2F428EC16312471EA3C02BD7796"),
        (KEYS.first_mac(KEYS.panel_cryptogram(PANEL, DEVICE)), "B2A30057EB98BA2229EC1F875662B524"),
    ],
)
def test_the_standards_example_holds(found, printed):
    assert found.hex().upper() == printed


def ends():
    first = KEYS.first_mac(KEYS.panel_cryptogram(PANEL, DEVICE))
    return Channel(KEYS, received=first), Channel(KEYS, sent=first)


def command(data=b"", sequence=1):
    return Packet(1, False, sequence, 0x68, data)


def reply(data=b"", sequence=1):
    return Packet(1, True, sequence, 0x50, data)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.tuples(st.binary(max_size=70), st.binary(max_size=70)), min_size=1, max_size=6))
def test_what_one_end_seals_the_other_opens_in_order(turns):
    panel, device = ends()
    for asked, answered in turns:
        assert device.open(panel.seal(command(asked))).data == asked
        assert panel.open(device.seal(reply(answered))).data == answered


def test_data_are_not_readable_and_the_block_says_so():
    panel, _ = ends()
    sealed = panel.seal(command(b"a card that nobody sees"))
    assert sealed.block == b"\x17"
    assert b"card" not in sealed.encode()
    assert panel.seal(command()).block == b"\x15"


@pytest.mark.parametrize("at", range(8, 44))
def test_any_changed_byte_is_refused_and_the_right_one_still_opens(at):
    panel, device = ends()
    device.open(panel.seal(command()))
    honest = device.seal(reply(b"0123456789abcdef012"))
    raw = bytearray(honest.signed + honest.mac)
    assert len(raw) == 44
    raw[at] ^= 0x10
    forged = Packet(1, True, 1, raw[7], bytes(raw[8:-4]), True, b"\x18", bytes(raw[-4:]))
    assert panel.open(forged) is None
    assert panel.open(honest).data == b"0123456789abcdef012"


def test_a_packet_that_is_left_out_repeated_or_from_another_session_does_not_open():
    panel, device = ends()
    one, two = panel.seal(command(b"1")), panel.seal(command(b"2"))
    assert device.open(one).data == b"1"
    assert device.open(one) is None or two
    other = Channel(SessionKeys.derive(bytes(16), PANEL))
    assert other.open(one) is None
    assert panel.open(Packet(1, True, 1, 0x40)) is None


def test_a_device_that_leaves_the_filling_out_is_understood():
    panel, device = ends()
    device.open(panel.seal(command()))
    whole = b"0123456789abcdef"
    from wire.osdp import secure

    sealed = secure._chain(KEYS.encryption, secure._inverse(device._received), whole)
    packet = Packet(1, True, 1, 0x50, sealed, True, b"\x18")
    mac = KEYS.mac(device._received, packet.signed)[:4]
    assert panel.open(Packet(1, True, 1, 0x50, sealed, True, b"\x18", mac)).data == whole


def test_keys_are_never_shown():
    assert KEYS.mac_1.hex() not in repr(KEYS)
