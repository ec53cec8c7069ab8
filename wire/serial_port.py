"""Bytes in and out of one serial device, reopened for ever: the only user of pyserial.

What the bytes mean is not known here. A device that is absent, forbidden, taken or pulled out is tried again with a
growing wait until `stop`: a port never gives up, because nobody may be near the gate for days. Each change of state
is logged once, however many tries it spans.
"""

import errno
import fcntl
import logging
import os
import random
import select
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import serial
from serial.rs485 import RS485Settings

from wire.description import Parity, SerialLine
from wire.line_errors import LineErrors
from wire.port_names import AmbiguousPort, advice, check_name

_log = logging.getLogger(__name__)
_dice = random.SystemRandom()
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between tries: doubling, each shortened by up to half at random so that many ports do not try in step."""
BLOCK_BYTES = 4096
PSEUDO_TERMINALS = "/dev/pts/"
WRITE_BYTES = 1024
ERRORS_EVERY = 60.0
"""Seconds between two looks at the kernel's counters of a line."""
WRITE_SECONDS = 1.0
_NETWORK_READ_SECONDS = 0.5
"""A port on the network (`socket://`) cannot be woken; it looks at `stop` this often."""
_NETWORK_TALK_SECONDS = 0.01
"""Where what is to be said next has its time, it looks as often as this."""
Tick = float | None | Callable[[], float]
"""Seconds until `Quiet`: always the same, never, or asked for anew before each wait."""
_PARITY = {Parity.NONE: serial.PARITY_NONE, Parity.EVEN: serial.PARITY_EVEN, Parity.ODD: serial.PARITY_ODD}


class PortError(Exception):
    """The device cannot be opened, read or written now; the text says what to do."""


@attrs.frozen
class Opened:
    """The device is open; bytes follow."""


@attrs.frozen
class Quiet:
    """Nothing came for a tick, or `wake` was called: a moment to say something on a line where we ask."""


@attrs.frozen
class Lost:
    """The device that was open is not any more: what was half read is gone."""

    reason: str


