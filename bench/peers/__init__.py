"""Programs of others' OSDP packages, each run by the Python of an environment of its own (`tools/install test`)."""
