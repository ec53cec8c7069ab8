"""The booking service: rules, reservations, pages, API, gate-event ingest, maps, notifications."""
