"""The floors: what a durable commit and a message over the broker cost with nothing of ours around them."""

import threading
from pathlib import Path
from typing import NamedTuple

import apsw
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE = 30.0


class RawCommits:
    """Single-row commits into a bare SQLite file: WAL, synchronous=FULL, nothing else set."""

    def __init__(self, file: Path) -> None:
        self.connection = apsw.Connection(str(file))
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"):
            self.connection.execute(statement).fetchall()
        self.connection.execute("CREATE TABLE rows (n INTEGER PRIMARY KEY, topic TEXT, payload BLOB)").fetchall()

    def commit_many(self, count: int, topic: str, payload: bytes, *, per_commit: int = 64) -> None:
        """Insert `count` rows, `per_commit` of them in each transaction."""
        left = count
        while left:
            rows = min(left, per_commit)
            self.connection.execute("BEGIN IMMEDIATE")
            for _ in range(rows):
                self.connection.execute("INSERT INTO rows (topic, payload) VALUES (?, ?)", (topic, payload))
            self.connection.execute("COMMIT")
            left -= rows

    def commit(self, topic: str, payload: bytes) -> None:
        """Insert one row; it is on the disk when this returns."""
        self.connection.execute("INSERT INTO rows (topic, payload) VALUES (?, ?)", (topic, payload)).fetchall()


class Way(NamedTuple):
    """How a client reaches a broker: over TLS where `ca` names the authority of its certificate."""

    host: str
    port: int
    username: str
    password_file: str
    ca: str = ""

    @classmethod
    def of(cls, host: str, port: str, *rest: str) -> "Way":
        """Return the way that a command line names."""
        return cls(host, int(port), *rest)


def bare_client(way: Way) -> mqtt.Client:
    """Return a connected paho client with Nagle's algorithm off, its own thread running, and nothing of ours."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(way.username, Path(way.password_file).read_text().strip())
    if way.ca:
        client.tls_set(way.ca)
    client.on_socket_open = lambda _client, _data, sock: sock.setsockopt(6, 1, 1)  # IPPROTO_TCP, TCP_NODELAY
    connected = threading.Event()
    client.on_connect = lambda *_arguments: connected.set()
    client.connect(way.host, way.port)
    client.loop_start()
    if not connected.wait(PATIENCE):
        raise TimeoutError("the broker did not answer")
    return client


def subscribe(client: mqtt.Client, topic: str) -> None:
    """Subscribe with QoS 1 and return once the broker has confirmed."""
    done = threading.Event()
    client.on_subscribe = lambda *_arguments: done.set()
    client.subscribe(topic, qos=1)
    if not done.wait(PATIENCE):
        raise TimeoutError(f"no subscription to {topic}")
