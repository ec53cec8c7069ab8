"""A process of its own with a store on the database of a test: run it through the fixture `worker`.

Lines of JSON in: ["book", [[reader, seat], …]] asks for all of them at once, ["hold"] lets the next batch stop before its
commit, ["go"] lets it go on, ["lead", "1s"] lets it stand for the lead, thrown out after so much silence. Lines of JSON out:
"ready", "holding", "leading", "not leading", and [reader, seat, the reservation's id or the refusal].
"""

import json
import sys
import threading
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import clock_time, make_places

from booking.service.commands import Changed, Reserve
from booking.store.batch import Batch
from booking.store.opening import open_store
from booking.store.postgres import leading
from config.values import Secret

HOUR = timedelta(hours=1)


class Worker:
    """The process."""

    def __init__(self, database):
        self.store = open_store(database, make_places(), clock_time("08:00"))
        self.go, self.speaking = threading.Event(), threading.Lock()

    def say(self, word):
        with self.speaking:
            print(json.dumps(word), flush=True)

    def book(self, wishes):
        for reader, seat in wishes:
            nine = clock_time("09:00")
            wish = Reserve(reader=reader, at=clock_time("08:00"), seat=seat, area=None, start=nine, end=nine + HOUR)
            answer = self.store.writer.submit([wish])
            answer.add_done_callback(lambda done, reader=reader, seat=seat: self.answered(reader, seat, done))

    def answered(self, reader, seat, done):
        if done.exception():
            self.say([reader, seat, type(done.exception()).__name__])
            return
        [outcome] = done.result()
        self.say([reader, seat, outcome.reservation.id if isinstance(outcome, Changed) else str(outcome.code)])

    def hold(self):
        finish = Batch.finish

        def hold_once(batch):
            Batch.finish = finish
            touched = finish(batch)
            self.say("holding")
            self.go.wait()
            return touched

        Batch.finish = hold_once

    def lead(self):
        for leads in self.store.leadership.changes():
            self.say("leading" if leads else "not leading")

    def run(self):
        self.say("ready")
        for line in sys.stdin:
            match json.loads(line):
                case ["book", wishes]:
                    self.book(wishes)
                case ["hold"]:
                    self.hold()
                case ["go"]:
                    self.go.set()
                case ["lead", silence]:
                    leading._IDLE = leading._IDLE.replace(f"{leading.SILENCE}s", silence)
                    leading._WORD_EVERY = 0.3
                    threading.Thread(target=self.lead, daemon=True).start()
        self.store.close()


if __name__ == "__main__":
    where = sys.argv[1]
    Worker(Secret(where) if "://" in where else Path(where)).run()
