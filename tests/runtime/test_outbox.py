"""The outbox over a real file: no gap, no loss, exact bytes, kill -9, full disk, damage."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.acknowledgement import Acknowledgement, RejectCode, Rejected, ranges_of
from messages.presence import OutboxState
from runtime import outbox_file
from runtime.clock import Clock
from runtime.outbox import Outbox, OutboxError, OutboxFull, Settled

ROOT = Path(__file__).parents[2]
TOPIC = "seatgate/v1/bjut/gates/south/access"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def event(epoch, sequence):
    return TOPIC, f"event {epoch} {sequence}".encode()


def ack(outbox, *ranges, rejected=(), epoch=None):
    return Acknowledgement(
        epoch=outbox.epoch if epoch is None else epoch, ranges=list(ranges), rejected=list(rejected), server_time=NOW
    )


def sequences(outbox):
    return [row.sequence for row in outbox.pending(limit=10_000)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "outbox.sqlite3"


@pytest.fixture
def outbox(path):
    with Outbox(path, Clock()) as box:
        yield box


def test_the_file_is_private_wal_and_synced_in_full(outbox, path):
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_name(path.name + "-wal").stat().st_mode & 0o777 == 0o600
    assert outbox._file.connection.pragma("journal_mode") == "wal"
    assert outbox._file.connection.pragma("synchronous") == 2


def test_epochs_are_random_and_fit_53_bits(tmp_path):
    epochs = set()
    for number in range(8):
        with Outbox(tmp_path / str(number), Clock()) as box:
            epochs.add(box.epoch)
    assert len(epochs) == 8
    assert all(0 <= epoch < 2**53 for epoch in epochs)
    assert max(epochs).bit_length() > 40


def test_sequences_start_at_1_without_a_gap_and_go_on_after_a_restart(path):
    with Outbox(path, Clock()) as box:
        epoch = box.epoch
        assert [box.append(event).sequence for _ in range(3)] == [1, 2, 3]
        box.acknowledge(ack(box, (1, 3)))
        box.prune(datetime.now(UTC) + timedelta(days=8))
    with Outbox(path, Clock()) as box:
        assert box.epoch == epoch
        assert box.append(event).sequence == 4
        assert box.state() == OutboxState(epoch=epoch, last_sequence=4, depth=1, watermark=3)


def test_the_exact_bytes_are_kept(outbox):
    payload = bytes(range(256))
    outbox.append(lambda _epoch, _sequence: (TOPIC, payload))
    [row] = outbox.pending()
    assert (row.topic, row.payload) == (TOPIC, payload)


def test_a_message_that_cannot_be_made_uses_no_sequence(outbox):
    def broken(_epoch, _sequence):
        raise LookupError("no such portal")

    with pytest.raises(LookupError):
        outbox.append(broken)
    with pytest.raises(OutboxError, match="at most 262144"):
        outbox.append(lambda _epoch, _sequence: (TOPIC, bytes(262_145)))
    assert outbox.append(event).sequence == 1


def test_pending_pages_by_sequence(outbox):
    for _ in range(45):
        outbox.append(event)
    pages, after = [], 0
    while page := outbox.pending(after=after, limit=20):
        pages.append([row.sequence for row in page])
        after = page[-1].sequence
    assert pages == [list(range(1, 21)), list(range(21, 41)), list(range(41, 46))]


def test_the_newest_row_needs_no_reading_until_it_is_settled(outbox):
    asked = []
    first, second = outbox.append(event), outbox.append(event)
    outbox._file.connection.exec_trace = lambda _cursor, sql, _values: asked.append(sql) or True
    assert outbox.pending(after=first.sequence) == [second]
    assert outbox.pending(after=second.sequence) == []
    assert asked == []
    outbox.acknowledge(ack(outbox, (2, 2)))
    assert outbox.pending(after=first.sequence) == []
    assert outbox.pending() == [first]


def test_only_named_sequences_are_done_and_a_repeat_changes_nothing(outbox):
    for _ in range(10):
        outbox.append(event)
    assert outbox.acknowledge(ack(outbox, (2, 4), (9, 9)), ack(outbox, (4, 5))) == Settled(5, ())
    assert sequences(outbox) == [1, 6, 7, 8, 10]
    assert outbox.state().watermark == 0
    assert outbox.acknowledge(ack(outbox, (2, 5))) == Settled(0, ())
    assert outbox.acknowledge(ack(outbox, (1, 1))).done == 1
    assert outbox.state() == OutboxState(epoch=outbox.epoch, last_sequence=10, depth=4, watermark=5)
    assert outbox.acknowledge(ack(outbox, (1, 2**53 - 1))).done == 4
    assert outbox.state() == OutboxState(epoch=outbox.epoch, last_sequence=10, depth=0, watermark=10)


def test_an_acknowledgement_of_another_epoch_empties_nothing(outbox):
    outbox.append(event)
    assert outbox.acknowledge(ack(outbox, (1, 1), epoch=(outbox.epoch + 1) % 2**53)).done == 0
    assert sequences(outbox) == [1]


def test_an_acknowledgement_of_the_future_settles_nothing_that_comes_later(outbox):
    assert outbox.acknowledge(ack(outbox, (1, 1000))).done == 0
    outbox.append(event)
    assert sequences(outbox) == [1]


def test_rejected_rows_are_set_aside_with_their_reason_and_stay_for_ever(outbox):
    for _ in range(3):
        outbox.append(event)
    rejected = [Rejected(2, RejectCode.DIGEST_CONFLICT), Rejected(3, RejectCode.BAD_SIGNATURE)]
    assert outbox.acknowledge(ack(outbox, (1, 1), rejected=rejected)) == Settled(1, tuple(rejected))
    assert outbox.acknowledge(ack(outbox, rejected=rejected)) == Settled(0, ())
    assert outbox.aside() == {"bad-signature": 1, "digest-conflict": 1}
    assert outbox.prune(datetime.now(UTC) + timedelta(days=390)) == 1
    assert outbox.aside() == {"bad-signature": 1, "digest-conflict": 1}


def test_acknowledged_rows_are_kept_as_long_as_asked(path):
    with Outbox(path, Clock(), keep_acknowledged=timedelta(days=2)) as box:
        for _ in range(3):
            box.append(event)
        box.acknowledge(ack(box, (1, 2)))
        assert box.prune(datetime.now(UTC) + timedelta(days=1)) == 0
        assert box.prune(datetime.now(UTC) + timedelta(days=3)) == 2
        assert sequences(box) == [3]


def test_a_row_that_rots_on_the_disk_is_set_aside_not_sent(outbox, caplog):
    for _ in range(2):
        outbox.append(event)
    outbox._file.connection.execute("UPDATE rows SET payload = x'00' WHERE sequence = 1")
    assert sequences(outbox) == [2]
    assert outbox.aside() == {"damaged-on-disk": 1}
    assert outbox.state().depth == 1
    assert "damaged on the disk" in caplog.text


def test_a_page_of_damaged_rows_does_not_hide_the_good_ones_behind_it(outbox):
    for _ in range(45):
        outbox.append(event)
    outbox._file.connection.execute("UPDATE rows SET payload = x'00' WHERE sequence <= 40")
    assert [row.sequence for row in outbox.pending(limit=20)] == [41, 42, 43, 44, 45]


def test_a_full_disk_is_a_fault_and_the_next_event_still_fits_the_sequence(outbox):
    outbox.append(event)
    connection = outbox._file.connection
    connection.pragma("max_page_count", connection.pragma("page_count"))

    def fill():
        for _ in range(100):
            outbox.append(lambda *_: (TOPIC, os.urandom(4000)))

    with pytest.raises(OutboxFull, match="free some space"):
        fill()
    last = outbox.state().last_sequence
    connection.pragma("max_page_count", 100_000)
    assert outbox.append(event).sequence == last + 1
    assert sequences(outbox) == list(range(1, last + 2))


def test_a_second_process_is_refused(outbox, path):
    with pytest.raises(OutboxError, match="belongs to another running process"):
        Outbox(path, Clock())


def test_threads_share_one_gapless_count(outbox):
    def run():
        for _ in range(50):
            outbox.append(event)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sequences(outbox) == list(range(1, 201))
    assert outbox.state().depth == 200


APPENDER = """
import sys
from pathlib import Path
from runtime.clock import Clock
from runtime.outbox import Outbox
box = Outbox(Path(sys.argv[1]), Clock())
while True:
    row = box.append(lambda epoch, sequence: ("t", b"%d" % sequence * 50))
    sys.stdout.write(f"{row.sequence}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("after", [1, 37, 150])
def test_kill_9_in_the_middle_of_appending_leaves_no_gap_and_loses_nothing_returned(path, after):
    command = [sys.executable, "-c", APPENDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        for _ in range(after):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split("\n")
    returned = max([after, *(int(line) for line in rest[:-1])])
    with Outbox(path, Clock()) as box:
        rows = box.pending(limit=100_000)
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        assert returned <= len(rows) <= returned + 1
        assert all(row.payload == b"%d" % row.sequence * 50 for row in rows)
        assert box.append(event).sequence == len(rows) + 1


def test_a_crash_before_the_first_commit_leaves_a_file_that_still_opens(path):
    path.parent.mkdir()
    apsw.Connection(str(path)).pragma("journal_mode", "wal")
    path.touch()
    with Outbox(path, Clock()) as box:
        assert box.append(event).sequence == 1


def damaged(path, change):
    with Outbox(path, Clock()) as box:
        for _ in range(200):
            box.append(event)
        epoch = box.epoch
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return epoch


def ruin_a_page(content):
    content[-4096:] = random.Random(7).randbytes(4096)


def ruin_the_start(content):
    content[:4096] = b"x" * 4096


def cut(content):
    del content[len(content) // 2 :]


@pytest.mark.parametrize("change", [ruin_a_page, ruin_the_start, cut])
def test_a_damaged_file_is_kept_aside_loudly_and_a_new_epoch_begins(path, caplog, change):
    old = damaged(path, change)
    with Outbox(path, Clock()) as box:
        assert box.epoch != old
        state = box.state()
        assert box.append(event).sequence == 1
    assert state.previous_epoch == old, "read from the file, or from the word beside it"
    kept = [entry.name for entry in path.parent.iterdir() if ".broken-" in entry.name]
    assert any(len(path.with_name(name).read_bytes()) > 0 for name in kept)
    assert "was set aside" in caplog.text
    with Outbox(path, Clock()) as box:
        assert box.state().previous_epoch == state.previous_epoch


def test_an_outbox_of_a_later_form_is_refused_not_moved(path):
    with Outbox(path, Clock()) as box:
        box._file.connection.pragma("user_version", 9)
    with pytest.raises(OutboxError, match="update Seatgate"):
        Outbox(path, Clock())
    assert [entry.name for entry in path.parent.iterdir() if "broken" in entry.name] == []


def test_a_place_where_no_file_can_be_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutboxError, match="check the folder's owner"):
        Outbox(tmp_path / "file" / "outbox", Clock())


# "Debian's 3.40.1 is in the WAL-reset corruption range": 3.51.3 is the first without the fault.
@pytest.mark.parametrize(
    ("version", "refused"), [("3.40.1", True), ("3.51.2", True), ("3.51.3", False), ("3.54.1.0", False)]
)
def test_a_sqlite_with_the_wal_reset_fault_is_refused(version, refused):
    if refused:
        with pytest.raises(OutboxError, match=r"install apsw 3\.51\.3 or newer"):
            outbox_file.refuse_faulty_sqlite(version)
    else:
        outbox_file.refuse_faulty_sqlite(version)


def test_memory_does_not_grow_with_the_backlog(path):
    payload = b"p" * 2000
    digest = hashlib.sha256(payload).digest()
    with Outbox(path, Clock()) as outbox, outbox._file.connection as db:
        db.executemany(
            "INSERT INTO rows (sequence, topic, payload, digest) VALUES (?, ?, ?, ?)",
            ((number, TOPIC, payload, digest) for number in range(1, 30_001)),
        )
    with Outbox(path, Clock()) as outbox:
        tracemalloc.start()
        after = seen = 0
        while page := outbox.pending(after=after):
            after, seen = page[-1].sequence, seen + len(page)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert seen == 30_000
    assert peak < 2_000_000  # the backlog holds 60 MB


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.one_of(st.just("append"), st.sets(st.integers(1, 30), max_size=8)), max_size=40))
def test_the_queue_behaves_like_a_set_of_numbers(tmp_path_factory, steps):
    with Outbox(tmp_path_factory.mktemp("model") / "outbox", Clock()) as box:
        last, waiting = 0, set()
        for step in steps:
            if step == "append":
                last += 1
                waiting.add(last)
                assert box.append(event).sequence == last
            else:
                assert box.acknowledge(ack(box, *ranges_of(step))).done == len(waiting & step)
                waiting -= step
            assert sequences(box) == sorted(waiting)
            state = box.state()
            assert (state.last_sequence, state.depth) == (last, len(waiting))
            assert state.watermark == (min(waiting) - 1 if waiting else last)
