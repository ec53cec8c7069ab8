"""Claim: what a gate has kept for a year drains at the cost per event, and in the memory, of what it has kept for a day.

The gate's own part: read, check, sign and hand over, take the acknowledgement, settle. `SEATGATE_BENCH_BACKLOG` gives the
size of the large backlog (1000000 for a busy gate's year).
"""

import hashlib
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import apsw

from bench.measure import Result, compare_rounds, in_turns
from messages import acknowledgement
from messages.acknowledgement import Acknowledgement
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.outbox import Outbox
from runtime.published import Published
from runtime.signing import SIG, SIGNATURE_BYTES, SigningKey, signed_properties
from runtime.uplink import WINDOW, Uplink

BACKLOG = int(os.environ.get("SEATGATE_BENCH_BACKLOG", "100000"))
SLICE = 10_000
SITE, TOPIC, ACK = "bench", "seatgate/v1/bench/gates/south/access", "seatgate/v1/bench/gates/south/ack"
PAYLOAD = b'{"specversion":"1.0",' + b"x" * 430 + b"}"


def run(data: Path) -> Result:
    """Drain a small backlog whole, and a slice of the large one, in turns until that is empty."""
    large = _Backlog(data / "large.db", BACKLOG)
    rounds = BACKLOG // SLICE - 1
    numbers = iter(range(rounds + 1))
    peaks = []

    def small() -> Iterator[float]:
        file = data / f"small-{next(numbers)}.db"
        with closing(_Backlog(file, SLICE)) as backlog:
            yield backlog.drain(SLICE)
        file.unlink()

    def slice_() -> Iterator[float]:
        taken = large.drain(SLICE)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        yield taken

    samples = in_turns(rounds, {"large": slice_, "small": small})
    left = large.left
    large.close()
    if left:
        raise RuntimeError(f"{left} events are left")
    return Result(
        "A backlog",
        f"A gate's outbox with {BACKLOG:,} events of {len(PAYLOAD)} bytes, emptied by its uplink, {SLICE:,} at a time and in turns "
        f"with outboxes of {SLICE:,}: read, checked, signed, handed to a link that has them acknowledged at once by the "
        "window, settled. Processor time of the process; `SEATGATE_BENCH_BACKLOG` sets the size.",
        [compare_rounds(f"cost of {SLICE:,} events", samples["large"], samples["small"], aim=1.2)],
        [
            "| memory of the process at its highest | MB |",
            "|---|---|",
            f"| after the first {SLICE:,} | {peaks[0]:.0f} |",
            f"| after all {BACKLOG:,} | {peaks[-1]:.0f} |",
        ],
    )


class _Backlog:
    """An outbox that holds events, and an uplink that empties it over a link that answers at once."""

    def __init__(self, file: Path, events: int) -> None:
        with Outbox(file, Clock()):
            pass  # it makes the file
        digest = hashlib.sha256(PAYLOAD).digest()
        with closing(apsw.Connection(str(file))) as db, db:
            db.executemany(
                "INSERT INTO rows (sequence, topic, payload, digest) VALUES (?, ?, ?, ?)",
                ((n, TOPIC, PAYLOAD, digest) for n in range(1, events + 1)),
            )
        self._outbox = Outbox(file, Clock())
        server = SigningKey.generate()
        self._link = _Link(server, self._outbox.epoch)
        self._uplink = Uplink(self._outbox, self._link, SigningKey.generate(), server.public_bytes)
        self._link.on_ack = self._uplink.on_ack

    @property
    def left(self) -> int:
        """How many events wait."""
        return self._outbox.state().depth

    def drain(self, events: int) -> float:
        """Empty it of so many; return the processor seconds that it took."""
        stop = threading.Event()
        self._link.until(events, stop)
        began = time.process_time()
        self._uplink.run(stop)
        self._uplink.run(_Once())  # the last acknowledgement is settled too
        return time.process_time() - began

    def close(self) -> None:
        """Close the file."""
        self._outbox.close()


class _Once(threading.Event):
    """Not set the first time that it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = False

    def is_set(self) -> bool:
        """Tell whether this was asked before."""
        looked, self._looked = self._looked, True
        return looked


class _Link:
    """Takes what is sent, and has it acknowledged by the window."""

    connected, session = True, 1

    def __init__(self, server: SigningKey, epoch: int) -> None:
        self._server, self._epoch = server, epoch
        self._sent = self._acknowledged = self._goal = 0
        self._stop = threading.Event()
        self.on_ack: Callable[[Message], None] = lambda _message: None

    def until(self, events: int, stop: threading.Event) -> None:
        """Set `stop` once so many more are acknowledged."""
        self._goal += events
        self._stop = stop

    def publish(
        self, _topic: str, _payload: bytes, *, properties: dict[str, str], on_done: Callable[[str | None], None]
    ) -> Published:
        """Take the next event."""
        if len(properties[SIG]) < SIGNATURE_BYTES:
            raise RuntimeError("an event is not signed")
        self._sent += 1
        on_done(None)
        if self._sent - self._acknowledged in {WINDOW, self._sent} or self._sent == self._goal:
            self._acknowledge()
        return Published()

    def _acknowledge(self) -> None:
        held = [(self._acknowledged + 1, self._sent)]
        now = datetime.now(UTC)
        payload = acknowledgement.encode(
            SITE, "main", Acknowledgement(self._epoch, held, [], now), event_id=f"ack-{self._sent}"
        )
        self._acknowledged = self._sent
        if self._sent >= self._goal:
            self._stop.set()
        self.on_ack(Message(ACK, payload, signed_properties(self._server, ACK, payload)))
