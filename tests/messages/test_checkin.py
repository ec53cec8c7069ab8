"""The check-in code: a golden vector made without our code, and every way in which a code can be wrong."""

import hashlib
import hmac
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import base32, checkin
from messages.checkin import CheckInCode, CodeFault
from messages.errors import MessageError

MASTER, KIOSK = bytes(range(32)), 7
NOW = datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)
STEP = 179_542_080
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def key_of(epoch, kiosk):
    return checkin.day_key(MASTER, epoch, kiosk) if kiosk == KIOSK else None


def minted(moment=NOW, kiosk=KIOSK):
    step = checkin.step_at(moment)
    return checkin.mint(checkin.day_key(MASTER, checkin.epoch_of(step), kiosk), kiosk, step)


def independent(moment):
    """The contract's words once more, with the standard library only."""

    def base32_of(number, chars):
        text = ""
        for _ in range(chars):
            number, digit = divmod(number, 32)
            text = CROCKFORD[digit] + text
        return text

    # "step = floor(unix time / 10 s)", "epoch = the step's UTC day number"
    step = int(moment.timestamp()) // 10
    epoch = step * 10 // 86_400
    # "K = HMAC-SHA-256(master, "qr-v1" ‖ epoch u32 ‖ kiosk u16)"
    key = hmac.new(MASTER, b"qr-v1" + struct.pack(">IH", epoch, KIOSK), hashlib.sha256).digest()
    # "13 = first 65 bits of HMAC-SHA-256(K, "CI1" ‖ kiosk u16 ‖ step u64)"
    mac = hmac.new(key, b"CI1" + struct.pack(">HQ", KIOSK, step), hashlib.sha256).digest()
    bits = "".join(f"{byte:08b}" for byte in mac)[:65]
    # "1 format version · 1 key epoch mod 32 · 3 kiosk number · 4 step … mod 2^20 · 13 …"
    return (
        "1" + base32_of(epoch % 32, 1) + base32_of(KIOSK, 3) + base32_of(step % 2**20, 4) + base32_of(int(bits, 2), 13)
    )


GOLDEN = [
    (NOW, "1C0077620N8WNR1D1RSWBJ"),
    (datetime(1970, 1, 1, tzinfo=UTC), "10007000000FQCXR82JT9E"),
    (datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), "1Q007SK6C099J3Z14VJSPS"),
]


@pytest.mark.parametrize(("moment", "code"), GOLDEN)
def test_golden_vector(moment, code):
    assert independent(moment) == code
    assert minted(moment) == code
    assert checkin.verify(code, moment, key_of) == CheckInCode(KIOSK, checkin.step_at(moment), 0)


def test_the_numbers_behind_the_vector():
    assert checkin.step_at(NOW) == STEP
    assert checkin.epoch_of(STEP) == (NOW.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert len(minted()) == 22


def test_a_key_of_one_day_and_kiosk_is_no_other():
    keys = {checkin.day_key(MASTER, epoch, kiosk) for epoch in range(20_780, 20_788) for kiosk in (6, 7, 8)}
    assert len(keys) == 24
    assert {len(key) for key in keys} == {checkin.KEY_BYTES}


@pytest.mark.parametrize("position", range(22))
def test_a_code_altered_in_one_character_is_not_accepted(position):
    code = minted()
    for character in CROCKFORD:
        if character != code[position]:
            altered = code[:position] + character + code[position + 1 :]
            assert isinstance(checkin.verify(altered, NOW, key_of), CodeFault), altered


def test_the_first_wrong_thing_is_named():
    code = minted()
    assert checkin.verify("2" + code[1:], NOW, key_of) is CodeFault.MALFORMED
    assert checkin.verify(minted(kiosk=8), NOW, key_of) is CodeFault.UNKNOWN_KIOSK
    assert checkin.verify(code[:-1] + ("0" if code[-1] != "0" else "1"), NOW, key_of) is CodeFault.FORGED
    assert checkin.verify(code, NOW, lambda _epoch, _kiosk: b"x" * 32) is CodeFault.FORGED


def test_lower_case_is_the_same_code():
    """ "Crockford base32, upper case, host lower case; the server folds case." """
    assert checkin.verify(minted().lower(), NOW, key_of) == CheckInCode(KIOSK, STEP, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        minted()[:-1],
        minted() + "0",
        minted()[:-1] + "U",
        minted()[:-1] + "-",
        minted()[:-1] + "\n",
        minted()[:-1] + "ſ",  # upper() makes an S of it
        minted()[:-13] + "ß" * 13,  # upper() makes two characters of each
        minted()[:-1] + "٣",
        minted()[:-1] + "\ud800",
        "1" * 1_000_000,
    ],
)
def test_what_is_no_code_is_malformed(text):
    assert checkin.verify(text, NOW, key_of) is CodeFault.MALFORMED


