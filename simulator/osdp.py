"""An OSDP reader that is not there: the device's side of the protocol, as SIA OSDP 2.2 wants it. Pure: bytes in, bytes out.

It keeps its cards until a poll fetches them, answers a command that comes again with the very same bytes, and with a key
says nothing in the clear but the handshake.
"""

from collections import deque
from collections.abc import Callable

import attrs

from messages.access import Credential, CredentialKind
from wire.cards import CardFormat, written
from wire.found import Frame
from wire.osdp.frames import BROADCAST, Packet, PacketFinder, packet_of
from wire.osdp.messages import Command, Nak, Reply
from wire.osdp.secure import CRYPTOGRAM_BYTES, DEFAULT_KEY, KEY_BYTES, RANDOM_BYTES, Channel, SessionKeys, same

MOST_CARDS = 1000
IDENTITY = bytes.fromhex("5EA7E0 01 02 07060504 010203")
CAPABILITIES = bytes.fromhex("01 01 04 02 01 02 03 01 00 04 01 01 05 01 01 08 01 00 09 01 01 10 02 00")
_DEVICE_ID = bytes.fromhex("5EA7E00102070605")
_RAW_WIEGAND = 1
_BITS = 34


@attrs.frozen
class Done:
    """What the panel had the reader do."""

    command: Command
    data: bytes


