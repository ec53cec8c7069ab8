"""Live streams over real sockets: who does not read holds up nobody, keeps little, and is up to date as soon as it reads."""

import re
import socket
import threading

import httpx
import pytest

from booking.service.floor import CloseFloor, OpenFloor
from booking.web import live
from config.values import Text

AREA, STUCK, CHANGES = "2f-east", 20, 8
HEAD = f"GET /api/v1/areas/{AREA}/events HTTP/1.1\r\nHost: here\r\n\r\n".encode()


class Reading:
    """A viewer that reads all the time; the ids of what it was told."""

    def __init__(self, house):
        self.ids = []
        self.client = httpx.Client(base_url=house.url, timeout=30)
        request = self.client.build_request("GET", f"/api/v1/areas/{AREA}/events")
        self.response = self.client.send(request, stream=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for line in self.response.iter_lines():
                if line.startswith("id: "):
                    self.ids.append(line[4:])
        except httpx.HTTPError:
            return

    def close(self):
        self.client.close()


@pytest.fixture
def stuck(house):
    """Viewers that have asked and do not read, with the smallest buffers that the kernel gives."""
    port, opened = int(house.url.rpartition(":")[2]), []
    for _ in range(STUCK):
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        plug.settimeout(30)
        plug.connect(("127.0.0.1", port))
        plug.sendall(HEAD)
        opened.append(plug)
    yield opened
    for plug in opened:
        plug.close()


def test_viewers_that_do_not_read_get_the_newest_state_and_hold_up_nobody(house, stuck, monkeypatch, wait_for):
    """Fault row 10, in short: "slow or dead SSE clients … memory bounded"; every frame here is all 222 seats, some 20 KB."""
    monkeypatch.setattr(live, "QUIET", live.QUIET / 20)
    hub = house.context.live
    wait_for(lambda: hub.watchers == STUCK, "all of them watch")
    reading = Reading(house)
    wait_for(lambda: reading.ids, "one reads")
    now, reason = house.clock.now(), Text("演练", "drill")
    for number in range(CHANGES):
        told = len(reading.ids)
        if number % 2 == 0:
            closing = CloseFloor(
                id=f"c{number}", staff="STAFF01", at=now, area=AREA, seat=None, start=None, end=None, reason=reason
            )
            house.do(closing)
        else:
            house.do(OpenFloor(closure=f"c{number - 1}", staff="STAFF01", at=now))
        wait_for(lambda: len(reading.ids) > told, "who reads is told")  # noqa: B023 - called in the same turn
    assert hub.late == STUCK
    assert f"seatgate_live_late {STUCK}.0" in httpx.get(f"{house.url}/metrics", timeout=30).text
    newest = reading.ids[-1].encode()
    for plug in stuck[:3]:
        seen = b""
        while b"id: " + newest not in seen:
            seen += plug.recv(65536)
        ids = re.findall(rb"id: (\S+)", seen)
        assert ids[-1] == newest
        assert len(ids) < len(reading.ids)  # what lies between was not kept for it
    wait_for(lambda: hub.late == STUCK - 3, "they are up to date")
    reading.close()
    for plug in stuck:
        plug.close()
    wait_for(lambda: hub.watchers == 0, "nothing is left of them")


def test_another_request_on_the_same_connection_waits_for_the_streams_end_and_harms_nothing(house):
    """HTTP/1.1 pipelining: what a client sends behind a stream's request never comes into the stream."""
    port = int(house.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plug:
        plug.sendall(HEAD + b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        seen = b""
        while b"event: snapshot" not in seen or not seen.endswith(b"\n\n\r\n"):
            seen += plug.recv(65536)
        house.server.stop()
        while more := plug.recv(65536):
            seen += more
    assert seen.count(b"HTTP/1.1 200 OK") == 1
    assert seen.endswith(b"\r\n0\r\n\r\n")
