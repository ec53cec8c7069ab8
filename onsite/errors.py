"""OnsiteError: what keeps this machine from running Seatgate, as a sentence that says what to do."""


class OnsiteError(Exception):
    """Something on this machine is missing, taken or not allowed. The text is shown to a person as it stands."""
