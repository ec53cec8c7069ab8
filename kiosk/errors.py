"""The exceptions of this package: each text is a sentence that says what to do."""


class KioskError(Exception):
    """A kiosk cannot start or go on."""


class NotEnrolledError(KioskError):
    """Booking does not know this kiosk yet, and its one-time code does not help."""
