"""Makes the providers that the settings name. No behaviour here."""

from booking.sso.cas_server import CasServer
from booking.sso.oidc_provider import OidcProvider
from booking.sso.settings import SignInSettings
from booking.sso.vouching import Provider, SignIns
from runtime.clock import Clock
from runtime.secret_file import read_secret

CAS_BACK = "/sign-in/cas/back"
OIDC_BACK = "/sign-in/oidc/back"


def sign_ins(settings: SignInSettings, public_url: str, clock: Clock) -> SignIns:
    """Return every way to sign in, the providers in the order of their buttons. RuntimeFault when the client's secret cannot be read."""
    made: list[Provider] = []
    here = public_url.rstrip("/")
    if settings.cas.server:
        made.append(CasServer(settings.cas, here + CAS_BACK, settings.timeout, settings.tls_ca))
    if settings.oidc.issuer:
        file = settings.oidc.client_secret_file
        secret = read_secret(file).decode("utf-8", "strict").strip() if file else ""
        made.append(
            OidcProvider(
                settings.oidc, secret, here + OIDC_BACK, timeout=settings.timeout, tls_ca=settings.tls_ca, clock=clock
            )
        )
    return SignIns(settings.local, settings.admit_unknown, settings.timeout.total_seconds(), tuple(made))