class OsdpDevice:
    """One reader on a line. `key`: its own, None for one without encryption; `installs`: takes the default key as well."""

    def __init__(
        self, address: int, key: bytes | None, random: Callable[[int], bytes], *, installs: bool = False
    ) -> None:
        self.address, self.key, self.installs = address, key, installs
        self._random = random
        self._finder = PacketFinder()
        self._events: deque[tuple[Reply, bytes]] = deque()
        self.done: list[Done] = []
        self.inputs = bytes(4)
        self.local = bytes(2)
        self.repeats = 0
        self.power_on()

    def power_on(self) -> None:
        """Forget every session, as after a power cut; cards that wait are kept."""
        self._sequence = -1
        self._last: tuple[bytes, bytes] = (b"", b"")
        self._channel: Channel | None = None
        self._keys: SessionKeys | None = None
        self._randoms = (b"", b"")
        self._uses_default = False

    @property
    def waiting(self) -> int:
        """How many events no poll has fetched."""
        return len(self._events)

    def swipe(self, credential: Credential) -> None:
        """Hold a card against it (34 bits of Wiegand); ValueError when it is no card, or when too many wait."""
        if credential.kind is not CredentialKind.CARD:
            raise ValueError("an OSDP reader knows cards only")
        size = -(-_BITS // 8)
        bits = int(written(CardFormat.WIEGAND_34, credential.value, size), 16) << (8 * size - _BITS)
        self._keep(Reply.RAW, bytes([0, _RAW_WIEGAND]) + _BITS.to_bytes(2, "little") + bits.to_bytes(size, "big"))

    def contact(self, number: int, *, closed: bool) -> None:
        """Close or open one of its input contacts."""
        states = bytearray(self.inputs)
        states[number] = closed
        self.inputs = bytes(states)
        self._keep(Reply.ISTATR, self.inputs)

    def case(self, *, opened: bool) -> None:
        """Open or close its case."""
        self.local = bytes([opened, self.local[1]])
        self._keep(Reply.LSTATR, self.local)

    def _keep(self, reply: Reply, data: bytes) -> None:
        if len(self._events) >= MOST_CARDS:
            raise ValueError(f"{MOST_CARDS} events wait to be fetched: does a gate ask for them?")
        self._events.append((reply, data))

    def hear(self, content: bytes) -> bytes:
        """Take what came over the line; return the answer, b"" for nothing."""
        answer = b""
        for found in self._finder.feed(content):
            if isinstance(found, Frame):
                packet = packet_of(found.raw)
                if not packet.is_reply and packet.address in (self.address, BROADCAST):
                    answer = self._answer(packet, found.raw)
        return answer

    def _answer(self, packet: Packet, raw: bytes) -> bytes:
        if packet.sequence and raw == self._last[0]:
            self.repeats += 1
            return self._last[1]
        if packet.sequence == 0:
            self._channel = self._keys = None
        elif packet.sequence != self._sequence % 3 + 1 or self._sequence < 0:
            return self._plain(packet, Reply.NAK, bytes([Nak.SEQUENCE])).encode()
        opened = packet
        if self._channel is not None:
            found = self._channel.open(packet)
            if found is None:
                self._channel = None
                return self._needs_security(packet)
            opened = found
        elif packet.has_mac:
            return self._needs_security(packet)
        answer = self._reply(opened).encode()
        self._sequence, self._last = packet.sequence, (raw, answer)
        return answer

    def _needs_security(self, packet: Packet) -> bytes:
        self._sequence = packet.sequence
        return self._plain(packet, Reply.NAK, bytes([Nak.NEEDS_SECURITY])).encode()

    def _plain(self, to: Packet, reply: Reply, data: bytes = b"", block: bytes | None = None) -> Packet:
        return Packet(to.address, True, to.sequence, reply, data, to.crc, block)  # noqa: FBT003

    def _reply(self, packet: Packet) -> Packet:
        if packet.code == Command.CHLNG:
            return self._challenged(packet)
        if packet.code == Command.SCRYPT:
            return self._accepted(packet)
        if self._channel is None and self.key is not None:
            return self._plain(packet, Reply.NAK, bytes([Nak.NEEDS_SECURITY]))
        sealing = self._channel
        reply, data = self._obey(packet)
        answer = self._plain(packet, reply, data)
        return sealing.seal(answer) if sealing is not None else answer

    def _obey(self, packet: Packet) -> tuple[Reply, bytes]:
        match packet.code:
            case Command.POLL:
                return self._events.popleft() if self._events else (Reply.ACK, b"")
            case Command.ID:
                return Reply.PDID, IDENTITY
            case Command.CAP:
                return Reply.PDCAP, CAPABILITIES
            case Command.LSTAT:
                return Reply.LSTATR, self.local
            case Command.ISTAT:
                return Reply.ISTATR, self.inputs
            case Command.OUT | Command.LED | Command.BUZ:
                self.done.append(Done(Command(packet.code), packet.data))
                return Reply.ACK, b""
            case Command.KEYSET if self._channel is not None and packet.data[:2] == bytes([1, KEY_BYTES]):
                self.key = packet.data[2 : 2 + KEY_BYTES]
                self.installs = False
                return Reply.ACK, b""
            case _:
                return Reply.NAK, bytes([Nak.UNKNOWN])

    # ---- the handshake -----------------------------------------------------------------------------------------------

    def _challenged(self, packet: Packet) -> Packet:
        asks_default = packet.block is not None and packet.block[1:2] == b"\x00"
        key = DEFAULT_KEY if asks_default and self.installs else self.key
        if packet.block is None or key is None or len(packet.data) != RANDOM_BYTES:
            return self._plain(packet, Reply.NAK, bytes([Nak.NO_SECURITY if key is None else Nak.UNKNOWN]))
        own = self._random(RANDOM_BYTES)
        self._keys, self._randoms = SessionKeys.derive(key, packet.data), (packet.data, own)
        data = _DEVICE_ID + own + self._keys.device_cryptogram(packet.data, own)
        return self._plain(packet, Reply.CCRYPT, data, bytes([0x12, 0 if key == DEFAULT_KEY else 1]))

    def _accepted(self, packet: Packet) -> Packet:
        keys = self._keys
        if keys is None or len(packet.data) != CRYPTOGRAM_BYTES:
            return self._plain(packet, Reply.NAK, bytes([Nak.NEEDS_SECURITY]))
        if not same(keys.panel_cryptogram(*self._randoms), packet.data):
            return self._plain(packet, Reply.NAK, bytes([Nak.NO_SECURITY]))
        first = keys.first_mac(packet.data)
        self._channel = Channel(keys, sent=first)
        return self._plain(packet, Reply.RMAC_I, first, bytes([0x14, 1]))
