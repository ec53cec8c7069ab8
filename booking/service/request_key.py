"""What makes a repeated request known: an `Idempotency-Key` with the digest of what it asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An `Idempotency-Key`: what was done under (reader, key) is stored, not done again and answered as before; another
    `digest` (SHA-256 over method, path and body) under the same key is refused as KEY_REUSED. What was refused is not
    stored: asked again, it is judged again (docs/adr/0032).
    """

    key: str
    digest: bytes
