"""Line patterns: those that may run away are refused with a sentence, the others are fast on the worst line."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.families import protocol
from wire.patterns import compiled


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        (r"(?P<value>\d+)", "write ++"),
        (r"(?P<value>\d{1,9})", "write {1,9}+"),
        (r"(a*)*x", "write *+"),
        (r"(?:a|a)++x", "repeats a group"),
        (r"(a++){20}", "repeats a group"),
        (r"(?:ab){2,}+", "repeats a group"),
        (r"(a++)\1", "refers back"),
        (r"(?P<value>a)(?P=value)", "looks around"),
        (r"(?=a)a", "looks around"),
        (r"(?<!a)b", "looks around"),
        (r"(?P<value>a)(?(value)b|c)", "looks around"),
        (r"a?" * 11, "at most 10"),
        (r"(unclosed", "not a regular expression"),
        ("a" * 401, "401 characters"),
        (r"a*?b", "write *+"),
        (r"a{99999999999999999999}", "not a regular expression"),
    ],
)
def test_a_pattern_that_may_run_away_is_refused(pattern, sentence):
    with pytest.raises(ValueError, match=sentence.replace("+", r"\+").replace("*", r"\*").replace("{", r"\{")):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (r"(?P<value>\d++)", "12"),
        (r"(?P<value>[0-9+*{}?|]++)", "+*{}?|"),
        (r"[]()]{2}", "])"),
        (r"[^]]++\]", "a*+]"),
        (r"\(\*\+\?\|\)", "(*+?|)"),
        (r"(?i)card(?:,(?P<value>\d{10}))?", "CARD,0006547886"),
        (r"x*+y?+", "xxy"),
    ],
)
def test_a_pattern_that_never_goes_back_is_taken(pattern, line):
    assert compiled(pattern).fullmatch(line)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.text(alphabet="CARDFEQIN ,;\t0129TZ:.+-", max_size=256))
def test_the_shipped_pattern_is_quick_on_any_line(line):
    began = time.thread_time()
    protocol_line.line.compiled.fullmatch(line)
    assert time.thread_time() - began < 0.5


protocol_line = protocol("line")


def test_the_worst_pattern_that_is_taken_is_quick_on_the_worst_line():
    pattern = compiled("(?:a|a)" * 5 + "a?" * 5 + "a*+b")
    began = time.thread_time()
    assert not pattern.fullmatch("a" * 256)
    assert time.thread_time() - began < 1
