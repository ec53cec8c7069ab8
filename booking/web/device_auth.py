"""Which gate or kiosk made a request: its Ed25519 signature, checked once per nonce."""

from collections import OrderedDict
from datetime import datetime

from starlette.requests import Request

from booking.domain.refusals import RefusalCode
from booking.service.views import DeviceView
from booking.web.problems import refuse
from booking.web.sessions import context_of
from runtime import signing
from runtime.signing import HTTP_WINDOW, HttpProof

MAX_NONCES = 50_000


class NonceBook:
    """The (device, nonce) pairs seen lately, so that a recorded request is refused when it is sent again."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def first_use(self, device: str, nonce: str, now: datetime) -> bool:
        """Note a pair; False when it was there."""
        while self._seen:
            pair, at = next(iter(self._seen.items()))
            if len(self._seen) < MAX_NONCES and at + 2 * HTTP_WINDOW > now:
                break
            del self._seen[pair]
        if (device, nonce) in self._seen:
            return False
        self._seen[device, nonce] = now
        return True


async def signed_device(request: Request, device_id: str, kind: str | None = None) -> DeviceView:
    """Return the enrolled device `device_id` that signed this request; Refused when it did not.

    An unknown device and a wrong signature are the same answer.
    """
    context = context_of(request)
    body = await request.body()
    device = context.reads.device(device_id) if signing.device_of(request.headers) == device_id else None
    if device is None or (kind is not None and device.kind != kind):
        raise refuse(RefusalCode.FORBIDDEN)
    query = request.scope["query_string"].decode("latin-1")
    raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = raw_path.decode("latin-1").partition("?")[0]
    proof = signing.verify_http(
        device.public_key,
        method=request.method,
        path=f"{path}?{query}" if query else path,
        headers=request.headers,
        body=body,
        now=context.clock.now(),
    )
    nonces: NonceBook = request.app.state.nonces
    if not isinstance(proof, HttpProof) or not nonces.first_use(device.id, proof.nonce, context.clock.now()):
        raise refuse(RefusalCode.FORBIDDEN)
    return device