# "Accepted by server time …: steps -1, 0, +1"; the code's own step is from 08:00:00 to 08:00:10.
@pytest.mark.parametrize(
    ("now", "tolerance", "answer"),
    [
        ("07:59:49.999999", 1, CodeFault.EARLY),
        ("07:59:50", 1, CheckInCode(KIOSK, STEP, -1)),
        ("08:00:00", 1, CheckInCode(KIOSK, STEP, 0)),
        ("08:00:09.999999", 1, CheckInCode(KIOSK, STEP, 0)),
        ("08:00:19.999999", 1, CheckInCode(KIOSK, STEP, 1)),
        ("08:00:20", 1, CodeFault.STALE),
        ("08:01:05", 1, CodeFault.STALE),
        ("08:00:49", 4, CheckInCode(KIOSK, STEP, 4)),
        ("08:00:50", 4, CodeFault.STALE),
        ("07:59:20", 4, CheckInCode(KIOSK, STEP, -4)),
        ("07:59:19", 4, CodeFault.EARLY),
    ],
)
def test_only_neighbouring_steps_are_accepted(now, tolerance, answer):
    moment = datetime.fromisoformat(f"2026-11-23T{now}+00:00")
    assert checkin.verify(minted(), moment, key_of, tolerance=tolerance) == answer


@pytest.mark.parametrize("seconds", [-15, -5, 0, 5, 15])
def test_codes_hold_over_midnight_utc(seconds):
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    code = minted(midnight - timedelta(seconds=1))
    answer = checkin.verify(code, midnight + timedelta(seconds=seconds), key_of)
    assert isinstance(answer, CheckInCode) is (-20 < seconds < 10)


@pytest.mark.parametrize("age", [-1, 0, 1])
def test_codes_hold_over_the_wrap_of_the_step(age):
    """ "step = floor(unix time / 10 s) mod 2^20": it wraps every 121 days."""
    wrap = datetime.fromtimestamp((STEP // 2**20 + 1) * 2**20 * 10, UTC)
    for minted_at in (wrap - timedelta(seconds=10), wrap):
        now = minted_at + timedelta(seconds=10 * age)
        assert checkin.verify(minted(minted_at), now, key_of) == CheckInCode(KIOSK, checkin.step_at(minted_at), age)


@pytest.mark.parametrize("days", [1, 32, 121, 122, 365, 3650])
def test_an_old_code_is_never_accepted_again(days):
    assert isinstance(checkin.verify(minted(), NOW + timedelta(days=days), key_of), CodeFault)
    wrapped = NOW + timedelta(seconds=2**20 * 10)
    assert isinstance(checkin.verify(minted(), wrapped, key_of), CodeFault)


@pytest.mark.parametrize("kiosk", [-1, 2**15])
def test_a_kiosk_number_that_does_not_fit_is_refused(kiosk):
    with pytest.raises(MessageError, match="0-32767"):
        checkin.mint(b"k" * 32, kiosk, STEP)


@settings(deadline=None, derandomize=True)
@given(
    kiosk=st.integers(0, checkin.MAX_KIOSK),
    moment=st.datetimes(datetime(1970, 1, 2), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given
)
def test_every_code_of_every_kiosk_verifies_at_its_time(kiosk, moment):
    step = checkin.step_at(moment)
    key = checkin.day_key(MASTER, checkin.epoch_of(step), kiosk)
    code = checkin.mint(key, kiosk, step)
    assert checkin.verify(code, moment, lambda epoch, number: checkin.day_key(MASTER, epoch, number)) == CheckInCode(
        kiosk, step, 0
    )


@settings(deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=30), st.text(alphabet=CROCKFORD + "ß", min_size=21, max_size=21).map("1".__add__)))
def test_verify_never_raises(text):
    assert isinstance(checkin.verify(text, NOW, lambda _epoch, _kiosk: b"k" * 32), CodeFault)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (checkin.url("http://10.0.0.5:8080/", minted()), minted()),
        (f"https://seats.example.edu/c/{minted().lower()}", minted().lower()),
        (f"https://seats.example.edu/c/{minted()}\n", None),
        (f"https://seats.example.edu/c/{minted()}/x", None),
        (f"https://seats.example.edu/c/{minted()}0", None),
        ("R1" + "0" * 26, None),
        ("", None),
    ],
)
def test_code_in_url(text, code):
    assert checkin.code_in_url(text) == code


@settings(deadline=None, derandomize=True)
@given(st.binary(min_size=16, max_size=16))
def test_a_readers_code_is_r1_and_26_characters(secret):
    """ "The reader's own code (phone → kiosk camera): `R1` + 26 characters" """
    code = checkin.reader_code(secret)
    assert len(code) == 28
    assert checkin.is_reader_code(code)
    assert base32.decode(code[2:]).to_bytes(16, "big") == secret


@pytest.mark.parametrize(
    "text", ["", "R1", "r1" + "0" * 26, "R2" + "0" * 26, "R1" + "0" * 27, "R1" + "U" * 26, "R1" + "0" * 26 + "\n"]
)
def test_what_is_no_readers_code(text):
    assert not checkin.is_reader_code(text)


def test_a_readers_code_needs_128_bits():
    with pytest.raises(MessageError, match="16 random bytes"):
        checkin.reader_code(b"short")


@pytest.mark.parametrize(("number", "chars"), [(-1, 1), (32, 1), (1 << 25, 5)])
def test_base32_refuses_what_does_not_fit(number, chars):
    with pytest.raises(MessageError, match="does not fit"):
        base32.encode(number, chars)
