"""Where the broker is and who we are there: the `[broker]` table of a gate's, a kiosk's and booking's settings. Opens nothing."""

from pathlib import Path

import attrs


@attrs.frozen
class BrokerSettings:
    """Who we are is shown by a password, or by a certificate whose common name is the account.

    `tls_ca` pins the one authority that may have signed the broker's certificate; without it the connection is plain.
    """

    host: str
    port: int
    username: str
    password_file: Path | None = None
    tls_ca: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot go together."""
        if (self.tls_certificate is None) is not (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together: name both, or neither")
        if self.tls_certificate is not None and self.tls_ca is None:
            raise ValueError("tls_certificate needs tls_ca: a certificate is shown over TLS alone")
        if self.password_file is None and self.tls_certificate is None:
            raise ValueError("password_file is missing: name it, or tls_certificate and tls_key")
