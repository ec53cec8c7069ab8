"""The log on stderr: one line per fact, in the process's clock, with secrets and card numbers taken out.

A line is `time level logger message key=value …`. Code logs masked values already (`messages.access.mask`);
`redact` is the net below that, also under tracebacks and `diagnose --bundle`.
"""

import logging
import re
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

from runtime.clock import Clock

LEVELS = ("debug", "info", "warning", "error")
_COUNTED = frozenset(
    {
        "sequence",
        "sequences",
        "epoch",
        "previous_epoch",
        "monotonic_ns",
        "session",
        "pid",
        "port",
        "bytes",
        "size",
        "depth",
    }
)
"""Keys whose long numbers are ours: never a card or a person."""
_SECRET_KEY = re.compile(
    r"""(?ix) \b ((?: [a-z_-]* (?: password | passwd | secret | token | cookie | private_key) | pin | authorization)
    ["']? \s* [=:] \s*) (?: (?:bearer | basic) \s+ )? (?: "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s,;}&]+ )"""
)
_URL_ACCOUNT = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+@")
_LONG_NUMBER = re.compile(r"(?:\b([a-z_]+)=)?(?<![0-9A-Za-z])([0-9A-F]{8,32}[X]?)(?![0-9A-Za-z])")
_READER_CODE = re.compile(r"(?i)\bR1[0-9A-HJKMNP-TV-Z]{26}\b")
_CHECK_IN_CODE = re.compile(r"(?i)/c/[0-9a-z]{22}\b")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


def redact(text: str) -> str:
    """Return `text` with passwords, tokens, private keys, codes and whatever may be a card or person number masked."""
    text = _PEM.sub("…private key…", text)
    text = _URL_ACCOUNT.sub(r"\1…@", text)
    text = _SECRET_KEY.sub(r"\1…", text)
    text = _READER_CODE.sub("R1…", text)
    text = _CHECK_IN_CODE.sub("/c/…", text)
    return _LONG_NUMBER.sub(_mask_number, text)


def _mask_number(found: re.Match[str]) -> str:
    key, number = found[1], found[2]
    if key in _COUNTED:
        return found[0]
    return f"{key}=…{number[-2:]}" if key else f"…{number[-2:]}"


class LogFormat(logging.Formatter):
    """One line per record; what came from outside cannot start a line of its own."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._clock = clock

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's name
        """Return the record's time on the process's clock."""
        moment = self._clock.shown_at(datetime.fromtimestamp(record.created, UTC))
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line, control characters shown as escapes."""
        line = super().formatMessage(record)
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)

    def format(self, record: logging.LogRecord) -> str:
        """Return the whole entry, traceback included, redacted."""
        return redact(super().format(record))


def setup(level: str = "info", *, clock: Clock | None = None, stream: TextIO | None = None) -> None:
    """Send all logs of this process to stderr (or `stream`), and the end of a thread that died with them."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(LogFormat(clock if clock is not None else Clock.from_environment()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # no line says which thread, process or source line it comes from: it need not be found out ("Optimization" of the logging HOWTO)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_dead_thread


def _log_dead_thread(dead: threading.ExceptHookArgs) -> None:
    if dead.exc_type is SystemExit:
        return
    name = dead.thread.name if dead.thread else "unknown"
    error = dead.exc_value if dead.exc_value is not None else dead.exc_type()
    logging.getLogger(__name__).critical("thread died name=%s", name, exc_info=error)
