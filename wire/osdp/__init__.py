"""OSDP (IEC 60839-11-5, SIA OSDP 2.2) as a control panel: bytes and time in, bytes and events out. All but `driver` is pure."""
