"""Device-signed HTTP from a gate or kiosk to booking: enrolment, day keys, calls. The only module that imports requests.

An expected "no" of booking is BookingRefused with its code; whatever keeps us from an answer is BookingUnreachable.
What comes back is read up to a limit and checked: it comes over a network.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import requests

from messages import access_list
from messages.checkin import KEY_BYTES
from runtime.clock import Clock
from runtime.errors import RuntimeFault
from runtime.signing import PUBLIC_KEY_BYTES, SigningKey, from_text, kid_of, to_text

MAX_ANSWER_BYTES = 1024 * 1024
CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
_CHUNK = 64 * 1024
_FIRST_FAULT = 500
_FIRST_REFUSAL = 300
T = TypeVar("T")

DayKeys = dict[int, bytes]
"""UTC day number → that day's key of this kiosk (`messages.checkin.day_key`)."""


class BookingUnreachable(RuntimeFault):
    """No usable answer: booking is down, far away, faulty, or somebody else answers. Try again later."""


class BookingRefused(RuntimeFault):
    """Booking answered no. `code` is of its closed list of refusals, `detail` its sentence for people."""

    def __init__(self, code: str, detail: str, status: int) -> None:
        super().__init__(detail or f"booking refuses: {code}")
        self.code = code
        self.detail = detail
        self.status = status


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a device learns when it joins. `server_time` is booking's clock at that moment."""

    server_kid: str
    server_public_key: bytes
    kiosk_number: int | None
    day_keys: DayKeys
    server_time: datetime


class _EnrolmentAnswer(msgspec.Struct):
    server_kid: str
    server_public_key: str
    server_time: Annotated[datetime, msgspec.Meta(tz=True)]
    kiosk_number: Annotated[int, msgspec.Meta(ge=0, lt=2**15)] | None = None
    day_keys: dict[str, str] = {}


class _KeysAnswer(msgspec.Struct):
    day_keys: dict[str, str]
    server_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    access_list_key: str = ""


class _Problem(msgspec.Struct):
    code: str = "refused"
    detail: str = ""
    title: str = ""


