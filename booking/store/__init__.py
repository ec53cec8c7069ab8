"""Storage: one module per database behind the ports of booking.service."""
