"""Row 9: the disk is full, or fails: nothing is acknowledged that is not stored, reads go on, and it heals by itself."""

import errno
import os
import random
import shutil
import subprocess
from contextlib import closing, contextmanager

import httpx
import pytest

from bench.faults.callers import PATH
from bench.faults.ledger import Ledger, prefill, reader_name, token_of
from bench.faults.passages import OUTAGE, passages_of
from bench.faults.server import NOW, places_of
from bench.faults.site import write_site
from bench.faults.vfs import Failing, disk
from booking.service.commands import Recorded, RecordGateEvent
from booking.store.errors import StoreError
from booking.store.sqlite import open_store

READERS, MOST_READS = 6, 40
SEATS = [f"2f-centre-{n:03}" for n in range(1, READERS + 1)]
START, END = "2023-07-18T10:00:00+08:00", "2023-07-18T11:00:00+08:00"


class Desk:
    """Readers who book one after another and note what they were told."""

    def __init__(self, server):
        self.server, self.ledger = server, Ledger()
        self.http = httpx.Client(base_url=server.url, timeout=30, trust_env=False)

    def book(self, number):
        wish = {"seat": SEATS[number], "start": START, "end": END}
        key = {"Authorization": f"Bearer {token_of(number)}", "Idempotency-Key": f"key-{number}"}
        answer = self.http.post(PATH, json=wish, headers=key)
        if answer.status_code == 201:
            self.ledger.note(answer.json(), reader_name(number), SEATS[number])
        return answer

    def mine(self, number):
        return self.http.get(PATH, headers={"Authorization": f"Bearer {token_of(number)}"})

    def refused_for_now(self, number):
        answer = self.book(number)
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) > 0
        assert "disk" not in answer.text, "what is wrong with our disk is in the log, not in a reader's answer"


@pytest.fixture
def control(tmp_path):
    return tmp_path / "control"


@pytest.fixture
def desk(make_server, control, site_file):
    server = make_server(program=("-m", "bench.faults.broken_server", str(control)))
    prefill(server.database, places_of(site_file), READERS, NOW)
    server.start()
    desk = Desk(server)
    yield desk
    desk.http.close()


@pytest.mark.parametrize("fault", ["full", "write", "sync"])
def test_what_the_disk_refuses_is_not_acknowledged_and_is_taken_when_it_heals(desk, control, fault):
    assert desk.book(0).status_code == 201
    control.write_text(fault)
    for number in (1, 2):
        desk.refused_for_now(number)
    assert [len(desk.mine(number).json()["items"]) for number in (0, 1)] == [1, 0], "reads go on"
    assert desk.http.get("/healthz").status_code == 200, "a restart would not make room on a disk"
    ready = desk.http.get("/readyz")
    assert ready.status_code == 503
    assert any("cannot be written" in fault for fault in ready.json()["faults"])
    control.write_text("")
    for number in (1, 2, 3):
        answer = desk.book(number)
        assert answer.status_code == 201, answer.text
        assert "idempotency-replayed" not in answer.headers, "the refused try was stored after all"
    assert not any("cannot be written" in fault for fault in desk.http.get("/readyz").json()["faults"])
    desk.server.kill()
    assert desk.ledger.judge(desk.server.database).good
    assert len(desk.ledger.told) == 4


def test_a_page_that_cannot_be_read_is_no_booking_and_no_crash(desk, control):
    assert desk.book(0).status_code == 201
    control.write_text("read")
    assert desk.book(1).status_code in {201, 503}, "what is read may all be in memory"
    control.write_text("")
    assert desk.book(1).status_code == 201
    assert desk.mine(1).status_code == 200
    desk.server.kill()
    assert desk.ledger.judge(desk.server.database).good


@contextmanager
def small_disk(folder, size):
    """A file system of its own that is soon full; only root may make one."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "seatgate-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(filler):
    """Write until there is no room."""
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - this is how the loop ends
                return


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount; the tests above fail the same writes by a VFS")
def test_on_a_file_system_that_is_really_full(make_server, tmp_path, site_file):
    with small_disk(tmp_path / "small", "12m") as small:
        server = make_server(settings={"database": str(small / "booking.sqlite")})
        prefill(server.database, places_of(site_file), READERS, NOW)
        server.start()
        desk = Desk(server)
        assert desk.book(0).status_code == 201
        filler = small / "filler"
        fill(filler)
        assert shutil.disk_usage(small).free == 0
        desk.refused_for_now(1)
        assert desk.mine(0).json()["items"]
        filler.unlink()
        assert desk.book(1).status_code == 201
        desk.http.close()
        server.kill()
        assert desk.ledger.judge(server.database).good


def test_a_passage_that_meets_a_broken_disk_is_not_given_up(tmp_path):
    """What booking cannot apply is kept for staff: a disk that cannot be read for a moment is no fault of the event."""
    site = write_site(tmp_path, {"south-1": ("in", ""), "south-2": ("out", "")})
    places, database = places_of(site), tmp_path / "booking.sqlite"
    prefill(database, places, 1, NOW)
    events = passages_of(MOST_READS, 1, random.Random(1))
    met = 0
    with disk(Failing("failing")) as layer, closing(open_store(database, places, NOW)) as store:
        store.writer.engine.connection.pragma("cache_size", 0)
        for spared, event in enumerate(events):
            command = RecordGateEvent(gate="south", at=NOW + OUTAGE, event=event, payload=b"{}", digest=bytes(32))
            layer.fault, layer.spared, layer.failed = "read", spared, 0
            future = store.writer.submit([command])
            if future.exception(30) is not None:
                assert isinstance(future.exception(), StoreError)
                assert layer.failed > 0
                met += 1
                layer.fault = ""
                future = store.writer.submit([command])
            assert future.result(30) == [Recorded()]
        layer.fault = ""
        assert store.reads.dead_letters() == (0, [])
        assert len(store.reads.passages(limit=MOST_READS)) == MOST_READS
    assert met > 5, "the disk failed nowhere inside a command"
