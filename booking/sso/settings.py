"""Settings `[sign_in]` of the booking process (`config/booking.toml` explains each key), and what makes no sense in them."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from config.values import Text

LONGEST_WAIT = timedelta(seconds=30)
_LABEL = Text("统一身份认证登录", "Use your university account")


@attrs.frozen
class CasSettings:
    """The university's CAS server. Without `server` there is none."""

    server: str = ""
    reader: str = ""
    name: str = ""
    groups: str = ""
    staff_groups: list[str] = attrs.field(factory=list)
    label: Text = _LABEL


@attrs.frozen
class OidcSettings:
    """The university's OpenID provider. Without `issuer` there is none."""

    issuer: str = ""
    client_id: str = ""
    client_secret_file: Path | None = None
    scopes: list[str] = attrs.field(factory=lambda: ["openid", "profile"])
    reader: str = "preferred_username"
    name: str = "name"
    groups: str = ""
    staff_groups: list[str] = attrs.field(factory=list)
    label: Text = _LABEL


@attrs.frozen
class SignInSettings:
    """How people sign in: with a password that we keep, through CAS, through OpenID Connect."""

    local: bool = True
    admit_unknown: bool = False
    timeout: timedelta = timedelta(seconds=5)
    tls_ca: Path | None = None
    cas: CasSettings = attrs.field(factory=CasSettings)
    oidc: OidcSettings = attrs.field(factory=OidcSettings)


def problems_of(settings: SignInSettings, *, production: bool) -> list[str]:
    """Return a sentence for each thing that cannot be meant."""
    cas, oidc = settings.cas, settings.oidc
    problems = []
    if not (settings.local or cas.server or oidc.issuer):
        problems.append("sign_in: nobody could sign in: set `local = true`, or name a CAS server or an OIDC issuer")
    if not timedelta() < settings.timeout <= LONGEST_WAIT:
        problems.append("sign_in.timeout: more than nothing, at most 30s")
    if cas.server:
        problems += _address_problems("sign_in.cas.server", cas.server, production=production)
        problems += _group_problems("sign_in.cas", cas)
    if oidc.issuer:
        problems += _address_problems("sign_in.oidc.issuer", oidc.issuer, production=production)
        problems += _group_problems("sign_in.oidc", oidc)
        if not oidc.client_id:
            problems.append("sign_in.oidc.client_id: the name under which the provider knows this service")
        if "openid" not in oidc.scopes:
            problems.append('sign_in.oidc.scopes: "openid" must be one of them')
        if not oidc.reader:
            problems.append(
                'sign_in.oidc.reader: the claim that holds the student number, such as "preferred_username"'
            )
    elif oidc.client_id or oidc.client_secret_file:
        problems.append("sign_in.oidc.issuer: is missing, but there is a client: name the provider or remove both")
    return problems


def _address_problems(key: str, address: str, *, production: bool) -> list[str]:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc or not address.isprintable():
        return [f'{key}: is no address without query and password, write "https://login.example.edu.cn/cas"']
    if production and parts.scheme != "https":
        return [f"{key}: in production it begins with https://, or anybody on the way could sign in as anybody"]
    return []


def _group_problems(table: str, settings: CasSettings | OidcSettings) -> list[str]:
    if bool(settings.groups) != bool(settings.staff_groups):
        return [
            f"{table}: groups (where a person's groups stand) and staff_groups (which of them are staff) go together"
        ]
    return []
