"""Journey: with a TLS port every process of `seatgate run` goes over it, and a swipe is acknowledged; the plain port stays."""

import socket

import pytest

from config import read_toml

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-tls")]


def test_a_swipe_over_tls_is_acknowledged(library_with, free_port, wait_for):
    port = free_port()
    library = library_with(lambda text: text, "south-1", SEATGATE_MQTT_TLS_PORT=str(port))
    assert library.run["mqtt"]["tls_port"] == port
    ca = library.run["mqtt"]["ca"]
    tables = {file.stem: read_toml(file)["broker"] for file in (library.data / "config").glob("*.toml")}
    assert {"booking", "gate-south", "gate-north"} <= tables.keys()
    assert {(table["port"], table["tls_ca"]) for table in tables.values()} == {(port, ca)}
    with socket.create_connection((library.run["mqtt"]["host"], library.run["mqtt"]["port"]), timeout=30):
        pass
    card = library.run["demo_accounts"][0]["card"]
    library.turnstiles["south-1"].swipe(card)
    wait_for(lambda: library.outbox() == (1, 0), "the event went out and its acknowledgement came back")
