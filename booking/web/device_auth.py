"""Which gate or kiosk made a request: its Ed25519 signature, each nonce once. The store remembers nonces."""

from starlette.requests import Request

from booking.domain.refusals import RefusalCode
from booking.service.commands import Stored
from booking.service.identity import UseNonce
from booking.service.views import DeviceView
from booking.web.problems import refuse
from booking.web.sessions import context_of, submit
from runtime import signing
from runtime.signing import HTTP_WINDOW, HttpProof


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
    if not isinstance(proof, HttpProof):
        raise refuse(RefusalCode.FORBIDDEN)
    now = context.clock.now()
    used = UseNonce(device=device.id, nonce=proof.nonce, at=now, forget_at=now + 2 * HTTP_WINDOW)
    if not isinstance(await submit(context, used), Stored):
        raise refuse(RefusalCode.FORBIDDEN)
    return device
