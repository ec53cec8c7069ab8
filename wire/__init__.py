"""Bytes on a serial line ⇄ frames ⇄ reads; used by gate and kiosk. All is pure but `serial_port` and the drivers of lines, which use it."""
