"""MqttLink: an MQTT 5 client that keeps itself connected and never gives up.

Remembers the subscriptions and nothing else: while the broker is away nothing is queued, `publish` raises LinkDown.
A callback that fails is logged and the link goes on. One connection at a time is `mqtt_client`'s work.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from runtime.broker_settings import BrokerSettings
from runtime.mqtt_client import Connection, LinkDown, Message, Will
from runtime.published import CONNECTION_LOST, NO_SUBSCRIBERS, OnDone, Published

__all__ = [
    "CONNECTION_LOST",
    "NO_SUBSCRIBERS",
    "BrokerSettings",
    "LinkDown",
    "Message",
    "MqttLink",
    "Published",
    "Will",
]

_log = logging.getLogger(__name__)
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.5, 30.0
STEADY_SECONDS = 10.0
"""A connection that lasted this long starts the back-off afresh; two clients fighting over one id do not."""
_STOP_SECONDS = 0.5


class MqttLink:
    """Keeps one client connected from `start` to `stop`.

    `on_message`, `on_connect` (with the number of this connection, from 1) and `on_disconnect` are called on the link's
    thread: they may publish and enqueue, never wait. `will` may be a function of the connection's number.
    A zero `session_expiry` asks for a clean start each time.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        client_id: str,
        session_expiry: timedelta,
        on_message: Callable[[Message], None],
        will: tuple[str, bytes, dict[str, str]] | Callable[[int], Will] | None = None,
        on_connect: Callable[[int], None] | None = None,
        on_disconnect: Callable[[], None] | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._session_expiry = session_expiry
        self._on_message = on_message
        self._will = will
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._filters: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{client_id}", daemon=True)
        self._connection: Connection | None = None
        self._accepted = False
        self._accepted_at = 0.0
        self.session = 0
        """The number of the present connection, or of the last one."""
        self.fault = ""
        """Why the last try to connect failed, a sentence for staff; empty while connected."""

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and we have not noticed losing it."""
        return self._accepted

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the broker, which then publishes the will; takes half a second at most, whatever the network does."""
        self._stopping.set()
        connection = self._connection
        if connection is not None:
            connection.leave()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)

    def subscribe(self, topic_filter: str, qos: int = 1) -> None:
        """Subscribe now, and again after every reconnect."""
        with self._lock:
            self._filters[topic_filter] = qos
            if self._accepted and self._connection is not None:
                self._connection.subscribe({topic_filter: qos})

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        properties: dict[str, str] | None = None,
        expiry: timedelta | None = None,
        on_done: OnDone | None = None,
        may_be_refused: bool = False,
    ) -> Published:
        """Send a message; LinkDown when not connected. `expiry`: how long the broker may still deliver it.

        `on_done` is called on the link's thread with the broker's answer (see `Published.reason`). `may_be_refused`: staff
        need not hear of it when the broker's rights forbid this.
        """
        connection = self._connection
        if connection is None or not self._accepted:
            raise LinkDown(f"the broker {self._settings.host}:{self._settings.port} is not connected")
        published = Published(on_done, may_be_refused=may_be_refused)
        connection.publish(
            topic, payload, published, qos=qos, retain=retain, properties=properties or {}, expiry=expiry
        )
        return published

    def publish_async(
        self,
        topic: str,
        payload: bytes,
        *,
        on_done: OnDone,
        qos: int = 1,
        retain: bool = False,
        properties: dict[str, str] | None = None,
        expiry: timedelta | None = None,
    ) -> None:
        """Send a message whose answer only `on_done` waits for; LinkDown when not connected."""
        self.publish(topic, payload, qos=qos, retain=retain, properties=properties, expiry=expiry, on_done=on_done)

    def _run(self) -> None:
        retry = FIRST_RETRY_SECONDS
        while not self._stopping.is_set():
            if self._connect_once():
                retry = FIRST_RETRY_SECONDS
            # Jitter: a hundred kiosks must not come back in the same instant.
            self._stopping.wait(retry * secrets.SystemRandom().uniform(0.5, 1.0))
            retry = min(retry * 2, LAST_RETRY_SECONDS)

    def _connect_once(self) -> bool:
        """Connect, stay until the connection ends, and tell whether it was a steady one."""
        settings = self._settings
        self._connection = connection = Connection(
            settings,
            client_id=self._client_id,
            session_expiry=self._session_expiry,
            will=self._next_will(),
            on_accepted=self._when_accepted,
            on_message=self._when_received,
        )
        try:
            connection.open()
        except Exception as error:  # noqa: BLE001 - names, TLS, files: whatever it is, a gate must never give up
            return self._not_reached(str(getattr(error, "strerror", None) or error))
        if self._stopping.is_set():
            connection.leave()
        connection.serve()
        if not self._accepted:
            return not self._stopping.is_set() and self._not_reached(connection.fault)
        self._accepted = False
        _guarded(self._on_disconnect)
        return time.monotonic() - self._accepted_at >= STEADY_SECONDS

    def _not_reached(self, why: str) -> bool:
        self.fault = why
        _log.warning("broker not reached host=%s port=%d: %s", self._settings.host, self._settings.port, why)
        return False

    def _next_will(self) -> Will | None:
        if self._will is None:
            return None
        return self._will(self.session + 1) if callable(self._will) else Will(*self._will)

    def _when_accepted(self) -> None:
        with self._lock:
            # In this order: nothing is sent under the old number, and nothing before its answers can reach us.
            self.session += 1
            if self._connection is not None:
                self._connection.subscribe(self._filters)
            self._accepted_at = time.monotonic()
            self._accepted = True
            self.fault = ""
        _log.info("broker connected host=%s port=%d session=%d", self._settings.host, self._settings.port, self.session)
        if self._on_connect is not None:
            _guarded(partial(self._on_connect, self.session))

    def _when_received(self, message: Message) -> None:
        _guarded(partial(self._on_message, message))


def _guarded(callback: Callable[[], None] | None) -> None:
    if callback is None:
        return
    try:
        callback()
    except Exception:  # noqa: BLE001 - the link outlives its users' faults
        _log.exception("a callback of the MQTT link failed")
