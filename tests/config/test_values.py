"""Durations and times of day: what is written is what is meant, and nothing without a unit is guessed."""

from datetime import time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.values import Secret, duration, time_of_day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30min", timedelta(minutes=30)),
        ("4h", timedelta(hours=4)),
        ("1h 30min", timedelta(minutes=90)),
        ("1h30min", timedelta(minutes=90)),
        (" 10 s ", timedelta(seconds=10)),
        ("0.5s", timedelta(milliseconds=500)),
        ("500ms", timedelta(milliseconds=500)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta()),
    ],
)
def test_durations(text, expected):
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "30", "30 m", "-30min", "1.5h", "30min 1h", "1h1h", "٣min", "1e3s", "9999999d", "min", 30, 0.5, None, True, ["1h"]],
)  # fmt: skip
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a duration: write"):
        duration(text)


@given(st.tuples(*(st.integers(0, 999_999) for _unit in range(5))), st.sampled_from(["", " "]))
@settings(deadline=None, derandomize=True)
def test_any_duration_written_is_read(amounts, gap):
    days, hours, minutes, seconds, milliseconds = amounts
    text = gap.join((f"{days}d", f"{hours}h", f"{minutes}min", f"{seconds}s", f"{milliseconds}ms"))
    assert duration(text) == timedelta(
        days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds
    )


@given(st.text(max_size=30) | st.text(alphabet="0123456789. dhmins", max_size=12))
@settings(deadline=None, derandomize=True)
def test_any_text_is_a_duration_or_refused_with_a_sentence(text):
    refused = "accepted"
    try:
        assert duration(text) >= timedelta()
    except ValueError as error:
        refused = str(error)
    assert refused == "accepted" or "is not a duration: write" in refused


@pytest.mark.parametrize(
    ("text", "expected"), [("08:00", time(8)), ("22:00", time(22)), ("24:00", time.max), ("00:00", time.min)]
)
def test_times_of_day(text, expected):
    assert time_of_day(text) == expected


@pytest.mark.parametrize("text", ["25:00", "8 am", "", 8, None, time])
def test_what_is_no_time_of_day(text):
    with pytest.raises(ValueError, match="is not a time of day"):
        time_of_day(text)


def test_a_secret_shows_in_no_text():
    secret = Secret("s3cret")
    assert secret.value == "s3cret"
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret]), f"{secret!r:>40}"):
        assert "s3cret" not in shown
