"""Row 2: the power goes at any moment; what was answered is on every disk that this can leave behind.

The controls turn `synchronous` down: they must lose or corrupt something, or these disks forget nothing and prove nothing.
"""

import contextlib
import hashlib
import shutil

import pytest

from bench.faults import power_cut
from bench.faults.vfs import PowerCut, disk, images
from runtime.clock import Clock
from runtime.outbox import Outbox

IMAGES = 250


@pytest.fixture
def cut(tmp_path, site_file):
    """`cut(synchronous)`: the outcome of a small campaign."""

    def run(synchronous):
        return power_cut.campaign(
            tmp_path, site_file, rounds=30, batch=5, count=IMAGES, seed=20230717, synchronous=synchronous
        )

    return run


def test_on_no_disk_is_an_answered_booking_missing_or_the_file_broken(cut):
    seen = cut("full")
    assert (seen.images, seen.lost, seen.corrupt, seen.wrong) == (IMAGES, 0, 0, 0), seen.examples


def test_the_control_without_a_sync_per_commit_loses_answered_bookings(cut):
    seen = cut("normal")
    assert seen.lost > IMAGES // 10
    assert seen.corrupt == 0


def test_the_control_without_any_sync_breaks_the_file(cut):
    seen = cut("off")
    assert seen.lost > IMAGES // 10
    assert seen.corrupt > IMAGES // 20


def outbox_after_cuts(folder, synchronous, count=IMAGES):
    """Append 60 passages over the logging disk; return how many images miss one that had been appended."""
    folder.mkdir()
    with (
        disk(PowerCut(f"outbox-{synchronous}")) as layer,
        contextlib.closing(Outbox(folder / "o.db", Clock())) as outbox,
    ):
        outbox._file.connection.pragma("synchronous", synchronous)
        outbox._file.connection.wal_autocheckpoint(20)
        for n in range(60):
            row = outbox.append(lambda _epoch, sequence, n=n: ("t", hashlib.sha256(b"%d" % n).digest() * (1 + n % 40)))
            layer.mark(row)
        steps = list(layer.steps)
    missing = 0
    for image in images(steps, count, 7):
        again = folder / "image"
        again.mkdir()
        image.write(again)
        with contextlib.closing(Outbox(again / "o.db", Clock())) as reopened:
            missing += not {*image.marks} <= {*reopened.pending(limit=100)}
        shutil.rmtree(again)
    return missing


def test_a_passage_that_the_gate_has_taken_is_in_its_outbox_after_any_cut(tmp_path):
    """A passage is never lost: it is on the gate's own disk before anything else happens."""
    assert outbox_after_cuts(tmp_path / "full", "full") == 0
    assert outbox_after_cuts(tmp_path / "normal", "normal") > IMAGES // 10, "the control loses nothing"
