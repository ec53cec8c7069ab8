"""A gate whose clock is wrong: which times are impossible, and what an event's time was after all.

An event carries the monotonic time of one run of its machine's kernel, and so does every birth. A birth whose wall time is
possible tells what the clock should have said at any other moment of that run; of one whose wall time is impossible too, the
time at which we heard it does.
"""

from datetime import datetime, timedelta

OLDEST = timedelta(days=400)
"""What is said to be older than this is from a clock that fell back."""
_MICROSECOND_NS = 1000


def impossible(said: datetime, now: datetime, ahead: timedelta) -> bool:
    """Tell whether `said` cannot be when it was: more than `ahead` in the future, or older than anything that waits."""
    return said > now + ahead or said < now - OLDEST


def booted_at(wall: datetime, heard_at: datetime, monotonic_ns: int, ahead: timedelta) -> datetime:
    """Return the moment at which a machine's monotonic clock read nothing, by one of its births."""
    right = heard_at if impossible(wall, heard_at, ahead) else wall
    return right - timedelta(microseconds=monotonic_ns // _MICROSECOND_NS)


def rebuilt(booted: datetime, monotonic_ns: int) -> datetime:
    """Return when something happened that a machine's monotonic clock dates."""
    return booted + timedelta(microseconds=monotonic_ns // _MICROSECOND_NS)
