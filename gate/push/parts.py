"""The body of a terminal's request → the bytes of its event, in whatever pieces it comes. Pure.

Of a multipart body only the event's part is kept; every other one (the picture) is dropped as it comes, never joined,
never counted into anything that is stored. The multipart grammar is python-multipart's.
"""

import attrs
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

EVENT_BYTES = 64 * 1024
"""The longest event that is taken; real ones have about 1 KiB."""
MOST_PARTS = 16
EVENT_NAMES = frozenset({"event_log", "AccessControllerEvent"})
"""What terminals call the part with the event, where they do not say that it is JSON."""
JSON = "application/json"


@attrs.frozen
class BadBody:
    """A body that is not of a form that can be taken. `status` is the HTTP answer; the sentence holds nothing of the body."""

    status: int
    sentence: str


class _BadError(Exception):
    """Ends the reading of a body, from inside the parser's callbacks."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.bad = BadBody(status, sentence)


class EventBody:
    """Takes a body piece by piece. One request each."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        self._event = bytearray()
        self._parser: MultipartParser | None = None
        self._bad: BadBody | None = None
        self._taking, self._found, self._whole = True, False, False
        self._parts, self._header, self._value = 0, b"", b""
        self._headers: dict[str, bytes] = {}
        match kind.decode("latin-1").strip().lower():
            case "application/json":
                self._whole = True
            case "multipart/form-data" if options.get(b"boundary"):
                self._taking = False
                self._begin(options[b"boundary"])
            case _:
                self._bad = BadBody(415, "neither JSON nor multipart/form-data with a boundary")

    def _begin(self, boundary: bytes) -> None:
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            self._bad = BadBody(400, "the boundary of the parts is too long")

    def feed(self, piece: bytes) -> None:
        """Take the next piece. Of a body that has turned out to be none nothing more is looked at."""
        if self._bad is not None:
            return
        try:
            if self._parser is None:
                self._keep(piece)
            else:
                self._parser.write(piece)
        except _BadError as error:
            self._bad = error.bad
        except FormParserError:
            self._bad = BadBody(400, "the parts of the body are not well formed")

    def finish(self) -> bytes | BadBody:
        """Return the event's bytes, or why there are none."""
        if self._bad is None and not self._whole:
            return BadBody(400, "the body was cut off")
        if self._bad is None and not self._event:
            return BadBody(400, "the body holds no event")
        return self._bad or bytes(self._event)

    def _keep(self, piece: bytes) -> None:
        if len(self._event) + len(piece) > EVENT_BYTES:
            raise _BadError(413, f"an event of more than {EVENT_BYTES} bytes")
        self._event += piece

    def _on_part(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _BadError(413, f"more than {MOST_PARTS} parts")
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.decode("latin-1").strip().lower()] = self._value
        self._header = self._value = b""

    def _on_headers(self) -> None:
        kind = parse_options_header(self._headers.get("content-type", b""))[0].decode("latin-1").lower()
        options = parse_options_header(self._headers.get("content-disposition", b""))[1]
        named = options.get(b"name", b"").decode("latin-1") in EVENT_NAMES and not kind
        self._taking = not self._found and (kind == JSON or named)
        self._found = self._found or self._taking

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._taking:
            self._keep(data[start:end])

    def _on_part_end(self) -> None:
        self._taking = False

    def _on_end(self) -> None:
        self._whole = True
