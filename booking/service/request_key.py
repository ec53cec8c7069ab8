"""What makes a repeated request known: an `Idempotency-Key` with the digest of what it asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An `Idempotency-Key`: the first outcome under (reader, key) is stored and given again; another `digest`
    (SHA-256 over method, path and body) under the same key is refused as KEY_REUSED.
    """

    key: str
    digest: bytes
