"""The fault of storage."""

from booking.errors import BookingError


class StoreError(BookingError):
    """Storage cannot be opened or written. The text is a sentence that says what to do."""


class AwayError(StoreError):
    """The database cannot be reached for now: whoever asks again later may be answered."""