class DeviceHttp:
    """Booking as one device sees it. `base_url` as in "http://booking.example:8080"; what is signed is the path below it.

    May be used from any thread; one call is made at a time.
    """

    def __init__(self, base_url: str, device_id: str, key: SigningKey, clock: Clock) -> None:
        self._base_url = base_url.rstrip("/")
        self._device = device_id
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._session = requests.Session()
        # A proxy or password from the environment has no business between two machines of a library.
        self._session.trust_env = False
        self.clock_offset: timedelta | None = None
        """Booking's clock minus ours, by the last answer that named its time; None before the first one."""

    def enrol(self, kind: Literal["gate", "kiosk"], code: str) -> Enrolment:
        """Join with a one-time code, which booking then forgets."""
        body = {
            "device": self._device,
            "kind": kind,
            "code": code,
            "kid": self._key.kid,
            "public_key": to_text(self._key.public_bytes),
        }
        asked = self._clock.now()
        answer = self._decoded(
            self._send("POST", "/api/v1/devices/enroll", msgspec.json.encode(body)), _EnrolmentAnswer
        )
        self._measure(asked, answer.server_time)
        public = from_text(answer.server_public_key)
        if public is None or len(public) != PUBLIC_KEY_BYTES or kid_of(public) != answer.server_kid:
            raise self._nonsense("a server key that is none")
        return Enrolment(
            answer.server_kid, public, answer.kiosk_number, self._day_keys(answer.day_keys), answer.server_time
        )

    def keys(self) -> DayKeys:
        """Fetch this kiosk's keys for today and the coming days."""
        asked = self._clock.now()
        answer = self._decoded(self._send("GET", f"/api/v1/devices/{self._device}/keys"), _KeysAnswer)
        self._measure(asked, answer.server_time)
        return self._day_keys(answer.day_keys)

    def access_list_key(self) -> bytes | None:
        """Fetch the secret of this gate's access list; None where booking has none for it."""
        answer = self._decoded(self._send("GET", f"/api/v1/devices/{self._device}/keys"), _KeysAnswer)
        key = from_text(answer.access_list_key) if answer.access_list_key else None
        return key if key is not None and len(key) == access_list.KEY_BYTES else None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send JSON to `path` and return the JSON object that comes back ({} for an empty answer)."""
        return self._object(self._send("POST", path, msgspec.json.encode(body)))

    def post_bytes(self, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        """Send `body` as it is (a picture) and return the JSON object that comes back."""
        return self._object(self._send("POST", path, body, content_type))

    def post_for(
        self, token: str, path: str, body: dict[str, Any], *, idempotency_key: str, language: str
    ) -> dict[str, Any]:
        """Send JSON for the reader of a session's `token`, not for the device; refusals come in `language` (a tag)."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": idempotency_key,
            "Accept-Language": language,
        }
        return self._object(self._exchange("POST", path, msgspec.json.encode(body), headers))

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()

    def _measure(self, asked: datetime, server_time: datetime | None) -> None:
        """Compare the clocks at the middle of a call: wrong by half its length at most.

        A clock that goes faster than time is one machine's and the same for both: the call itself would be measured.
        """
        if server_time is not None and self._clock.rate != 1.0:
            self.clock_offset = timedelta()
        elif server_time is not None:
            self.clock_offset = server_time - (asked + (self._clock.now() - asked) / 2)

    def _send(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
        headers = self._key.sign_http(method, path, body, device=self._device, now=self._clock.now())
        return self._exchange(method, path, body, headers, content_type)

    def _exchange(
        self, method: str, path: str, body: bytes, headers: dict[str, str], content_type: str = "application/json"
    ) -> bytes:
        headers = headers | {"Content-Type": content_type, "Accept": "application/json"}
        try:
            with (
                self._lock,
                self._session.request(
                    method,
                    self._base_url + path,
                    data=body,
                    headers=headers,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                return self._accepted(answer.status_code, self._read(answer))
        except (requests.RequestException, ValueError) as error:
            raise BookingUnreachable(
                f"{self._base_url} does not answer ({_cause(error)}): check that booking runs"
            ) from error

    def _read(self, answer: requests.Response) -> bytes:
        content = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise self._nonsense(f"more than {MAX_ANSWER_BYTES} bytes")
        return bytes(content)

    def _accepted(self, status: int, content: bytes) -> bytes:
        if status >= _FIRST_FAULT:
            raise BookingUnreachable(f"{self._base_url} has a fault (HTTP {status}): see booking's log")
        if status >= _FIRST_REFUSAL:
            try:
                problem = msgspec.json.decode(content, type=_Problem)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise self._nonsense(f"HTTP {status} without a reason") from error
            raise BookingRefused(problem.code, problem.detail or problem.title, status)
        return content

    def _decoded(self, content: bytes, form: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=form)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._nonsense(str(error)) from error

    def _object(self, content: bytes) -> dict[str, Any]:
        return self._decoded(content, dict[str, Any]) if content else {}

    def _day_keys(self, texts: dict[str, str]) -> DayKeys:
        keys = {int(epoch): from_text(text) for epoch, text in texts.items() if epoch.isascii() and epoch.isdigit()}
        good = {epoch: key for epoch, key in keys.items() if key is not None and len(key) == KEY_BYTES}
        if len(good) != len(texts):
            raise self._nonsense("day keys that are none")
        return good

    def _nonsense(self, what: str) -> BookingUnreachable:
        return BookingUnreachable(
            f"{self._base_url} does not answer like booking ({what}): check the address in booking_url"
        )


def _cause(error: BaseException) -> str:
    """Return the innermost reason in a few words: the library's own text is a nest of object names."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:120]
