"""Bytes on a serial line ⇄ frames ⇄ reads; used by gate and kiosk. Everything but `serial_port` is pure."""
