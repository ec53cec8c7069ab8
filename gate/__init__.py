"""The gate daemon: serial ports → frames → access events → outbox → broker."""
