"""Several booking processes on one port (`[http] workers`): the parent binds it, starts them, and starts again what ends.

One thread, one selector: it wakes for the stop, a worker's word, a worker's end, or a moment that is due. Workers are whole
booking processes that got the listening socket instead of binding one; nothing passes between them but the database. A
worker that says nothing for `SILENT` hangs: it is killed and started again. What they print is the parent's output.
"""

import contextlib
import logging
import os
import secrets
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from booking.errors import BookingError
from runtime.service import Service

WORKER, SOCKET = "SEATGATE_WORKER", "SEATGATE_HTTP_FD"
"""The environment of a worker: its number from 1 on, and the file descriptor of the listening socket."""
FIRST_RESTART, LONGEST_RESTART = 0.5, 30.0
STEADY_AFTER = 60.0
"""Seconds: a worker that ran this long starts its restart delays anew."""
SILENT = 15.0
"""Seconds without a word after which a worker hangs; it says one twice as often."""
STARTS_WITHIN = 60.0
STOPS_WITHIN = 1.6
_MESSAGE_BYTES = 4096
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    notify: socket.socket
    popen: "subprocess.Popen[bytes] | None" = None
    pidfd: int = -1
    ready: bool = False
    started: float = 0.0
    heard: float = 0.0
    delay: float = FIRST_RESTART
    due: float | None = None

    @property
    def silent_at(self) -> float:
        """When it counts as hanging if it says nothing before."""
        return self.heard + SILENT if self.ready else self.started + STARTS_WITHIN


@dataclass
class Workers:
    """`run` serves until the service is told to stop. BookingError when no worker can start."""

    service: Service
    command: Sequence[str]
    listening: socket.socket
    count: int
    _workers: list[_Worker] = field(default_factory=list)
    _selector: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    _told_ready: bool = False

    def run(self) -> None:
        """Start the workers and watch over them; stop them all at the end, however it comes."""
        wake, end = socket.socketpair()
        threading.Thread(target=self._pass_on, args=[end], daemon=True).start()
        self._selector.register(wake, selectors.EVENT_READ)
        try:
            for number in range(1, self.count + 1):
                self._launch(self._worker(number))
            while not self.service.stop.is_set():
                self._turn()
        finally:
            self._stop()
            self._selector.close()
            for plug in (wake, end, *(worker.notify for worker in self._workers)):
                plug.close()

    def _pass_on(self, end: socket.socket) -> None:
        self.service.stop.wait()
        with contextlib.suppress(OSError):  # it ended by itself before
            end.send(b"!")

    def _worker(self, number: int) -> _Worker:
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        notify.bind(f"\0seatgate-worker-{secrets.token_hex(12)}")
        worker = _Worker(number, notify)
        self._workers.append(worker)
        self._selector.register(notify, selectors.EVENT_READ, worker)
        return worker

    def _launch(self, worker: _Worker) -> None:
        descriptor = self.listening.fileno()
        environment = {
            **os.environ,
            WORKER: str(worker.number),
            SOCKET: str(descriptor),
            "NOTIFY_SOCKET": "@" + worker.notify.getsockname()[1:].decode(),
            "WATCHDOG_USEC": str(int(SILENT * 1_000_000)),
        }
        environment.pop("WATCHDOG_PID", None)
        # setpriv (util-linux, on every Debian) asks the kernel to stop the worker when this process dies, even by SIGKILL
        worker.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *self.command],
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[descriptor],
            start_new_session=True,
        )
        worker.started = worker.heard = time.monotonic()
        worker.ready, worker.due = False, None
        worker.pidfd = os.pidfd_open(worker.popen.pid)
        self._selector.register(worker.pidfd, selectors.EVENT_READ, worker)

    def _turn(self) -> None:
        """Wait for whatever happens next, and see to it."""
        moments = [worker.silent_at if worker.popen else worker.due or 0.0 for worker in self._workers]
        feeding = self.service.watchdog_interval
        wait = min(moments) - time.monotonic()
        for key, _ in self._selector.select(max(0.0, wait if feeding is None else min(wait, feeding))):
            worker: _Worker | None = key.data
            if worker is None:
                return
            if key.fileobj is worker.notify:
                self._hear(worker)
            else:
                self._ended(worker)
        now = time.monotonic()
        for worker in self._workers:
            if worker.popen is not None and worker.silent_at <= now:
                _log.error("worker hangs and is killed worker=%d", worker.number)
                worker.heard = worker.started = now  # once
                worker.popen.kill()
            elif worker.due is not None and worker.due <= now:
                self._launch(worker)
        if feeding is not None and all(worker.popen is not None for worker in self._workers):
            self.service.watchdog()

    def _hear(self, worker: _Worker) -> None:
        while True:
            try:
                told = worker.notify.recv(_MESSAGE_BYTES).split(b"\n")
            except BlockingIOError:
                return
            worker.heard = time.monotonic()
            if b"READY=1" in told:
                worker.ready = True
                if not self._told_ready:
                    self._told_ready = True
                    host, port = self.listening.getsockname()[:2]
                    self.service.ready(f"serving on {host}:{port} with {self.count} workers")

    def _ended(self, worker: _Worker) -> None:
        self._hear(worker)
        code = self._reap(worker)
        if not worker.ready and not self._told_ready:
            raise BookingError(f"worker {worker.number} could not start (exit code {code}): it has said why")
        if time.monotonic() - worker.started > STEADY_AFTER:
            worker.delay = FIRST_RESTART
        _log.error("worker ended worker=%d code=%d again_in=%.1fs", worker.number, code, worker.delay)
        worker.due = time.monotonic() + worker.delay
        worker.delay = min(worker.delay * 2, LONGEST_RESTART)

    def _reap(self, worker: _Worker) -> int:
        if worker.popen is None:
            return 0
        self._selector.unregister(worker.pidfd)
        os.close(worker.pidfd)
        code = worker.popen.wait()
        worker.popen = None
        return code

    def _stop(self) -> None:
        """Stop all at once; kill who does not."""
        running = [worker for worker in self._workers if worker.popen is not None]
        for worker in running:
            _signal(worker, signal.SIGTERM)
            _signal(worker, signal.SIGCONT)
        deadline = time.monotonic() + STOPS_WITHIN
        while running and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                if key.fileobj == getattr(key.data, "pidfd", None):
                    self._reap(key.data)
                elif key.data is None:
                    self._selector.unregister(key.fileobj)
                else:
                    self._hear(key.data)
            running = [worker for worker in running if worker.popen is not None]
        for worker in running:
            _log.error("worker did not stop in time and is killed worker=%d", worker.number)
            _signal(worker, signal.SIGKILL)
            self._reap(worker)


def _signal(worker: _Worker, number: signal.Signals) -> None:
    if worker.popen is not None:
        worker.popen.send_signal(number)


def given_socket() -> socket.socket | None:
    """Return the listening socket that a parent gave this process; None when there is no parent of that kind."""
    descriptor = os.environ.get(SOCKET)
    return socket.socket(fileno=int(descriptor)) if descriptor else None


def worker_number() -> int:
    """Return the number of this process among its parent's workers, from 1 on; 0 without such a parent."""
    return int(os.environ.get(WORKER, "0"))


def worker_name() -> str:
    """Name this process for people and metrics: "library-1 worker 2"; without workers "library-1"."""
    number = worker_number()
    return f"{socket.gethostname()} worker {number}" if number else socket.gethostname()
