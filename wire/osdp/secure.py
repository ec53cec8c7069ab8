"""OSDP's secure channel (SIA OSDP 2.2, annex D): keys of a session, cryptograms, the chain of MACs, data. Pure.

AES-128 throughout. Each MAC begins where the other side's last one ended, so nothing can be left out, repeated or put in.
Both ends are here: the panel's is the product, the device's is for the simulator.
"""

import hmac

import attrs
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from wire.osdp.frames import MAC_BYTES, Packet

KEY_BYTES = 16
RANDOM_BYTES = 8
CRYPTOGRAM_BYTES = 16
DEFAULT_KEY = bytes(range(0x30, 0x40))
"""SCBK-D, printed in the standard: whoever can read has it."""
_BLOCK = 16
_PADDING = 0x80


def _run(context: CipherContext, content: bytes) -> bytes:
    return context.update(content) + context.finalize()


def _encrypt(key: bytes, content: bytes) -> bytes:
    """Encrypt whole blocks, each by itself."""
    return _run(Cipher(AES(key), ECB()).encryptor(), content)  # noqa: S305 - the standard's own construction, on single blocks


def _chain(key: bytes, start: bytes, content: bytes) -> bytes:
    return _run(Cipher(AES(key), CBC(start)).encryptor(), content)


def _padded(content: bytes) -> bytes:
    """Fill up the last block, where it is not full."""
    return content if len(content) % _BLOCK == 0 else _marked(content)


def _marked(content: bytes) -> bytes:
    return content + bytes([_PADDING]) + bytes(-(len(content) + 1) % _BLOCK)


def _inverse(block: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in block)


@attrs.frozen(repr=False)
class SessionKeys:
    """The three keys that follow from a device's key and the panel's random number."""

    encryption: bytes
    mac_1: bytes
    mac_2: bytes

    @classmethod
    def derive(cls, key: bytes, panel_random: bytes) -> "SessionKeys":
        """Return a session's keys. `key`: 16 bytes, the device's own; `panel_random`: 8 bytes, of which 6 count."""
        seeds = (bytes([1, kind]) + panel_random[:6] + bytes(8) for kind in (0x82, 0x01, 0x02))
        return cls(*(_encrypt(key, seed) for seed in seeds))

    def device_cryptogram(self, panel_random: bytes, device_random: bytes) -> bytes:
        """Return what only a device with the key can answer."""
        return _encrypt(self.encryption, panel_random + device_random)

    def panel_cryptogram(self, panel_random: bytes, device_random: bytes) -> bytes:
        """Return what only a panel with the key can answer."""
        return _encrypt(self.encryption, device_random + panel_random)

    def first_mac(self, panel_cryptogram: bytes) -> bytes:
        """Return the MAC that the chain begins with, said by the device."""
        return _encrypt(self.mac_2, _encrypt(self.mac_1, panel_cryptogram))

    def mac(self, before: bytes, content: bytes) -> bytes:
        """Return the whole MAC (16 bytes) of content; `before`: the other side's last one."""
        padded = _padded(content)
        head, last = padded[:-_BLOCK], padded[-_BLOCK:]
        start = _chain(self.mac_1, before, head)[-_BLOCK:] if head else before
        return _chain(self.mac_2, start, last)


def same(one: bytes, other: bytes) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(one, other)


class Channel:
    """One session, of either end. What is sealed must be sent, in order; what does not open changes nothing."""

    def __init__(self, keys: SessionKeys, *, sent: bytes = bytes(_BLOCK), received: bytes = bytes(_BLOCK)) -> None:
        """`received`: of the panel, the first MAC; `sent`: of the device, the same."""
        self._keys = keys
        self._sent, self._received = sent, received

    def seal(self, packet: Packet) -> Packet:
        """Return a packet encrypted and with its MAC; its block is set here: with data and without are other types."""
        kind = (0x18 if packet.data else 0x16) if packet.is_reply else (0x17 if packet.data else 0x15)
        data = _chain(self._keys.encryption, _inverse(self._received), _marked(packet.data)) if packet.data else b""
        sealed = attrs.evolve(packet, block=bytes([kind]), data=data)
        self._sent = self._keys.mac(self._received, sealed.signed)
        return attrs.evolve(sealed, mac=self._sent[:MAC_BYTES])

    def open(self, packet: Packet) -> Packet | None:
        """Return a packet with its data readable; None when its MAC is not the next one of this session's chain."""
        if packet.block is None or not packet.has_mac:
            return None
        expected = self._keys.mac(self._sent, packet.signed)
        if not same(expected[:MAC_BYTES], packet.mac):
            return None
        data = packet.data
        if packet.block[0] in (0x17, 0x18) and data:
            if len(data) % _BLOCK:
                return None
            cipher = Cipher(AES(self._keys.encryption), CBC(_inverse(self._sent)))
            data = _unmarked(_run(cipher.decryptor(), data))
        self._received = expected
        return attrs.evolve(packet, data=data)


def _unmarked(content: bytes) -> bytes:
    """Take the filling away; some devices leave it out where the data fill the last block."""
    stripped = content.rstrip(b"\x00")
    return stripped[:-1] if stripped[-1:] == bytes([_PADDING]) else content
