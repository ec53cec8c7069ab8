"""Bytes on a serial line to frames and back; used by gate and kiosk, so that a card means the same on both."""
