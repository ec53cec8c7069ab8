"""MQTT → inputs: area maps, whether booking is there, and signed commands. Called on the link's thread: only enqueues.

Everything from the broker is doubted: what does not decode is dropped with a line in the log; a command that is
unsigned, late or repeated is refused.
"""

import logging
from collections.abc import Callable

from kiosk.inputs import BookingChanged, Input, LinkChanged, MapArrived, PictureWanted
from messages import seats, topics
from messages.command import Screenshot
from messages.errors import MessageError
from messages.presence import PresenceState
from messages.topics import Family, Leaf
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.orders import Orders
from runtime.presence import read_presence

_log = logging.getLogger(__name__)


class Feed:
    """Turns one kiosk's messages into inputs. `server_key` is booking's public key from enrolment."""

    def __init__(self, site: str, kiosk: str, server_key: bytes, clock: Clock, put: Callable[[Input], None]) -> None:
        self.filters = (
            topics.every(site, Family.AREAS, Leaf.SEATS),
            topics.every(site, Family.BOOKING, Leaf.PRESENCE),
            topics.build(site, Family.KIOSKS, kiosk, Leaf.COMMAND),
        )
        self._command_topic = self.filters[2]
        self._server_key = server_key
        self._clock = clock
        self._put = put
        self._orders = Orders(server_key, clock)

    def on_link(self, *, up: bool) -> None:
        """Note that the broker came or went."""
        self._put(LinkChanged(up=up))

    def on_message(self, message: Message) -> None:
        """Take one message in."""
        try:
            topic = topics.parse(message.topic)
            match topic.family, topic.leaf:
                case Family.AREAS, Leaf.SEATS:
                    self._map(topic.name, message)
                case Family.BOOKING, Leaf.PRESENCE:
                    self._presence(message)
                case Family.KIOSKS, Leaf.COMMAND if message.topic == self._command_topic:
                    self._command(message)
                case _:
                    _log.warning("message on a topic of nobody here topic=%s", message.topic)
        except MessageError as error:
            _log.warning("message dropped topic=%.200s error=%s", message.topic, error)

    def _map(self, area: str, message: Message) -> None:
        if not message.payload:  # a retained map that somebody cleared
            return
        area_map = seats.decode(message.payload)
        if area_map.area != area:
            raise MessageError(f"the map of {area_map.area!r} came on the topic of {area!r}")
        self._put(MapArrived(area_map))

    def _presence(self, message: Message) -> None:
        if not message.payload:
            return
        presence = read_presence(message, self._server_key)
        if presence is not None:
            self._put(BookingChanged(up=presence.state is PresenceState.BIRTH))

    def _command(self, message: Message) -> None:
        order = self._orders.accept(message)
        if isinstance(order, Screenshot):
            self._put(PictureWanted(order.id))
        elif order is not None:
            _log.warning("command refused why=not-for-a-kiosk id=%s", order.id)
