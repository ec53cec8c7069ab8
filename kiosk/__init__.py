"""The floor machine: rotating code, seat map, identification. A pure flow with effects at its edge."""
