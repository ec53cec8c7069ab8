"""A reader's phone: the web API over real HTTP, and the camera that reads the kiosk's code off its screen.

No more is known here than a phone knows: an address, an account, and what is on the screen before it. One thread at a
time; `hang_up` from any.
"""

import http.client
import importlib
import json
import secrets
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from messages.checkin import code_in_url

TIMEOUT_SECONDS = 15.0
TRIES = 2
"""A request that nobody answered goes once more, with the same Idempotency-Key."""
_FIRST_REFUSAL, _FIRST_FAULT, _UNAUTHORIZED = 400, 500, 401


class NoAnswer(Exception):  # noqa: N818 - named after what happened
    """The library answered nothing, or a fault of its own (5xx)."""


class Refused(Exception):  # noqa: N818 - named after what happened
    """The library said no; `code` says why."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class Phone:
    """One connection, which several people use in turn: each call names whose it is."""

    def __init__(self, url: str) -> None:
        self._where = urlsplit(url)
        self._line: http.client.HTTPConnection | None = None
        self._tokens: dict[str, str] = {}

    def sign_in(self, reader: str, password: str) -> None:
        """Open a session. Refused, NoAnswer."""
        said = self._ask("POST", "/api/v1/session", {}, {"reader": reader, "password": password})
        self._tokens[reader] = str(json.loads(said)["token"])

    def get(self, account: Mapping[str, str], path: str) -> Any:
        """Return what is at `path` of the API. Refused, NoAnswer."""
        return json.loads(self.fetch(account, f"/api/v1{path}"))

    def fetch(self, account: Mapping[str, str], path: str) -> bytes:
        """Return the bytes at `path`. Refused, NoAnswer."""
        return self._signed_in(account, "GET", path, None)

    def post(self, account: Mapping[str, str], path: str, wish: Mapping[str, Any] | None = None) -> Any:
        """Ask for a change and return the answer. Refused, NoAnswer."""
        return json.loads(self._signed_in(account, "POST", f"/api/v1{path}", dict(wish or {})) or b"null")

    def hang_up(self) -> None:
        """Cut the connection off; whoever waits for an answer gets none."""
        line = self._line
        if line is not None and line.sock is not None:
            with suppress(OSError):
                line.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _signed_in(self, account: Mapping[str, str], method: str, path: str, wish: dict[str, Any] | None) -> bytes:
        reader, key = account["reader"], secrets.token_hex(12)
        for _ in range(2):
            if reader not in self._tokens:
                self.sign_in(reader, account["password"])
            headers = {"Authorization": f"Bearer {self._tokens[reader]}", "Idempotency-Key": key}
            try:
                return self._ask(method, path, headers, wish)
            except Refused as refused:
                if refused.status != _UNAUTHORIZED:
                    raise
                del self._tokens[reader]  # the session is over: sign in anew
        raise Refused("signed-out", _UNAUTHORIZED)

    def _ask(self, method: str, path: str, headers: Mapping[str, str], wish: dict[str, Any] | None) -> bytes:
        body = None if wish is None else json.dumps(wish).encode()
        content = {"Content-Type": "application/json"} if body is not None else {}
        for _ in range(TRIES):
            try:
                line = self._connected()
                line.request(method, path, body, {**headers, **content, "Accept-Language": "en"})
                answer = line.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                self.close()
                continue
            if answer.status >= _FIRST_FAULT:
                raise NoAnswer(f"{method} {path} answers {answer.status}")
            if answer.status >= _FIRST_REFUSAL:
                raise Refused(_code(said), answer.status)
            return said
        raise NoAnswer(f"{method} {path} is not answered")

    def _connected(self) -> http.client.HTTPConnection:
        if self._line is None:
            port = self._where.port or 80
            self._line = http.client.HTTPConnection(self._where.hostname or "", port, timeout=TIMEOUT_SECONDS)
        return self._line


def code_on(picture: bytes) -> str | None:
    """Return the check-in code that a kiosk's picture (PNG) shows; None where there is none to read."""
    scanner = importlib.import_module("kiosk.scanner")  # OpenCV: loaded by whoever scans, not by everybody
    return next((code for text in scanner.decode_png(picture) if (code := code_in_url(text)) is not None), None)


def _code(said: bytes) -> str:
    try:
        return str(json.loads(said).get("code", "refused"))
    except (ValueError, AttributeError):
        return "refused"
