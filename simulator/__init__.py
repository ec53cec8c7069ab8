"""Devices and people that are not there. Speaks through the real codecs only."""
