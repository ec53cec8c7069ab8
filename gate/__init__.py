"""The gate daemon: serial bytes to access events to a durable outbox to MQTT."""
