"""The kernel's counters of a serial line, over a driver that is played: no serial hardware is here."""

import os
import struct
from collections import Counter

import pytest

from wire import line_errors
from wire.line_errors import LineErrors, read_counts


@pytest.fixture
def driver(monkeypatch):
    """A list of eleven counters that the ioctl answers with."""
    counts = [0] * 11

    def ioctl(_descriptor, request, buffer):
        assert (request, len(buffer)) == (0x545D, 80)
        return struct.pack("20i", *counts, *[0] * 9)

    monkeypatch.setattr(line_errors.fcntl, "ioctl", ioctl)
    return counts


def test_each_kind_has_its_place(driver):
    driver[:] = range(100, 111)
    assert read_counts(0) == {"framing": 106, "overrun": 107, "parity": 108, "break": 109, "buffer-overrun": 110}


def test_only_what_is_new_is_told_and_the_sum_goes_on_over_a_replug(driver):
    errors = LineErrors()
    driver[6] = 5
    errors.opened(0)
    assert errors.look(0) == Counter()
    driver[6], driver[7] = 8, 1
    assert errors.look(0) == {"framing": 3, "overrun": 1}
    driver[:] = [0] * 11  # plugged in again: its driver begins anew
    errors.opened(0)
    driver[6] = 2
    assert errors.look(0) == {"framing": 2}
    assert errors.total == {"framing": 5, "overrun": 1}


def test_a_pseudo_terminal_counts_nothing():
    master, slave = os.openpty()
    assert read_counts(slave) == Counter()
    os.close(master)
    os.close(slave)
