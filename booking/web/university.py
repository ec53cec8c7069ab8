"""Asking the university's servers from the event loop: on threads of their own, few, each with an end.

Also the cookie that binds a try to the browser that began it. No page and no store is here.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import msgspec
from starlette.requests import Request

from booking.service.sso import VouchedSession
from booking.sso.vouching import Attempt, Kind, SsoDownError, SsoError
from booking.web.context import Context

_log = logging.getLogger(__name__)
T = TypeVar("T")
THREADS = 16
"""Readers beyond these wait their turn, within the same time-out."""
ANSWERS = 4
"""A sign-in asks the provider for up to so many answers: discovery, token, keys, userinfo."""
LASTS = timedelta(minutes=10)
"""How long typing a password at the university may take."""
MAX_COOKIE_CHARS = 2000
_KEY_LABEL = b"sign-in-v1"


class Begun(msgspec.Struct, frozen=True):
    """A try to sign in at the university that this browser began."""

    kind: Kind
    state: str
    onward: str
    until: int
    """Seconds since 1970."""


class University:
    """Asks the providers, one call to a thread. Daemon threads: a server that never answers keeps no process alive."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._turns = asyncio.Semaphore(THREADS)
        self._key = hmac.digest(context.master, _KEY_LABEL, hashlib.sha256)

    async def ask(self, call: Callable[[], T]) -> T:
        """Return what `call` returns; SsoError, SsoDownError also when it takes too long or no thread is free."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, error: BaseException | None) -> None:
            self._turns.release()
            if answer.cancelled():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)  # type: ignore[arg-type]  # without an error it is what `call` returned

        def work() -> None:
            try:
                value, fault = call(), None
            except Exception as error:  # noqa: BLE001 - handed over to who waits
                value, fault = None, error
            try:
                loop.call_soon_threadsafe(settle, value, fault)
            except RuntimeError:
                _log.debug("the service has ended meanwhile")

        try:
            async with asyncio.timeout(self._context.sign_in.seconds * ANSWERS):
                await self._turns.acquire()
                try:
                    threading.Thread(target=work, name="booking-university", daemon=True).start()
                except RuntimeError as error:
                    self._turns.release()
                    raise SsoDownError("no thread can be started") from error
                return await answer
        except TimeoutError:
            raise SsoDownError("no answer in time") from None

    async def farewell(self, session: VouchedSession) -> str | None:
        """Return where this session's person signs out of the university; None when that is not offered, or not known."""
        provider = self._context.sign_in.provider(session.kind)
        if provider is None:
            return None
        back = self._context.public_url.rstrip("/") + "/sign-in"
        try:
            return await self.ask(lambda: provider.farewell(session.id_token, back))
        except SsoError:
            return None

    # ---- the try that a browser began --------------------------------------------------------------------------------

    @property
    def cookie(self) -> str:
        """Return the cookie's name."""
        return "__Host-seatgate-try" if self._context.secure else "seatgate-try"

    def begin(self, kind: Kind, onward: str) -> Begun:
        """Return a new try."""
        until = int((self._context.clock.now() + LASTS).timestamp())
        return Begun(kind, secrets.token_urlsafe(32), onward, until)

    def attempt(self, begun: Begun) -> Attempt:
        """Return its secrets: made from the state and our key, so that neither we nor the browser keep them."""
        return Attempt(begun.state, self._derived(b"nonce", begun.state), self._derived(b"verifier", begun.state))

    def _derived(self, what: bytes, state: str) -> str:
        return _text(hmac.digest(self._key, what + b" " + state.encode(), hashlib.sha256))

    def seal(self, begun: Begun) -> str:
        """Return the cookie's value."""
        body = msgspec.json.encode(begun)
        return _text(body) + "." + _text(hmac.digest(self._key, b"cookie " + body, hashlib.sha256))

    def unseal(self, value: str, kind: Kind) -> Begun | None:
        """Return the try that a cookie holds; None when it is not ours, too old, or for another provider."""
        body_text, _, mac_text = value[:MAX_COOKIE_CHARS].partition(".")
        try:
            body, mac = _bytes(body_text), _bytes(mac_text)
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(mac, hmac.digest(self._key, b"cookie " + body, hashlib.sha256)):
            return None
        begun = msgspec.json.decode(body, type=Begun)
        return begun if begun.kind is kind and self._context.clock.now().timestamp() < begun.until else None


def university_of(request: Request) -> University:
    """Return the application's."""
    university: University = request.app.state.university
    return university


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
