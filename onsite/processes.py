"""The children of `seatgate run`: started together, ready when each says so, restarted on failure, stopped together.

One thread, one selector: it wakes for a signal, a child's readiness message, a child's end, or a restart that is due.
A child leads its own process group, so that its own children end with it, and it is told to stop (SIGTERM) when this
process dies, however it dies. What a child prints goes to a file of its own.
"""

import os
import secrets
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import attrs

from onsite.errors import OnsiteError

READY_WITHIN_S = 60.0
CONNECTED_WITHIN_S = 15.0
"""After that the machine is ready without it: a process that reaches nothing yet goes on trying."""
STOP_WITHIN_S = 1.5
"""For each of the two rounds of a stop; the children themselves need a fraction of it."""
FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 30.0
LOOK_EVERY_S = 86400.0
STEADY_AFTER_S = 60.0
"""A child that ran this long starts its restart delays anew."""
OLD_LOG_BYTES = 5_000_000
_MESSAGE_BYTES = 4096
_SAYS = b"X_SAY="


@attrs.frozen
class Program:
    """What to start: `name` is for people and for the log file; `command` is its argument list."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = attrs.field(factory=dict)
    connects: bool = False
    """It says by itself (`X_CONNECTED=1`) when it reaches the booking service, and is worth waiting for."""


@attrs.define(eq=False)
class _Child:
    program: Program
    notify: socket.socket
    log: Path
    popen: subprocess.Popen[bytes] | None = None
    pidfd: int = -1
    ready: bool = False
    connected: bool = False
    started: float = 0.0
    delay: float = FIRST_RESTART_S
    due: float | None = None


class Children:
    """The running children. Make it, `start`, `wait_ready`, `watch` until told to stop, and always `stop`."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._say = say
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = self._stopped = False
        self._wake, self._wake_end = socket.socketpair()
        for end in (self._wake, self._wake_end):
            end.settimeout(0)
        self._selector.register(self._wake, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake_end.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._told_to_stop)

    def _told_to_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def start(self, programs: Iterable[Program]) -> None:
        """Start all programs at once; the first one is stopped last."""
        for program in programs:
            notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            notify.bind(f"\0seatgate-{secrets.token_hex(12)}")
            child = _Child(program, notify, self._logs / f"{program.name}.log")
            self._children.append(child)
            self._selector.register(notify, selectors.EVENT_READ, child)
            self._launch(child)

    def wait_ready(self) -> bool:
        """Return True once every child is ready and connected, False when told to stop first.

        OnsiteError when one cannot start; a sentence when one is ready but not connected in time.
        """
        late = self._wait_until(lambda child: child.ready, READY_WITHIN_S)
        if late:
            raise OnsiteError(f"not ready after {READY_WITHIN_S:.0f} s: {late}; see the logs in {self._logs}")
        late = self._wait_until(lambda child: child.connected or not child.program.connects, CONNECTED_WITHIN_S)
        if late:
            self._say(f"{late}: running, but the booking service is not reached yet; see the logs in {self._logs}")
        return not self._stopping

    def _wait_until(self, settled: Callable[[_Child], bool], limit: float) -> str:
        """Wait for all children, at most `limit` seconds; name those that are late, "" when none is or when told to stop."""
        deadline = time.monotonic() + limit
        while not self._stopping and (late := [child for child in self._children if not settled(child)]):
            left = deadline - time.monotonic()
            if left <= 0:
                return ", ".join(child.program.name for child in late)
            self._turn(left, starting=True)
        return ""

    def watch(self, look: Callable[[], bool] = lambda: False) -> None:
        """Keep the children running until SIGINT, SIGTERM or SIGHUP. One that fails is started again, ever more slowly.

        `look` is called once a day; where it returns True the first child must read its files again (SIGHUP).
        """
        due = time.monotonic() + LOOK_EVERY_S
        while not self._stopping:
            self._turn(max(0.0, due - time.monotonic()), starting=False)
            if time.monotonic() >= due:
                due += LOOK_EVERY_S
                first = self._children[0].popen if look() else None
                if first is not None:
                    first.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop every child: all but the first one, then the first one (the broker, which the others say goodbye to)."""
        if self._stopped:
            return
        self._stopping = self._stopped = True
        signal.set_wakeup_fd(-1)
        for end in (self._wake, *(child.notify for child in self._children)):
            self._selector.unregister(end)
        for group in (self._children[1:], self._children[:1]):
            self._stop_group([child for child in group if child.popen is not None])
        for end in (self._wake, self._wake_end, *(child.notify for child in self._children)):
            end.close()  # last, because a child says on it that it stops
        self._selector.close()

    def _launch(self, child: _Child) -> None:
        child.due = None
        child.ready = False
        _set_aside_when_large(child.log)
        environment = {
            **os.environ,
            **child.program.environment,
            "NOTIFY_SOCKET": "@" + child.notify.getsockname()[1:].decode(),
        }
        with child.log.open("ab") as log:
            child.popen = _spawn(child.program, environment, log)
        child.started = time.monotonic()
        child.pidfd = os.pidfd_open(child.popen.pid)
        self._selector.register(child.pidfd, selectors.EVENT_READ, child)

    def _turn(self, limit: float | None, *, starting: bool) -> None:
        """Wait, at most `limit` seconds, for whatever happens next, and see to it."""
        limits = [child.due - time.monotonic() for child in self._children if child.due is not None]
        limits += [] if limit is None else [limit]
        for key, _ in self._selector.select(max(0.0, min(limits)) if limits else None):
            child: _Child | None = key.data
            if child is None:
                self._wake.recv(_MESSAGE_BYTES)
            elif key.fileobj is child.notify:
                _hear(child, self._say)
            elif not self._stopping:
                self._ended(child, starting=starting)
        for child in self._children:
            if child.due is not None and child.due <= time.monotonic() and not self._stopping:
                self._launch(child)

    def _ended(self, child: _Child, *, starting: bool) -> None:
        _hear(child, self._say)
        code = self._reap(child)
        if starting and not child.ready:
            raise OnsiteError(f"{child.program.name} could not start: {_last_line(child.log)} (its log: {child.log})")
        if code in (0, -signal.SIGTERM):
            self._say(f"{child.program.name} was stopped from outside; the rest goes on without it")
            return
        if time.monotonic() - child.started > STEADY_AFTER_S:
            child.delay = FIRST_RESTART_S
        self._say(
            f"{child.program.name} ended ({_reason(code)}); starting it again in {child.delay:g} s, see {child.log}"
        )
        child.due = time.monotonic() + child.delay
        child.delay = min(child.delay * 2, LONGEST_RESTART_S)

    def _reap(self, child: _Child) -> int:
        """Collect an ended child, after whatever it left in its process group (its number is still taken until then)."""
        if child.popen is None:
            return 0
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        _signal_group(child.popen.pid, signal.SIGKILL)
        code = child.popen.wait()
        child.popen = None
        return code

    def _stop_group(self, running: list[_Child]) -> None:
        for child in running:
            if child.popen is not None:
                _signal_group(child.popen.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_S
        while running and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._reap(key.data)
                running = [child for child in running if child is not key.data]
        for child in running:
            self._say(f"{child.program.name} did not stop in time and was killed")
            self._reap(child)


def _hear(child: _Child, say: Callable[[str], None]) -> None:
    """Read what a child has told its readiness socket; what it says (`X_SAY=…`) is for whoever sits before us."""
    while True:
        try:
            told = child.notify.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return
        lines = told.split(b"\n")
        child.ready |= b"READY=1" in lines
        child.connected |= b"X_CONNECTED=1" in lines
        for line in lines:
            if line.startswith(_SAYS):
                say(f"{child.program.name}: {line.removeprefix(_SAYS).decode(errors='replace')}")


def _spawn(program: Program, environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    # setpriv (util-linux, on every Debian) asks the kernel to stop the child when this process dies, even by SIGKILL.
    command = ["setpriv", "--pdeathsig", "TERM", "--", *program.command]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].strip().removeprefix("Error: ") if lines else "it said nothing"


def _set_aside_when_large(log: Path) -> None:
    if log.exists() and log.stat().st_size > OLD_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
