"""The staff report: a line per check, what to do, and the exit code of the contract (0 / 1 / 2)."""

import json

import pytest

from runtime.checks import Check, Level, exit_code, render, to_json

GOOD = Check("clock", Level.OK, "off by 0.1 s")
MEH = Check("outbox", Level.WARN, "120 events wait", "Check that the broker runs.")
BAD = Check("port south-1", Level.FAIL, "no such device", "Plug the adapter in.")


@pytest.mark.parametrize(
    ("checks", "code"), [([], 0), ([GOOD], 0), ([GOOD, MEH], 1), ([MEH, GOOD], 1), ([BAD], 2), ([BAD, GOOD, MEH], 2)]
)
def test_exit_code_is_the_worst(checks, code):
    assert exit_code(checks) == code
    assert json.loads(to_json(checks))["exit_code"] == code


def test_report_says_what_was_seen_and_what_to_do():
    assert render([GOOD, MEH, BAD]).splitlines() == [
        "ok    clock         off by 0.1 s",
        "warn  outbox        120 events wait",
        "                    → Check that the broker runs.",
        "fail  port south-1  no such device",
        "                    → Plug the adapter in.",
        "3 checks, 2 need attention.",
    ]
    assert render([GOOD]).endswith("1 checks, all ok.")


def test_json_holds_the_same():
    assert json.loads(to_json([MEH]))["checks"] == [
        {
            "name": "outbox",
            "level": "warn",
            "seen": "120 events wait",
            "todo": "Check that the broker runs.",
            "page": "",
        }
    ]


@pytest.mark.parametrize("level", [Level.WARN, Level.FAIL])
def test_a_fault_without_advice_is_not_a_check(level):
    with pytest.raises(ValueError, match="does not say what to do"):
        Check("clock", level, "off by a day")
