"""HTTP to the university's servers with bounds: time to connect, time for the whole answer, its size. No redirects.

Both libraries ask through a `requests` session, and neither sets a time-out; so the bounds are in the session's adapter.
"""

import time
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from booking.sso.vouching import SsoDownError

MAX_ANSWER = 256 * 1024
_CHUNK = 16 * 1024


class BoundedAdapter(HTTPAdapter):
    """Sends one request within `seconds` and reads at most `MAX_ANSWER` bytes; SsoDownError in every other case."""

    def __init__(self, seconds: float, tls_ca: Path | None) -> None:
        self._seconds = seconds
        self._verify: bool | str = str(tls_ca) if tls_ca else True
        super().__init__(max_retries=0)

    def send(self, request: requests.PreparedRequest, *_args: Any, **_more: Any) -> requests.Response:
        """Send `request`; what the caller says about time-outs, certificates and streams counts for nothing."""
        deadline = time.monotonic() + self._seconds
        request.headers["Accept-Encoding"] = "identity"  # what is packed small could be large
        try:
            answer = super().send(request, stream=True, timeout=self._seconds, verify=self._verify)
            try:
                answer._content = self._body(answer, deadline)  # noqa: SLF001 - where requests itself puts it
            finally:
                answer.close()
        except SsoDownError:
            raise
        except Exception as error:  # whatever happens on the way there, nobody has been vouched for
            raise SsoDownError(f"{_asked(request)} did not answer: {type(error).__name__}") from error
        if answer.is_redirect:
            raise SsoDownError(f"{_asked(request)} answered with a way to somewhere else (HTTP {answer.status_code})")
        return answer

    def _body(self, answer: requests.Response, deadline: float) -> bytes:
        """Read as it comes, so that a server which drips byte after byte is given up at the deadline."""
        body = bytearray()
        while chunk := answer.raw.read1(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > MAX_ANSWER:
                raise SsoDownError(f"an answer of more than {MAX_ANSWER} bytes")
            if time.monotonic() > deadline:
                raise SsoDownError("an answer that did not end in time")
        return bytes(body)


def bound(session: requests.Session, seconds: float, tls_ca: Path | None) -> None:
    """Put the bounds on a session. Nothing of the environment counts: no `.netrc`, no proxy."""
    session.trust_env = False
    adapter = BoundedAdapter(seconds, tls_ca)
    session.mount("https://", adapter)
    session.mount("http://", adapter)


def session(seconds: float, tls_ca: Path | None) -> requests.Session:
    """Return a new bounded session."""
    opened = requests.Session()
    bound(opened, seconds, tls_ca)
    return opened


def _asked(request: requests.PreparedRequest) -> str:
    return (request.url or "").partition("?")[0]
