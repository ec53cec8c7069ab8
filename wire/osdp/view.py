"""What `seatgate frames --protocol osdp` shows of each packet. Pure. Encrypted data stay encrypted: it has no keys."""

from collections.abc import Sequence

from wire.found import BadFrame, Frame
from wire.osdp import messages
from wire.osdp.frames import Packet, PacketFinder, packet_of
from wire.osdp.messages import CardRule, Command, Reply

_SCRAMBLED = (0x17, 0x18)


class PacketView:
    """See `wire.line_driver.FrameView`."""

    def __init__(self) -> None:
        self._finder = PacketFinder()

    def feed(self, received: bytes) -> Sequence[tuple[str, bool]]:
        """See `FrameView.feed`."""
        return [_view(found) for found in self._finder.feed(received)]

    def finish(self) -> Sequence[tuple[str, bool]]:
        """See `FrameView.finish`."""
        return [_view(found) for found in self._finder.finish()]


def _view(found: Frame | BadFrame) -> tuple[str, bool]:
    lines = [found.raw.hex(" ").upper()]
    if isinstance(found, Frame):
        lines += _fields(packet_of(found.raw))
    if found.checked is not None:
        fits = "fits" if found.checked.found == found.checked.expected else "DOES NOT FIT"
        lines.append(f"  {'check':<10} found {found.checked.found}, expected {found.checked.expected}: {fits}")
    if isinstance(found, BadFrame):
        return "\n".join([*lines, f"  BAD        {found.fault}: {found.detail}"]), False
    return "\n".join([*lines, f"  good       {_meaning(packet_of(found.raw))}"]), True


def _fields(packet: Packet) -> list[str]:
    lines = [
        f"  {'address':<10} {packet.address} ({'reply' if packet.is_reply else 'command'})",
        f"  {'sequence':<10} {packet.sequence}",
        f"  {'code':<10} {packet.code:02X} {_name(packet)}",
    ]
    if packet.block is not None:
        lines.append(f"  {'security':<10} SCS_{packet.block[0]:02X} {packet.block[1:].hex().upper()}".rstrip())
    if packet.data:
        lines.append(f"  {'data':<10} {packet.data.hex(' ').upper()}")
    if packet.mac:
        lines.append(f"  {'MAC':<10} {packet.mac.hex(' ').upper()}")
    return lines


def _name(packet: Packet) -> str:
    kind: type[Command | Reply] = Reply if packet.is_reply else Command
    return kind(packet.code).name if packet.code in set(kind) else "not known here"


def _meaning(packet: Packet) -> str:
    if packet.block is not None and packet.block[0] in _SCRAMBLED:
        return "encrypted"
    try:
        match packet.code if packet.is_reply else 0:
            case Reply.RAW:
                return f"card {messages.raw_card(packet.data, CardRule()).value}"
            case Reply.FMT:
                return f"card {messages.text_card(packet.data, CardRule()).value}"
            case Reply.NAK:
                return f"refused: {messages.nak_text(packet.data)}"
            case Reply.PDID:
                return str(messages.identity(packet.data))
            case _:
                return _name(packet)
    except ValueError as error:
        return f"{_name(packet)}, but {error}"
