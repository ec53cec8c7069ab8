"""One session with an OSDP device: its sequence numbers and, with a key, its secure channel. Pure.

A session begins with sequence 0 and, with a key, with the handshake (SCS_11 to SCS_14); before that is done nothing else is
said, so that a device never answers with a card in the clear. One command is under way until its answer has come.
"""

from collections.abc import Callable

import attrs

from wire.found import Fault
from wire.line_driver import Wanted
from wire.osdp.frames import Packet
from wire.osdp.messages import Capability, Command, Nak, Reply
from wire.osdp.secure import CRYPTOGRAM_BYTES, DEFAULT_KEY, RANDOM_BYTES, Channel, SessionKeys, same

PLAIN_ONLY = "it answers only without encryption although a key is set: nothing that it says is believed"
OTHER_KEY = "it has another key than the one in the key file: nothing that it says is believed"
DEFAULT_KEY_USED = "it uses the default key, which anybody has: give it its own in install mode"
_CCRYPT_BYTES = 32
_ID_BYTES = 8
_OWN_KEY, _DEFAULT_KEY = 1, 0
_ACCEPTED = 1
_LOST = frozenset({Nak.SEQUENCE, Nak.NO_SECURITY, Nak.NEEDS_SECURITY})


@attrs.frozen
class Bad:
    """Something wrong, for the counters."""

    fault: Fault
    detail: str


@attrs.frozen
class Refused:
    """Why nothing that the device says can be believed: a sentence for staff."""

    text: str


@attrs.frozen
class Lost:
    """The device says that it knows nothing of this session."""

    nak: Nak


@attrs.frozen
class Order:
    """One command with its data. `wanted`: the action that ends with it, which is told once."""

    command: Command
    data: bytes = attrs.field(default=b"", repr=False)
    until_ns: int | None = None
    """It is not said, nor said again, from then on."""
    wanted: Wanted | None = None
    needs: Capability | None = None

    def end(self, sentence: str) -> None:
        """Tell whoever wanted it: "" when it is done."""
        if self.wanted is not None:
            self.wanted.done(sentence)


