"""What the web layer is given: one frozen Context, made by `booking.app` and read by every route. No behaviour here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from booking.domain.telling import Offer
from booking.service.ports import Reads, Writer
from booking.sso.vouching import SignIns
from config.schema import Kiosk, Site
from runtime.clock import Clock

if TYPE_CHECKING:
    from booking.web.live import LiveHub
    from booking.web.screens import Screens


class ServerKey(Protocol):
    """The server's Ed25519 key as devices come to know it (runtime.signing.SigningKey is one)."""

    @property
    def kid(self) -> str:
        """16 hex digits of the public key's SHA-256."""

    @property
    def public_bytes(self) -> bytes:
        """The 32 bytes of the public key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything a route may use."""

    site: Site
    plans: Mapping[str, Any]
    """Each area's plan (config.plans.Plan) by area id."""
    clock: Clock
    writer: Writer
    reads: Reads
    key: ServerKey
    master: bytes
    """32 secret bytes from which check-in keys (`messages.checkin.day_key`) and grant keys are derived."""
    live: "LiveHub"
    screens: "Screens"
    public_url: str
    """How phones reach the service, e.g. "https://seat.example.edu"; https makes the session cookie `__Host-`."""
    local_token_hash: bytes = b""
    """SHA-256 of the token that commands on this machine send; empty: none is taken."""
    production: bool = False
    offer: Offer = field(default_factory=Offer)
    """The channels on which readers can be told beside our pages."""
    sign_in: SignIns = field(default_factory=SignIns)
    """How people may sign in."""
    faults: Callable[[], list[str]] = field(default=list)
    """Why the service is not ready now, a sentence each; empty when it is (`/readyz`)."""
    worker: str = ""
    """The name of this process, for who asks several."""
    leading: Callable[[], bool] = lambda: True
    """Whether it does what only one process may do."""

    @property
    def secure(self) -> bool:
        """Tell whether browsers come over https."""
        return self.public_url.startswith("https://")

    def kiosk_by_number(self, number: int) -> Kiosk | None:
        """Return the kiosk that a check-in code names."""
        return next((kiosk for kiosk in self.site.kiosks if kiosk.number == number), None)

    def kiosk(self, kiosk_id: str) -> Kiosk | None:
        """Return a kiosk by its id."""
        return next((kiosk for kiosk in self.site.kiosks if kiosk.id == kiosk_id), None)
