"""The rules, pure: no I/O, no clock, no library but the standard one and our own config and messages types."""
