"""The outbox lost, cloned, put back, corrupt, taken away, on a full, read-only or foreign disk: what is stated for each, shown."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.acknowledgement import Acknowledgement, RejectCode, Rejected
from messages.presence import OutboxState
from runtime import outbox_file
from runtime.clock import Clock
from runtime.outbox import SENT_ANEW, TOLD_DAYS, Outbox, OutboxError, OutboxFull, Settled
from runtime.outbox_epochs import Epochs

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
TOPIC = "seatgate/v1/bjut/gates/south/access"
ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk or become somebody else")


def event(epoch, sequence):
    return TOPIC, f"event {epoch} {sequence}".encode()


def ack(epoch, *ranges, rejected=()):
    return Acknowledgement(epoch, list(ranges), list(rejected), NOW)


def identities(outbox):
    return [(row.epoch, row.sequence) for row in outbox.pending(limit=10_000)]


def remake(payload):
    return None if payload.startswith(b"word on") else lambda epoch, sequence: (TOPIC, payload + b" as %d" % sequence)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "outbox.db"


@pytest.fixture
def outbox(path):
    with Outbox(path, Clock()) as box:
        yield box


# ---- lost ------------------------------------------------------------------------------------------------------------


def test_an_outbox_that_is_gone_at_a_start_is_missed_and_its_epoch_is_named(path, caplog):
    with Outbox(path, Clock()) as box:
        box.append(event)
        old = box.epoch
    path.unlink()
    with Outbox(path, Clock()) as box:
        assert box.epoch != old
        assert box.state() == OutboxState(box.epoch, 0, 0, 0, previous_epoch=old)
        assert box.trouble == outbox_file.LOST
    assert (
        f"the outbox is gone: what it held and booking does not have is lost; events are kept in a new one path={path}"
        in caplog.text
    )
    with Outbox(path, Clock()) as box:
        assert box.trouble == outbox_file.LOST, "staff may not look today"
        for _ in range(TOLD_DAYS - 1):
            box.prune(NOW)
        assert box.trouble == outbox_file.LOST
        box.prune(NOW)
        assert box.trouble == ""
    with Outbox(path, Clock()) as box:
        assert box.trouble == ""


def test_a_first_start_misses_nothing(outbox, caplog):
    assert (outbox.trouble, outbox.state().previous_epoch) == ("", None)
    assert "gone" not in caplog.text


@pytest.mark.parametrize("word", ["", "x", "-1", str(1 << 53), "\xff"])
def test_a_word_beside_the_file_that_is_none_is_no_epoch(path, word):
    path.parent.mkdir()
    path.with_name("outbox.db.epoch").write_text(word, encoding="latin-1")
    with Outbox(path, Clock()) as box:
        assert box.state().previous_epoch is None


@pytest.mark.parametrize("how", ["file", "all its files", "folder", "replaced"])
def test_a_file_taken_away_while_in_use_is_written_anew_and_nothing_is_lost(path, how, caplog):
    with Outbox(path, Clock()) as box:
        epoch = box.epoch
        for _ in range(50):
            box.append(event)
        box.acknowledge(ack(epoch, (1, 20)))
        match how:
            case "file":
                path.unlink()
            case "all its files":
                for file in path.parent.glob("outbox.db*"):
                    file.unlink()
            case "folder":
                shutil.rmtree(path.parent)
            case _:
                path.rename(path.with_name("elsewhere"))
                path.write_text("somebody else's")
        assert box.append(event).sequence == 51
        assert identities(box) == [(epoch, number) for number in range(21, 52)]
    assert "it is written anew, nothing is lost" in caplog.text
    assert path.stat().st_mode & 0o777 == 0o600
    with Outbox(path, Clock()) as box:
        assert box.epoch == epoch
        assert (box.state().last_sequence, box.state().depth, box.trouble) == (51, 31, "")
        assert box.resend(epoch, 1, 20) == 20
    if how == "replaced":
        [foreign] = path.parent.glob("outbox.db.foreign-*")
        assert foreign.read_text() == "somebody else's"


def test_a_rescue_that_a_power_cut_interrupted_is_finished_at_the_next_start(path):
    with Outbox(path, Clock()) as box:
        epoch = box.epoch
        box.append(event)
    path.rename(path.with_name("outbox.db.saved"))
    path.with_name("outbox.db-wal").write_bytes(b"an old log")
    with Outbox(path, Clock()) as box:
        assert identities(box) == [(epoch, 1)]


# ---- cloned, or put back from an older copy ---------------------------------------------------------------------------


def test_a_new_epoch_begins_at_1_and_what_waits_keeps_its_identity(path):
    with Outbox(path, Clock()) as box:
        old = box.epoch
        for _ in range(4):
            box.append(event)
        box.acknowledge(ack(old, (1, 2)))
        new = box.begin_epoch()
        assert [box.append(event).sequence for _ in range(2)] == [1, 2]
        assert identities(box) == [(old, 3), (old, 4), (new, 1), (new, 2)]
        assert box.state() == OutboxState(new, 2, 4, 0, previous_epoch=old)
    with Outbox(path, Clock()) as box:
        assert identities(box) == [(old, 3), (old, 4), (new, 1), (new, 2)]
        assert [row.payload for row in box.pending()] == [event(*who)[1] for who in identities(box)]
        assert box.acknowledge(ack(new, (1, 2)), ack(old, (1, 99))) == Settled(4, ())
        assert box.state() == OutboxState(new, 2, 0, 2, previous_epoch=old)
        assert box.resend(old, 2, 3) == 2
        assert identities(box) == [(old, 2), (old, 3)]


def test_an_acknowledgement_of_a_closed_epoch_reaches_no_row_of_the_present_one(outbox):
    old = outbox.epoch
    outbox.append(event)
    new = outbox.begin_epoch()
    outbox.append(event)
    assert outbox.acknowledge(ack(old, (2, 50), rejected=[Rejected(9, RejectCode.MALFORMED)])) == Settled(0, ())
    assert identities(outbox) == [(old, 1), (new, 1)]
    assert outbox.acknowledge(ack(12345, (1, 50))).done == 0


def test_an_empty_epoch_may_be_closed_too(path):
    with Outbox(path, Clock()) as box:
        box.begin_epoch()
        new = box.begin_epoch()
    with Outbox(path, Clock()) as box:
        assert box.append(event).sequence == 1
        assert identities(box) == [(new, 1)]


def test_what_bore_anothers_number_goes_once_under_the_new_epoch(path):
    with Outbox(path, Clock()) as box:
        old = box.epoch
        for text in (b"first", b"second", b"word on first", b"third"):
            box.append(lambda _epoch, _sequence, text=text: (TOPIC, text))
        conflict = [Rejected(number, RejectCode.DIGEST_CONFLICT) for number in (2, 3)]
        assert len(box.acknowledge(ack(old, (1, 1), rejected=conflict)).aside) == 2
        assert box.send_anew(remake) == 0, "its numbers are the present epoch's still"
        new = box.begin_epoch()
        assert box.send_anew(remake) == 1
        assert box.send_anew(remake) == 0
        assert [(row.epoch, row.sequence, row.payload) for row in box.pending()] == [
            (old, 4, b"third"),
            (new, 1, b"second as 1"),
        ]
        assert box.aside() == {"digest-conflict": 1}, "a word on another event of its epoch cannot be said anew"
        assert box.append(event).sequence == 2
    with Outbox(path, Clock()) as box:
        assert box.state() == OutboxState(new, 2, 3, 0, previous_epoch=old)
        box.acknowledge(ack(old, rejected=[Rejected(4, RejectCode.DIGEST_CONFLICT)]))
        assert box.send_anew(remake) == 1, "found out only after the new epoch had begun"
        assert box.pending()[-1].payload == b"third as 3"


def test_a_refusal_for_another_reason_is_never_sent_anew(outbox):
    outbox.append(event)
    outbox.acknowledge(ack(outbox.epoch, rejected=[Rejected(1, RejectCode.UNKNOWN_KEY)]))
    outbox.begin_epoch()
    assert outbox.send_anew(remake) == 0
    assert outbox.aside() == {"unknown-key": 1}
    assert SENT_ANEW not in outbox.aside()


def test_an_outbox_of_the_first_form_goes_on_with_its_epoch_and_numbers(path):
    with Outbox(path, Clock()) as box:
        old = box.epoch
        box.append(event)
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DROP TABLE epochs; PRAGMA user_version = 1;")
    with Outbox(path, Clock()) as box:
        assert box.append(event).sequence == 2
        assert identities(box) == [(old, 1), (old, 2)]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_places_and_identities_are_one_to_one(lengths):
    """Over any history of epochs, each place is one (epoch, sequence), sequences begin at 1 and have no gap."""
    bases = [sum(lengths[:n]) for n in range(len(lengths) + 1)]
    epochs = Epochs(enumerate(bases))
    seen = {}
    for place in range(1, bases[-1] + 4):
        stretch = epochs.at(place)
        seen.setdefault(stretch.epoch, []).append(place - stretch.base)
        assert epochs.of(stretch.epoch).places(place - stretch.base, place - stretch.base) == (place, place)
    for numbers in seen.values():
        assert numbers == list(range(1, len(numbers) + 1))
    assert epochs.present.epoch == len(lengths)


# ---- corrupt ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_what_a_damaged_file_still_gives_is_taken_over_under_its_identity(path, seed, caplog):
    with Outbox(path, Clock()) as box:
        old = box.epoch
        for _ in range(600):
            box.append(event)
        box.acknowledge(ack(old, (1, 300)))
    content, dice = bytearray(path.read_bytes()), random.Random(seed)
    pages = len(content) // 4096
    ruined = dice.sample(range(5, pages), 3)
    for page in ruined:
        content[page * 4096 : (page + 1) * 4096] = dice.randbytes(4096)
    path.write_bytes(content)
    with Outbox(path, Clock()) as box:
        new = box.epoch
        if new == old:
            pytest.skip("these pages are used by nothing")
        waiting = identities(box)
        assert box.trouble == outbox_file.DAMAGED
        assert box.append(event).sequence == 1
        assert all(epoch == old and 300 < number <= 600 for epoch, number in waiting)
        assert len(waiting) > 100, "three pages hold fewer rows than this"
        assert [row.payload for row in box.pending(limit=9999)] == [event(*who)[1] for who in (*waiting, (new, 1))]
        assert box.resend(old, 1, 300) > 50, "what booking had is still here for a restored server"
        assert box.state().previous_epoch == old
    [kept] = [file for file in path.parent.glob("outbox.db.broken-*") if not file.name.endswith(("-wal", "-shm"))]
    assert kept.read_bytes() == bytes(content), "the damaged file is kept as it was"
    assert "read out of the damaged outbox" in caplog.text


def test_bytes_that_rotted_are_never_taken_over(path):
    with Outbox(path, Clock()) as box:
        for _ in range(3):
            box.append(event)
        old = box.epoch
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE rows SET payload = x'00' WHERE sequence = 2")
        database.execute("DELETE FROM meta")
        database.execute("INSERT INTO meta VALUES ('something', 1)")
    with Outbox(path, Clock()) as box:
        assert identities(box) == [(old, 1), (old, 3)]


# ---- disks -----------------------------------------------------------------------------------------------------------


@contextmanager
def disk(folder, options):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "seatgate-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@as_root
def test_on_a_disk_that_is_really_full_nothing_is_half_stored(tmp_path):
    with disk(tmp_path / "small", "size=2m") as small, Outbox(small / "outbox.db", Clock()) as box:
        (small / "filler").write_bytes(bytes(1_000_000))

        def fill():
            while True:
                box.append(lambda _epoch, _sequence: (TOPIC, bytes(4000)))

        with pytest.raises(OutboxFull, match="free some space, events are not being stored"):
            fill()
        stored = box.state().last_sequence
        assert stored == box.state().depth == len(identities(box)) > 0
        with pytest.raises(OutboxFull):
            box.acknowledge(ack(box.epoch, (1, stored)))
        assert box.state().depth == stored, "an acknowledgement that does not fit either comes again"
        (small / "filler").unlink()
        assert box.append(event).sequence == stored + 1
        assert box.acknowledge(ack(box.epoch, (1, stored))).done == stored


def test_a_disk_that_turned_read_only_is_a_sentence_and_goes_on_when_it_is_writable(outbox):
    outbox.append(event)
    outbox._file.connection.pragma(
        "query_only", 1
    )  # SQLite then answers as on a disk that the kernel has set read-only
    with pytest.raises(OutboxError, match="read-only or not this account's"):
        outbox.append(event)
    with pytest.raises(OutboxError):
        outbox.acknowledge(ack(outbox.epoch, (1, 1)))
    assert len(identities(outbox)) == 1, "reading, and so sending, goes on"
    outbox._file.connection.pragma("query_only", 0)
    assert outbox.append(event).sequence == 2


@as_root
def test_a_read_only_disk_at_the_start_is_a_sentence(tmp_path):
    with disk(tmp_path / "disk", "size=4m,ro") as folder, pytest.raises(OutboxError, match="Read-only file system"):
        Outbox(folder / "outbox.db", Clock())


@pytest.fixture
def open_folder():
    """A folder that others may enter."""
    folder = Path(tempfile.mkdtemp(prefix="seatgate-owner-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@as_root
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_wrong_owner_is_a_sentence_and_nothing_is_changed(open_folder, what):
    file = open_folder / "data" / "outbox.db"
    with Outbox(file, Clock()) as box:
        box.append(event)
    file.parent.chmod(0o777 if what == "file" else 0o755)
    file.with_name("outbox.db.lock").chmod(0o666 if what == "file" else 0o600)
    before = file.read_bytes()
    script = f"from pathlib import Path; from runtime.clock import Clock; from runtime.outbox import Outbox; Outbox(Path({str(file)!r}), Clock())"
    # Root gives up its rights only once everything is imported: the checkout itself may be closed to others.
    program = f"import apsw, os, runtime.outbox\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n{script}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stderr.splitlines()[-1].startswith("runtime.outbox_file.OutboxError: "), done.stderr
    assert "owner" in done.stderr.splitlines()[-1]
    assert file.read_bytes() == before


# ---- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [1970, 2000, 2038])
def test_what_was_acknowledged_under_a_wrong_clock_is_kept_like_todays(path, year):
    wrong = datetime(year, 1, 1, 8, tzinfo=UTC)
    with Outbox(path, Clock.starting_at(wrong)) as box:
        for _ in range(5):
            box.append(event)
        box.acknowledge(ack(box.epoch, (1, 5)))
    with Outbox(path, Clock.starting_at(NOW)) as box:
        assert box.prune(NOW) == 0
        assert box.prune(NOW + timedelta(days=6)) == 0
        assert box.resend(box.epoch, 1, 5) == 5, "a restored server gets them"
        box.acknowledge(ack(box.epoch, (1, 5)))
        assert box.prune(NOW + timedelta(days=8)) == 4, "and then they go: the newest carries the numbers on"
