"""Everything on one machine: `seatgate run` (broker, service, gate, kiosk, simulator) and `seatgate diagnose`.

Composes the other packages' processes; knows no rule, frame or screen.
"""
