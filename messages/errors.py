"""The one exception of this package."""


class MessageError(ValueError):
    """A topic, payload or code from outside does not have the agreed form. The text says what is wrong."""
