"""Pure ASGI middleware: one around every request for its headers and counts, one that caps bodies.

Nothing here derives from Starlette's BaseHTTPMiddleware: one of those leaves a sixth of the throughput.
"""

import time
from collections.abc import Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking.web import audit
from booking.web.metrics import Metrics

MAX_BODY = 64 * 1024
MAX_PICTURE = 8 * 1024 * 1024
MAX_IMPORT = 32 * 1024 * 1024
IMPORTS = "/staff/imports/"
PICTURES = "/api/v1/kiosks/"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # not "no-referrer": under it a browser sends `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
}
STRICT_TRANSPORT = "max-age=31536000"


def own_headers(*, secure: bool) -> list[tuple[bytes, bytes]]:
    """Return the headers of every answer of a route that sets none of them itself."""
    strict = {"Strict-Transport-Security": STRICT_TRANSPORT} if secure else {}
    named = HEADERS | {"Cache-Control": "no-store"} | strict
    return [(name.lower().encode(), value.encode()) for name, value in named.items()]


class Surround:
    """Adds the security headers that a route did not set itself, counts the answer, answers a fault."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        on_fault: Callable[[Scope, Exception], Response],
        *,
        plain_routes: Sequence[Route],
        secure: bool,
    ) -> None:
        self._app = app
        self._plain: dict[object, str] = {route.endpoint: route.path for route in plain_routes}
        self._metrics = metrics
        self._on_fault = on_fault
        self._headers = own_headers(secure=secure)
        self._names = {name for name, _ in self._headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = self._with_ours(message["headers"])
                self._count(scope, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            if started:  # too late for another answer: uvicorn closes the connection and logs
                raise
            await self._on_fault(scope, error)(scope, receive, answer)

    def _with_ours(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        own = [name for name, _ in headers if name in self._names]
        return (
            [*headers, *(pair for pair in self._headers if pair[0] not in own)] if own else [*headers, *self._headers]
        )

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # FastAPI notes its route in the scope; of a plain one only the endpoint is there
        pattern = getattr(scope.get("route"), "path", None) or self._plain.get(scope.get("endpoint"), "other")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.request(method, pattern, status, seconds, scope.get(audit.REFUSAL))
        audit.note(scope, pattern, status)


class BodyLimit:
    """Refuses bodies above the cap with 413, whether they announce their length or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cap = _cap(scope["path"])
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        too_large = not announced.isdigit() or int(announced) > cap
        taken = 0

        async def read() -> Message:
            nonlocal taken
            if too_large:
                raise HTTPException(413)
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > cap:
                raise HTTPException(413)
            return message

        await self._app(scope, read, send)


def _cap(path: str) -> int:
    """Return the largest body for a path. The routes of the large ones look at who asks before they read."""
    if path.startswith(IMPORTS):
        return MAX_IMPORT
    return MAX_PICTURE if path.startswith(PICTURES) and "/screens/" in path else MAX_BODY