class SerialPort:
    """One device (`/dev/serial/by-id/…`, a pseudo-terminal, or a pyserial URL), held by this process alone.

    `listen` runs on the caller's thread; `write`, `wake` and `stop` may be called from any.
    """

    def __init__(
        self, device: str, line: SerialLine, *, jitter: Callable[[], float] = _dice.random, root: Path = Path("/")
    ) -> None:
        self._root = root
        self.errors = LineErrors()
        self._looked_at = 0.0
        self.device = device
        self._line = line
        self._jitter = jitter
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._port: serial.SerialBase | None = None
        self._told = ""
        self._tick: Tick = None
        self._woken = threading.Event()
        self.tried = threading.Event()
        """Set once the device has been opened, or found not to open, for the first time."""

    @property
    def is_open(self) -> bool:
        """Whether the device is open now."""
        return self._port is not None

    @property
    def trouble(self) -> str:
        """Why the device is not open now, a sentence for staff; "" when it is."""
        if self.is_open:
            return ""
        return "closed" if self._told == "open" else self._told or "not open yet"

    def listen(self, tick: Tick = None) -> Iterator[Opened | bytes | Quiet | Lost]:
        """Yield `Opened`, blocks of bytes and `Lost` in turn until `stop`; never raises for what the device does.

        `tick`: yield `Quiet` whenever nothing came for so many seconds, and after each `wake`.
        """
        self._tick = tick
        waits = self._waits()
        while not self._stop.is_set():
            try:
                port = self._open()
            except PortError as fault:
                self._tell(f"not open: {fault}")
                self.tried.set()
                self._stop.wait(next(waits))
                continue
            self._tell("open")
            if better := advice(self.device, self._root):
                _log.warning("port device=%s: %s", self.device, better)
            self.tried.set()
            yield Opened()
            try:
                while (block := self._read(port)) != b"":
                    waits = self._waits()
                    yield Quiet() if block is None else block
            except PortError as fault:
                self._tell(f"lost: {fault}")  # before it is closed: whoever then asks for the trouble hears of this one
                self._close()
                yield Lost(str(fault))
                self._stop.wait(next(waits))
            finally:
                self._close()

    def write(self, content: bytes) -> None:
        """Send bytes to the device; PortError when it is not open or does not take them within a second."""
        if len(content) > WRITE_BYTES:
            raise ValueError(f"{len(content)} bytes at once: at most {WRITE_BYTES} go out")
        with self._lock:
            if self._port is None:
                raise PortError(f"{self.device} is not open now")
            try:
                self._port.write(content)
            except (OSError, termios.error) as error:
                raise _fault(self.device, error) from error

    def wake(self) -> None:
        """Have `listen` yield `Quiet` as soon as it waits for bytes."""
        self._woken.set()
        self._interrupt()

    def stop(self) -> None:
        """End `listen`, wherever it waits."""
        self._stop.set()
        self._interrupt()

    def _interrupt(self) -> None:
        with self._lock:
            if isinstance(self._port, serial.Serial):
                self._port.cancel_read()

    def _open(self) -> serial.SerialBase:
        try:
            check_name(self.device, self._root)
        except AmbiguousPort as error:
            raise PortError(str(error)) from error
        try:
            port = serial.serial_for_url(
                self.device,
                do_not_open=True,
                baudrate=self._line.baud,
                bytesize=self._line.data_bits,
                parity=_PARITY[self._line.parity],
                stopbits=self._line.stop_bits,
                write_timeout=WRITE_SECONDS,
                exclusive=True,
            )
            is_local = isinstance(port, serial.Serial)
            port.timeout = 0 if is_local else self._network_wait()
            port.open()
            if is_local:
                _claim(port.fileno())
                self.errors.opened(port.fileno())
                if self._line.rs485:
                    self._switch_direction(port)
        except (OSError, termios.error, ValueError) as error:
            raise _fault(self.device, error) from error
        with self._lock:
            self._port = port
        return port

    def _switch_direction(self, port: serial.Serial) -> None:
        """Have the driver raise RTS while it sends, as an RS-485 adapter without a switch of its own needs it."""
        try:
            port.rs485_mode = RS485Settings(
                delay_before_tx=self._line.rs485_lead.total_seconds(),
                delay_before_rx=self._line.rs485_tail.total_seconds(),
            )
        except (OSError, ValueError, NotImplementedError) as error:
            port.close()
            raise PortError(
                f"the driver of {self.device} cannot switch the direction of an RS-485 line: take rs485 out of [serial] "
                "where the adapter does it by itself, as most do"
            ) from error

    def _network_wait(self) -> float:
        """Return how long a read from the network may block: it can be changed for an open port only by asking it anew."""
        if callable(self._tick):
            return _NETWORK_TALK_SECONDS
        return min(self._tick or _NETWORK_READ_SECONDS, _NETWORK_READ_SECONDS)

    def _wait_for(self) -> float | None:
        return self._tick() if callable(self._tick) else self._tick

    def _read(self, port: serial.SerialBase) -> bytes | None:
        """Wait for the next bytes; b"" once `stop` was called, None when a tick went by or `wake` was called."""
        try:
            while not self._stop.is_set():
                if self._woken.is_set():
                    self._woken.clear()
                    return None
                if isinstance(port, serial.Serial):
                    ends = [end for end in (port.fileno(), port.pipe_abort_read_r) if end is not None]
                    select.select(ends, [], [], self._wait_for())
                    block = port.read(BLOCK_BYTES)
                    self._look_at_errors(port.fileno())
                elif block := port.read(1):
                    # The stub's base class lacks what every port class has.
                    waiting: int = port.in_waiting  # type: ignore[attr-defined]
                    block += port.read(min(waiting, BLOCK_BYTES - 1))
                if block:
                    return block
                if self._tick is not None and not self._stop.is_set() and not self._woken.is_set():
                    return None
        except (OSError, termios.error) as error:
            raise PortError(
                f"{self.device} was pulled out or switched off; it is opened again when it is back"
            ) from error
        return b""

    def _look_at_errors(self, descriptor: int) -> None:
        """Tell what the kernel has counted, once in a while: it says why frames are bad."""
        if time.monotonic() - self._looked_at < ERRORS_EVERY:
            return
        self._looked_at = time.monotonic()
        if new := self.errors.look(descriptor):
            said = " ".join(f"{kind}={count} in_all={self.errors.total[kind]}" for kind, count in sorted(new.items()))
            _log.warning("port device=%s line errors: %s", self.device, said)

    def _close(self) -> None:
        with self._lock:
            port, self._port = self._port, None
        if port is not None:
            port.close()

    def _waits(self) -> Iterator[float]:
        wait = FIRST_WAIT
        while True:
            yield wait * (1 - self._jitter() / 2)
            wait = min(2 * wait, LONGEST_WAIT)

    def _tell(self, state: str) -> None:
        """Log a state once, however often it is met again."""
        if state != self._told:
            _log.log(logging.INFO if state == "open" else logging.WARNING, "port device=%s %s", self.device, state)
        self._told = state


def _claim(descriptor: int) -> None:
    """Keep every other program out: the lock that pyserial takes stops only those who ask for it.

    Not on a pseudo-terminal: the claim lasts until the last descriptor is closed, and there the far end's holder
    may keep one, so that a gate that was killed could not open its own port again.
    """
    if not os.ttyname(descriptor).startswith(PSEUDO_TERMINALS):
        fcntl.ioctl(descriptor, termios.TIOCEXCL)


def _fault(device: str, error: Exception) -> PortError:
    if isinstance(error, serial.SerialTimeoutException):
        return PortError(
            f"{device} has taken nothing for {WRITE_SECONDS:.0f} s: is the device on, and its cable whole?"
        )
    number = error.errno if isinstance(error, OSError) else None
    match number:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            text = f"there is no device {device}: is the reader plugged in? `ls -l /dev/serial/by-id` shows what is"
        case errno.EACCES | errno.EPERM:
            text = (
                f"this account may not open {device}: add the user to group dialout "
                "(`sudo usermod -aG dialout USER`), then start again"
            )
        case errno.EBUSY | errno.EAGAIN:
            text = f"another program holds {device}: `sudo fuser -v {device}` names it; stop it"
        case _:
            text = f"{device} does not work as a serial port: {error}"
    return PortError(text)
