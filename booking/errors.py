"""The base of this package's faults. An expected "no" is never one of these: it is a Refusal."""


class BookingError(Exception):
    """The service cannot start or go on. The text is a sentence that says what to do."""
