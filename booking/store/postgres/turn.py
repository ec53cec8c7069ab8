"""Numbers by which the processes on one database know each other: advisory locks and the channel of notifications."""

TURN = 0x5EA7_6A7E_0001
"""Held while a batch is written: batches of all workers take turns."""
LEAD = 0x5EA7_6A7E_0002
"""Held by the leader for as long as its connection lives."""
CHANNEL = "seatgate"
"""Where each commit says which areas it touched."""
