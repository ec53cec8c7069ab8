"""What the kernel counts at a serial line: framing, parity, overrun, break. Linux only; other drivers count nothing.

A frame that is damaged on the way is counted where frames are found. These counters tell why: noise and a wrong baud rate are
framing errors, a machine that is too slow is an overrun.
"""

import fcntl
import struct
from collections import Counter

_TIOCGICOUNT = 0x545D
_FORM = struct.Struct("11i9i")
"""`struct serial_icounter_struct`: cts dsr rng dcd rx tx frame overrun parity brk buf_overrun, and nine reserved."""
_KINDS = {6: "framing", 7: "overrun", 8: "parity", 9: "break", 10: "buffer-overrun"}


class LineErrors:
    """The counters of one line over all its openings: a driver begins at 0 again when it is plugged in."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self._before: Counter[str] = Counter()

    def opened(self, descriptor: int) -> None:
        """Count from what the driver says now."""
        self._before = read_counts(descriptor)

    def look(self, descriptor: int) -> Counter[str]:
        """Return what has been added since the last look."""
        now = read_counts(descriptor)
        new = now - self._before
        self._before = now
        self.total += new
        return new


def read_counts(descriptor: int) -> Counter[str]:
    """Return the driver's counters by kind; empty where it has none, as a pseudo-terminal."""
    try:
        raw = fcntl.ioctl(descriptor, _TIOCGICOUNT, bytes(_FORM.size))
    except OSError:
        return Counter()
    figures = _FORM.unpack(raw)
    return Counter({kind: figures[at] for at, kind in _KINDS.items() if figures[at] > 0})
