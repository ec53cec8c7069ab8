"""One connection to the broker, from CONNECT to its end, over paho: the only module that imports it.

A connection is used once. paho sends its whole memory again on a reconnect, late commands included and without regard
to its window, so its memory must not outlive a connection. Reconnecting, and what is remembered, is in `mqtt`.
"""

import logging
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode

from messages.access_list import MAX_BYTES
from runtime.broker_settings import BrokerSettings
from runtime.errors import RuntimeFault
from runtime.mqtt_tls import TlsFault, context_of, tls_sentence
from runtime.published import NO_SUBSCRIBERS, Published, PublishLedger
from runtime.secret_file import read_secret

_log = logging.getLogger(__name__)
MAX_IN_FLIGHT = 20
"""More makes paho slower, not faster: each answer scans all that are under way."""
MAX_WAITING = 2000
"""Messages that paho may hold while connected (a burst of maps); it forgets them with the connection."""
KEEP_ALIVE_SECONDS = 15
"""A cut cable is noticed, and the will sent, within one and a half of these."""
CONNECT_TIMEOUT_SECONDS = 5.0
_WRITE_TURN_SECONDS = 0.05
"""How long a thread waits for another that writes."""
_MAX_PACKET_BYTES = MAX_BYTES + 8 * 1024
_MAX_USER_PROPERTIES = 16
_NO_SUBSCRIBERS_CODE = 16
_EXPIRY, _PAIR = 0x02, 0x26
"""Identifiers of the properties Message Expiry Interval and User Property (MQTT 5, 2.2.2.2)."""
_LEAVE_WITH_WILL_CODE = 4
_REFUSED_SIGN_IN = (134, 135)


class LinkDown(RuntimeFault):
    """The broker cannot be reached now. Nothing was sent and nothing is kept."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came: `properties` are its MQTT 5 user properties; a `retained` one may be old."""

    topic: str
    payload: bytes
    properties: dict[str, str] = field(default_factory=dict)
    retained: bool = False


class Will(NamedTuple):
    """What the broker publishes, retained, when it loses us or when we leave."""

    topic: str
    payload: bytes
    properties: dict[str, str]


class _Paho(paho.Client):
    """Run without a thread of its own, so that whoever publishes also writes: no other thread has to be woken for it.

    One thread writes at a time, and none while the loop reads (an encrypted socket allows no more). What the socket does
    not take at once follows with the loop's next turn: at the broker's next word, after a second at most.
    """

    def __init__(self, client_id: str) -> None:
        self._wire = threading.Lock()
        self.fault: OSError | None = None
        """What the last read ended with: paho keeps it to itself, and a broker refuses our certificate only there."""
        super().__init__(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5, reconnect_on_failure=False)

    def loop_write(self) -> MQTTErrorCode:
        # Whoever waits here may hold a lock that the present writer needs, so it gives up: the loop writes the rest.
        if not self._wire.acquire(timeout=_WRITE_TURN_SECONDS):
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        try:
            return super().loop_write()
        finally:
            self._wire.release()

    def _sock_recv(self, bufsize: int) -> bytes:
        with self._wire:
            try:
                return super()._sock_recv(bufsize)
            except BlockingIOError:
                raise
            except OSError as error:
                self.fault = error
                raise


class PublishProperties(Properties):
    """What goes with a message, ready for the wire: paho's own takes as long to fill and write as all the rest of a message."""

    packed: bytes

    def __init__(self, pairs: Mapping[str, str], expiry: timedelta | None) -> None:
        lasts = b"" if expiry is None else struct.pack("!BL", _EXPIRY, max(1, int(expiry.total_seconds())))
        packed = lasts + b"".join(b"%c%b%b" % (_PAIR, _text(name), _text(value)) for name, value in pairs.items())
        object.__setattr__(self, "packed", VariableByteIntegers.encode(len(packed)) + packed)  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        """Return the bytes, their length first."""
        return self.packed


def _text(text: str) -> bytes:
    content = text.encode()
    return struct.pack("!H", len(content)) + content


