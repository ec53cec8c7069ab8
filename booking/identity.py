"""Who this service is on the network: its name in topics, its signing key, its master secret."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from runtime.secret_file import create_secret
from runtime.signing import SigningKey, signed_properties

NAME = "main"
"""The one booking service of a site, in topics and in the source of what it sends."""
MASTER_BYTES = 32
KEY_FILE, MASTER_FILE = "signing-key.pem", "master-secret"
"""In the data folder."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A message ready to be published."""

    topic: str
    payload: bytes
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class Identity:
    """What the service signs with, and what it derives the kiosks' keys from."""

    site: str
    key: SigningKey
    master: bytes

    @classmethod
    def load_or_create(cls, site: str, data: Path) -> "Identity":
        """Read key and master secret from the data folder (mode 0600), making them on the first start."""
        return cls(
            site,
            SigningKey.load_or_create(data / KEY_FILE),
            create_secret(data / MASTER_FILE, secrets.token_bytes(MASTER_BYTES)),
        )

    def signed(self, topic: str, payload: bytes) -> Signed:
        """Return a message with this service's signature."""
        return Signed(topic, payload, signed_properties(self.key, topic, payload))
