"""What `seatgate diagnose` looks at on a gate's machine itself: who holds a device, how fast the disk keeps its word, the server.

Looks only, but for a file that it writes into the data folder and takes away again.
"""

import os
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

PROBES = 5
ANSWER_WITHIN_S = 5.0
PROCESSES = Path("/proc")


def holders(device: str) -> list[str]:
    """Return who has a device open, as "name (pid)"; of other accounts' processes only root can tell."""
    wanted = os.path.realpath(device)
    return sorted(
        f"{_name(process)} ({process.name})" for process in PROCESSES.glob("[0-9]*") if wanted in _open_files(process)
    )


def _open_files(process: Path) -> Iterator[str]:
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink())


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"


def commit_seconds(folder: Path) -> float:
    """Return how long the disk takes to keep a few bytes for good (fsync), the median of some tries. OSError when it does not."""
    probe = folder / f".diagnose-{os.getpid()}"
    taken = []
    try:
        with probe.open("wb", buffering=0) as file:
            for _ in range(PROBES):
                began = time.perf_counter()
                file.write(b"x" * 4096)
                os.fsync(file.fileno())
                taken.append(time.perf_counter() - began)
    finally:
        probe.unlink(missing_ok=True)
    return statistics.median(taken)


def server_date(url: str, now: datetime) -> timedelta | None:
    """Return how far the server's clock is ahead of `now`, to a second; None when its answer names no time. OSError: no answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url.rstrip('/')}/healthz", timeout=ANSWER_WITHIN_S) as answer:
            said = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        raise OSError(f"it answers {error.code}") from error
    except ValueError as error:
        raise OSError(str(error)) from error
    try:
        return parsedate_to_datetime(said) - now
    except (TypeError, ValueError):
        return None
