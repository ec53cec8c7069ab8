"""The decoders that `bench.fuzz` feeds: each with good frames, what puts it in step, and how much it may hold."""

import json
import logging
from collections.abc import Callable, Sequence

from gate.push import told
from gate.push.parts import BadBody, EventBody
from messages.access import Credential, CredentialKind, Direction
from wire.families import protocol, shipped_names
from wire.found import Frame
from wire.frames import FrameDecoder, FrameFinder, encode
from wire.modbus.frames import MOST_NOISE, AnswerScanner, Bits, Function, Request, Written, crc
from wire.osdp.frames import MAX_BYTES, PacketFinder
from wire.reads import Read, fields_of, said_by
from wire.wedge import KEYS, Key, Scan, WedgeDecoder, WedgeSettings, read_of

logging.getLogger("python_multipart.multipart").setLevel(logging.CRITICAL)
_MS = 1_000_000


class FoundError(Exception):
    """A decoder did what it must not."""


class Decoder:
    """One decoder under test: `noise` bytes may say anything, a `good` one must be found."""

    starts: bytes = b""
    """Bytes that are worth more than others in noise."""

    def samples(self) -> list[bytes]:
        """Return good frames, to be spoiled and to be planted."""
        raise NotImplementedError

    def noise(self, content: bytes) -> None:
        """Feed anything; FoundError when memory grows."""
        raise NotImplementedError

    def good(self, sample: bytes) -> bool:
        """Feed one good frame, after what must put the decoder in step; say whether it was found."""
        raise NotImplementedError

    def at_once(self, sample: bytes) -> bool | None:  # noqa: ARG002 - the form of every decoder
        """Feed one good frame right behind noise and say whether it was found; None where there is always a step between."""
        return None


class Stream(Decoder):
    """A decoder that finds frames in a stream."""

    def __init__(
        self,
        make: Callable[[], FrameFinder],
        most: int,
        samples: Sequence[bytes],
        view: Callable[[Frame], object],
        in_step: bytes,
    ) -> None:
        self._make, self._most, self._samples, self._view, self._in_step = make, most, list(samples), view, in_step
        self._finder = make()
        self.starts = bytes({sample[0] for sample in samples})

    def samples(self) -> list[bytes]:
        return self._samples

    def _feed(self, content: bytes) -> list[bytes]:
        found = self._finder.feed(content)
        if self._finder.held > self._most:
            raise FoundError(f"holds {self._finder.held} bytes, more than {self._most}")
        frames = [each for each in found if isinstance(each, Frame)]
        for frame in frames:
            self._view(frame)
        return [frame.raw for frame in frames]

    def noise(self, content: bytes) -> None:
        self._feed(content)

    def good(self, sample: bytes) -> bool:
        # A false start may have claimed what comes: silence on the line (here bytes that begin nothing) ends its claim.
        self._feed(self._in_step)
        return self.at_once(sample)

    def at_once(self, sample: bytes) -> bool:
        # A false frame may hold this one, and a sum of one byte fits by chance once in 256.
        wanted = sample.rstrip(b"\r\n") if self._in_step.endswith(b"\n") else sample
        return wanted in self._feed(sample) + self._feed(self._in_step)


class Modbus(Decoder):
    """Answers to one question, each with a scanner of its own."""

    starts = bytes([1, 2, 5, 0x82, 0x85])
    _asked = (
        Request(1, Function.READ_INPUTS, 0, 8),
        Request(1, Function.WRITE_COIL, 0, 0xFF00),
        Request(17, Function.READ_COILS, 0, 37),
    )

    def __init__(self) -> None:
        self._last = b""

    def samples(self) -> list[bytes]:
        contents = ("010201AC", "01050000FF00", "110105CD6BB20E1B")
        return [content + crc(content) for content in map(bytes.fromhex, contents)]

    def noise(self, content: bytes) -> None:
        scanner = AnswerScanner(self._asked[len(content) % 3])
        for at in range(0, len(content), 97):
            scanner.feed(content[at : at + 97])
            if len(scanner.held) > MOST_NOISE:
                raise FoundError(f"holds {len(scanner.held)} bytes, more than {MOST_NOISE}")
        self._last = content[-200:]

    def good(self, sample: bytes) -> bool:
        asked = self._asked[self.samples().index(sample)]
        scanner = AnswerScanner(asked)
        if scanner.feed(self._last) is not None:  # noise that is an answer, its CRC and all, is one
            scanner = AnswerScanner(asked)
        return isinstance(scanner.feed(sample), Bits | Written)


