"""Modbus RTU input/output boards: we are the master, several boards share a line. The family `modbus-rtu`."""
