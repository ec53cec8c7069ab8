"""Row 10: viewers of a live map who stop reading cost the server no memory, and nobody else a thing."""

import os
import re
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from bench.faults.ledger import prefill, token_of
from bench.faults.server import NOW, places_of

AREA, STUCK, FLIPS, STAFF = "2f-east", 60, 10, 0
ALLOWED = 6 * 2**20
"""Bytes by which the process may grow while nobody but one viewer reads."""


def memory(pid):
    """The bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def watch(server, *, room=None):
    """Open a live stream; `room`: how many bytes the kernel keeps for a viewer who does not read."""
    viewer = socket.socket()
    if room is not None:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    viewer.settimeout(30)
    viewer.connect(("127.0.0.1", server.port))
    viewer.sendall(f"GET /api/v1/areas/{AREA}/events HTTP/1.1\r\nHost: faults\r\n\r\n".encode())
    return viewer


class Reading:
    """A viewer who takes everything in."""

    def __init__(self, viewer):
        self.viewer, self.seen = viewer, b""

    def until(self, word, after=0):
        """Read on until `word` stands in what came after the first `after` bytes."""
        while (found := self.seen.find(word, after)) < 0:
            self.seen += self.viewer.recv(1 << 20) or pytest.fail("the stream ended")
        return found + len(word)


@pytest.fixture
def server(make_server, site_file):
    made = make_server()
    prefill(made.database, places_of(site_file), 1, NOW, staff=STAFF)
    made.start()
    return made


def test_who_does_not_read_costs_no_memory_and_gets_the_newest_map_afterwards(server):
    with ExitStack() as stack, httpx.Client(base_url=server.url, timeout=30, trust_env=False) as http:
        http.headers["Authorization"] = f"Bearer {token_of(STAFF)}"
        stuck = [stack.enter_context(watch(server, room=4096)) for _ in range(STUCK)]
        reading = Reading(stack.enter_context(watch(server)))
        read = reading.until(b"event: snapshot")
        for viewer in stuck:
            assert viewer.recv(16).startswith(b"HTTP/1.1 200")
        before = memory(server.pid)
        for _ in range(FLIPS // 2):  # each closes or opens every seat of the area: a frame as large as the map
            wish = {
                "area": AREA,
                "start": None,
                "end": "2023-07-17T22:00:00+08:00",
                "reason": {"zh": "检修", "en": "-"},
            }
            made = http.post("/api/v1/staff/closures", json={k: v for k, v in wish.items() if v})
            assert made.status_code == 201, made.text
            read = reading.until(b'"status":"closed"', reading.until(b"event: change", read))
            assert http.post(f"/api/v1/staff/closures/{made.json()['id']}/lift").status_code == 200
            read = reading.until(b'"status":"free"', reading.until(b"event: change", read))
        grown = memory(server.pid) - before
        unbounded = len(reading.seen) * STUCK
        assert unbounded > 2 * ALLOWED, "too little was sent to show anything"
        assert grown < ALLOWED
        late = re.search(r"^seatgate_live_late (\d+)", http.get("/metrics").text, re.MULTILINE)
        assert int(late[1]) >= STUCK * 3 // 4
        newest = max(
            re.findall(rb"^id: (\S+)\r?$", reading.seen, re.MULTILINE), key=lambda found: int(found.split(b"-")[-1])
        )
        for viewer in stuck[:3]:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            Reading(viewer).until(b"id: " + newest)
