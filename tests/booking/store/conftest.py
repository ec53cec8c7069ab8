"""Processes of their own on the database of a test."""

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config.values import Secret

PROGRAM = Path(__file__).with_name("worker_process.py")
SECONDS = 30


class WorkerProcess:
    """One `worker_process.py`: `ask` writes a line to it, `next` is what it says next."""

    def __init__(self, database):
        where = database.value if isinstance(database, Secret) else str(database)
        command = [sys.executable, str(PROGRAM), where]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._said = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self._said.put(json.loads(line))

    def next(self):
        return self._said.get(timeout=SECONDS)

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        self.process.kill()
        self.process.wait(SECONDS)
        self.process.stdin.close()


@pytest.fixture
def worker():
    """`worker(desk)`: a process with a store of its own on the desk's database, ready."""
    started = []

    def start(desk, *, count=1):
        new = [WorkerProcess(desk.database) for _ in range(count)]
        started.extend(new)
        for one in new:
            assert one.next() == "ready"
        return new[0] if count == 1 else new

    yield start
    for one in started:
        one.end()


@pytest.fixture
def doubles():
    """`doubles(desk)`: how many pairs of reservations hold one seat, or one reader, at the same time."""

    def count(desk):
        with desk.direct() as db:
            return db.execute(
                "SELECT count(*) FROM reservations a JOIN reservations b ON a.id < b.id AND a.holding = 1 "
                "AND b.holding = 1 AND a.start_us < b.end_us AND b.start_us < a.end_us "
                "AND (a.seat = b.seat AND a.seat <> '' OR a.reader = b.reader)"
            ).fetchone()[0]

    return count