class Session:
    """One session from its first command on. What is wrong with an answer changes nothing: the right one may still come."""

    def __init__(self, address: int, key: bytes | None, random: Callable[[int], bytes], *, crc: bool) -> None:
        self._address, self._key, self._crc = address, key, crc
        self._panel_random = random(RANDOM_BYTES) if key else b""
        self._keys = SessionKeys.derive(key, self._panel_random) if key else None
        self._cryptogram = b""
        self._channel: Channel | None = None
        self._sequence = 0
        self.under_way: tuple[Order, bytes] | None = None
        self.has_polled = False

    @property
    def is_ready(self) -> bool:
        """Whether commands other than the handshake's can be said."""
        return self._key is None or self._channel is not None

    @property
    def is_new(self) -> bool:
        """Whether the device has answered nothing yet in it."""
        return self._sequence == 0

    @property
    def uses_default_key(self) -> bool:
        """Whether it is one of install mode."""
        return self._key == DEFAULT_KEY

    def say(self, order: Order | None) -> None:
        """Put the next command under way: the handshake's, as long as the session is not ready, or `order`."""
        if not self.is_ready:
            order = self._handshake()
        if order is None:
            raise ValueError("a session that is ready has no command of its own")
        block = self._handshake_block(order.command)
        packet = Packet(self._address, False, self._sequence, order.command, order.data, self._crc, block)  # noqa: FBT003
        if self._channel is not None:
            packet = self._channel.seal(packet)
        self.under_way = (order, packet.encode())
        self.has_polled = self.has_polled or order.command is Command.POLL

    def answer(self, packet: Packet) -> Packet | Bad | Refused | Lost:
        """Return the answer to the command under way, readable; or what is wrong with it.

        A BUSY is an answer that leaves the command under way, and so is a NAK that says its check bytes did not fit.
        """
        if self.under_way is None:
            return Bad(Fault.SEQUENCE, "an answer to nothing")
        if packet.code == Reply.BUSY and packet.block is None:
            return packet
        if packet.code == Reply.NAK and not packet.has_mac:
            return self._plain_nak(packet)
        if packet.sequence != self._sequence:
            return Bad(Fault.SEQUENCE, f"an answer with sequence {packet.sequence} instead of {self._sequence}")
        found = self._readable(packet)
        if isinstance(found, Packet) and not (found.code == Reply.NAK and found.data[:1] == bytes([Nak.CHECK])):
            self.under_way = None
            self._sequence = self._sequence % 3 + 1
        return found

    def _readable(self, packet: Packet) -> Packet | Bad | Refused | Lost:
        if self._key is None:
            return packet if packet.block is None else Bad(Fault.FORGED, "an encrypted answer in a plain session")
        if self._channel is None:
            return self._shake(packet)
        opened = self._channel.open(packet)
        if opened is not None:
            return opened
        command = self.under_way[0].command if self.under_way else None
        if command is Command.KEYSET and packet.code == Reply.ACK and packet.block is None:
            return packet  # it has changed to the new key already
        missing = "without" if not packet.has_mac else "with a wrong"
        return Bad(Fault.FORGED, f"an answer {missing} authentication code")

    def _plain_nak(self, packet: Packet) -> Packet | Bad | Refused | Lost:
        code = packet.data[0] if packet.data else 0
        if code in _LOST and not self._is_shaking:
            return Lost(Nak(code))
        if self._is_shaking and code != Nak.CHECK:
            # In the second step it has shown that it has the key: it was asked twice, and means its other random number.
            if self._cryptogram or code in (Nak.SEQUENCE, Nak.NEEDS_SECURITY):
                return Lost(Nak(code) if code in set(Nak) else Nak.NEEDS_SECURITY)
            return Refused(PLAIN_ONLY)
        if self._channel is not None and code != Nak.CHECK:
            return Bad(Fault.FORGED, "a refusal without authentication code")
        if code != Nak.CHECK:
            if packet.sequence != self._sequence:
                return Bad(Fault.SEQUENCE, f"a refusal with sequence {packet.sequence} instead of {self._sequence}")
            self.under_way = None
            self._sequence = self._sequence % 3 + 1
        return packet

    # ---- the handshake -----------------------------------------------------------------------------------------------

    @property
    def _is_shaking(self) -> bool:
        return self._key is not None and self._channel is None

    def _handshake(self) -> Order:
        if not self._cryptogram:
            return Order(Command.CHLNG, self._panel_random)
        return Order(Command.SCRYPT, self._cryptogram)

    def _handshake_block(self, command: Command) -> bytes | None:
        kinds = {Command.CHLNG: 0x11, Command.SCRYPT: 0x13}
        if command not in kinds:
            return None
        return bytes([kinds[command], _DEFAULT_KEY if self.uses_default_key else _OWN_KEY])

    def _shake(self, packet: Packet) -> Packet | Bad | Refused | Lost:
        if packet.block is None:
            return Refused(PLAIN_ONLY)
        if packet.code == Reply.CCRYPT and packet.block[0] == 0x12 and not self._cryptogram:  # noqa: PLR2004
            return self._meet(packet, packet.block)
        if packet.code == Reply.RMAC_I and packet.block[0] == 0x14 and self._cryptogram:  # noqa: PLR2004
            return self._begin(packet, packet.block)
        return Bad(Fault.SEQUENCE, "not the next step of the handshake")

    def _meet(self, packet: Packet, block: bytes) -> Packet | Bad | Refused:
        if self._keys is None or len(packet.data) != _CCRYPT_BYTES:
            return Bad(Fault.NOT_MATCHING, f"a challenge answered with {len(packet.data)} bytes")
        if block[1:2] == bytes([_DEFAULT_KEY]) and not self.uses_default_key:
            return Refused(DEFAULT_KEY_USED)
        device_random = packet.data[_ID_BYTES : _ID_BYTES + RANDOM_BYTES]
        expected = self._keys.device_cryptogram(self._panel_random, device_random)
        if not same(expected, packet.data[-CRYPTOGRAM_BYTES:]):
            return Refused(OTHER_KEY)
        self._cryptogram = self._keys.panel_cryptogram(self._panel_random, device_random)
        return packet

    def _begin(self, packet: Packet, block: bytes) -> Packet | Refused | Lost:
        if self._keys is None or block[1:2] != bytes([_ACCEPTED]):
            return Lost(Nak.NEEDS_SECURITY)
        if not same(self._keys.first_mac(self._cryptogram), packet.data):
            return Refused(OTHER_KEY)
        self._channel = Channel(self._keys, received=packet.data)
        return packet