class Connection:
    """`on_accepted` and `on_message` are called on the thread of `serve` and must not raise."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        client_id: str,
        session_expiry: timedelta,
        will: Will | None,
        on_accepted: Callable[[], None],
        on_message: Callable[[Message], None],
    ) -> None:
        self._settings = settings
        self._session_expiry = session_expiry
        self._has_will = will is not None
        self._on_accepted = on_accepted
        self._on_message = on_message
        self.fault = ""
        """Why the broker never accepted us, once `serve` has ended without that."""
        self._ledger = PublishLedger(self._refused)
        self._refusals: set[str] = set()
        self._client = _Paho(client_id)
        self._client.connect_timeout = CONNECT_TIMEOUT_SECONDS
        self._client.max_inflight_messages_set(MAX_IN_FLIGHT)
        self._client.max_queued_messages_set(MAX_WAITING)
        if will is not None:
            properties = _user_properties(PacketTypes.WILLMESSAGE, will.properties)
            self._client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._received
        self._client.on_publish = self._published
        self._client.on_subscribe = self._subscribed
        self._client.on_socket_open = _without_delay
        self._client.on_socket_close = _end_waiting

    def open(self) -> None:
        """Reach the broker; OSError, ValueError, TlsFault or SecretFileError when it cannot be."""
        settings, client = self._settings, self._client
        if settings.password_file is not None:
            client.username_pw_set(settings.username, read_secret(settings.password_file).decode().rstrip("\r\n"))
        if (context := context_of(settings)) is not None:
            client.tls_set_context(context)
        properties = _user_properties(PacketTypes.CONNECT, {})
        properties.SessionExpiryInterval = int(self._session_expiry.total_seconds())
        properties.MaximumPacketSize = _MAX_PACKET_BYTES
        try:
            client.connect(
                settings.host,
                settings.port,
                keepalive=KEEP_ALIVE_SECONDS,
                # mosquitto never writes a session to disk that was first opened with clean start.
                clean_start=not self._session_expiry,
                properties=properties,
            )
        except OSError as error:
            if isinstance(error, ssl.SSLError | ConnectionResetError) and (said := tls_sentence(error, settings)):
                raise TlsFault(said) from error
            raise

    def serve(self) -> None:
        """Receive until the connection is gone; what was not answered is then settled as lost."""
        try:
            self._client.loop_forever()
        except Exception:  # noqa: BLE001 - whatever paho stumbles over, the link makes a new connection
            _log.exception("the MQTT client failed on what the broker sent: a new connection is made")
        finally:
            self._ledger.close()

    def leave(self) -> None:
        """Ask the broker to let us go and to publish the will."""
        code = ReasonCode(PacketTypes.DISCONNECT, identifier=_LEAVE_WITH_WILL_CODE if self._has_will else 0)
        self._client.disconnect(reasoncode=code)

    def subscribe(self, filters: Mapping[str, int]) -> None:
        """Subscribe to filters with their QoS."""
        if filters:
            self._client.subscribe(list(filters.items()))

    def publish(
        self,
        topic: str,
        payload: bytes,
        published: Published,
        *,
        qos: int,
        retain: bool,
        properties: Mapping[str, str],
        expiry: timedelta | None,
    ) -> None:
        """Send a message; `published` is settled by the broker's answer, LinkDown when it cannot be sent."""
        info = self._client.publish(topic, payload, qos, retain, PublishProperties(properties, expiry))
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise LinkDown(f"the broker has left {MAX_WAITING} messages unanswered")
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkDown(f"the broker {self._settings.host}:{self._settings.port} was just lost")
        self._ledger.sent(info.mid, published)

    def _connected(self, _client: Any, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if not code.is_failure:
            self._on_accepted()
            return
        advice = (
            "check its password file and the broker's accounts" if code.value in _REFUSED_SIGN_IN else "see its log"
        )
        self.fault = f"the broker refuses account {self._settings.username} ({code}): {advice}"

    def _disconnected(self, _client: Any, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        said = tls_sentence(self._client.fault, self._settings) if self._client.fault is not None else None
        if said is None and self._settings.tls_ca is None:
            said = "the broker hung up before it answered: if this is its TLS port, name its authority in tls_ca"
        self.fault = self.fault or said or f"the broker hung up before it answered ({code}): see its log"
        _log.info("broker left host=%s port=%d reason=%s", self._settings.host, self._settings.port, code)

    def _received(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("a message whose topic is not UTF-8 was dropped")
            return
        if len(message.payload) > MAX_BYTES:
            _log.warning("a message was dropped topic=%s bytes=%d limit=%d", topic, len(message.payload), MAX_BYTES)
            return
        pairs = getattr(message.properties, "UserProperty", [])[:_MAX_USER_PROPERTIES]
        self._on_message(Message(topic, bytes(message.payload), dict(pairs), message.retain))

    def _published(self, _client: Any, _userdata: Any, number: int, code: ReasonCode, _properties: Any) -> None:
        if code.value == 0:
            self._ledger.answered(number, None)
        elif code.value == _NO_SUBSCRIBERS_CODE:
            self._ledger.answered(number, NO_SUBSCRIBERS)
        else:
            self._ledger.answered(number, str(code).lower())

    def _refused(self, reason: str) -> None:
        if reason not in self._refusals:
            self._refusals.add(reason)
            account = self._settings.username
            _log.error("the broker refuses what account %s publishes (%s): correct its rights (ACL)", account, reason)

    def _subscribed(
        self, _client: Any, _userdata: Any, _number: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        for code in codes:
            if code.is_failure:
                _log.error(
                    "the broker refuses account %s a subscription (%s): correct its rights (ACL)",
                    self._settings.username,
                    code,
                )


def _without_delay(_client: Any, _userdata: Any, channel: Any) -> None:
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _end_waiting(_client: Any, _userdata: Any, channel: Any) -> None:
    """Let the loop see that another thread closes the socket that it waits for."""
    with suppress(OSError):
        channel.shutdown(socket.SHUT_RDWR)


def _user_properties(packet: int, pairs: Mapping[str, str]) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]  # paho left it so
    for pair in pairs.items():
        properties.UserProperty = pair
    return properties