class Wedge(Decoder):
    """Keys: three bytes of noise are a code, a value and a pause."""

    starts = bytes([28, 42, 54, 15])

    def __init__(self) -> None:
        self._settings = WedgeSettings()
        self._decoder, self._now = WedgeDecoder(self._settings), 0
        self._codes = {low: code for code, (low, _) in KEYS.items() if code < 71}

    def samples(self) -> list[bytes]:
        return [b"0006547886", b"0123456789012345"]

    def noise(self, content: bytes) -> None:
        keys = []
        for at in range(0, len(content) - 2, 3):
            code, value, pause = content[at : at + 3]
            self._now += pause % 128 * _MS
            keys.append(Key(code, value % 3, self._now))
        self._take(keys)

    def good(self, sample: bytes) -> bool:
        self._now += 1000 * _MS
        keys = [Key(shift, 0, self._now) for shift in (42, 54)]
        for code in [*(self._codes[char] for char in sample.decode()), 28]:
            self._now += _MS
            keys += [Key(code, 1, self._now), Key(code, 0, self._now)]
        return sample.decode() in self._take(keys)

    def _take(self, keys: list[Key]) -> list[str]:
        scans = [each for each in self._decoder.feed(keys) if isinstance(each, Scan)]
        if self._decoder.held > self._settings.max_length:
            raise FoundError(f"holds {self._decoder.held} characters")
        for scan in scans:
            read_of(self._settings, scan)
        return [scan.text for scan in scans]


class Push(Decoder):
    """Bodies of requests, multipart and JSON."""

    starts = b'\r\n-{}"'
    _form = "multipart/form-data; boundary=wall"

    def samples(self) -> list[bytes]:
        event = {
            "majorEventType": 5,
            "subEventType": 75,
            "serialNo": 7,
            "employeeNoString": "S202304125",
            "currentEvent": True,
        }
        notice = {
            "eventType": "AccessControllerEvent",
            "dateTime": "2023-07-17T16:38:00+08:00",
            "AccessControllerEvent": event,
        }
        self._event = json.dumps(notice).encode()
        picture = b'--wall\r\nContent-Disposition: form-data; name="Picture"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        head = b'--wall\r\nContent-Disposition: form-data; name="event_log"\r\nContent-Type: application/json\r\n\r\n'
        plain = head + self._event + b"\r\n"
        shot = picture + bytes(range(256)) * 8 + b"\r\n"
        return [plain + b"--wall--\r\n", plain + shot + b"--wall--\r\n", shot + plain + b"--wall--\r\n"]

    def noise(self, content: bytes) -> None:
        self._read(content, self._form)
        self._read(self.samples()[0][:60] + content, self._form)
        self._read(b"--wall\r\n" + content, self._form)
        self._read(content, "application/json")

    def good(self, sample: bytes) -> bool:
        return self._read(sample, self._form) == self._event

    def _read(self, content: bytes, kind: str) -> bytes | BadBody:
        body = EventBody(kind)
        for at in range(0, len(content), 61):
            body.feed(content[at : at + 61])
        found = body.finish()
        if isinstance(found, bytes):
            try:
                notice = told.notice_of(found)
                told.moment(notice.said_at, None)
                if notice.event is not None:
                    told.said_in(notice.event, told.Codes(), kept=False)
            except ValueError:
                pass
        return found


def described(name: str) -> Stream:
    """Return the decoder of a family that ships as a description."""
    family = protocol(name)
    samples = []
    for kind, value in ((CredentialKind.CARD, "0006547886"), (CredentialKind.FACE, "S202304125")):
        for way in (Direction.IN, Direction.OUT):
            try:
                samples.append(encode(family, fields_of(family, Read(Credential(kind, value), way))))
            except ValueError:
                continue
    for message in family.messages.values():
        if not message.bytes:
            try:
                samples.append(encode(family, message.when))
            except ValueError:
                continue
    shape = family.frame or family.line
    most = (shape.max if shape else 0) + 64
    in_step = b"\n" if family.line else _silence(samples, most)
    return Stream(lambda: FrameDecoder(family), most, samples, lambda frame: said_by(family, frame), in_step)


def _silence(samples: Sequence[bytes], most: int) -> bytes:
    """Return bytes of which none begins or goes on with a frame, enough to end any claim."""
    starts = {byte for sample in samples for byte in sample[:2]}
    return bytes([next(byte for byte in range(0xE0, 0x100) if byte not in starts)]) * most


def osdp() -> Stream:
    """Return the decoder of OSDP's packets."""
    samples = [
        bytes.fromhex(text)
        for text in (
            "530009000461 00C066",
            "537F0D0004 6E 00 80 25 00 00 6E38",
            "53000800006100 44",
            "5385100005 50 00 01 1A 00 01 30 B9 C0 A7 EC",
        )
    ]
    return Stream(PacketFinder, MAX_BYTES + 64, samples, lambda frame: frame, b"\x00" * (MAX_BYTES + 64))


DECODERS: dict[str, Callable[[], Decoder]] = {
    **{name: (lambda name=name: described(name)) for name in shipped_names()},  # type: ignore[misc]
    "osdp": osdp,
    "modbus-rtu": Modbus,
    "wedge": Wedge,
    "face-push": Push,
}
