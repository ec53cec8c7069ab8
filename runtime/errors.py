"""The base of every fault that this package raises: its text is a sentence for staff and says what to do."""


class RuntimeFault(Exception):  # noqa: N818 - the base of faults that are named after what happened
    """Something outside the program failed: a file, the broker, booking. Never an expected "no"."""
