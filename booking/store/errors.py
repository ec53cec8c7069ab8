"""The faults of storage. An expected "no" is never one of these: it is a Refusal."""


class StoreError(Exception):
    """Storage cannot be opened or written. The text is a sentence that says what to do."""
