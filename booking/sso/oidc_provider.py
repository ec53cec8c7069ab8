"""The one owner of Authlib and joserfc: signs in at an OpenID provider by the code flow with PKCE, checks what it signed.

Only signatures with a key pair are taken, by a key that the provider publishes; its `jku` or `jwk` headers count for nothing.
"""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from booking.sso.bounded import bound, session
from booking.sso.contact import Contact
from booking.sso.provider_facts import ProviderFacts, SigningKeys, json_of
from booking.sso.settings import OidcSettings
from booking.sso.vouching import (
    Attempt,
    Kind,
    Over,
    SsoDeniedError,
    SsoDownError,
    SsoError,
    Vouched,
    is_staff,
    name_of,
    reader_of,
)
from config.values import Text
from runtime.clock import Clock

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
CLOCKS_DIFFER = timedelta(minutes=1)
"""By so much the provider's clock may be off."""
MAX_CODE_CHARS = 4096
MAX_TOKEN_CHARS = 16 * 1024
MAX_HINT_CHARS = 4096
"""A longer ID token is not sent along at signing out: it would not fit into an address."""
MAX_HANDLE_CHARS = 512
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_OUR_FAULT = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"})
_THEIR_FAULT = frozenset({"server_error", "temporarily_unavailable"})


class OidcProvider:
    """A booking.sso.vouching.Provider. Any thread."""

    kind = Kind.OIDC

    def __init__(
        self,
        settings: OidcSettings,
        secret: str,
        back: str,
        *,
        timeout: timedelta,
        tls_ca: Path | None,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._back = back
        self._seconds = timeout.total_seconds()
        self._tls_ca = tls_ca
        self._clock = clock
        self._facts = Contact(self._discover)
        self._keys = SigningKeys(self._fetch_keys)

    @property
    def label(self) -> Text:
        """What stands on its button."""
        return self._settings.label

    # ---- signing in --------------------------------------------------------------------------------------------------

    def begin(self, attempt: Attempt) -> str:
        """Return its sign-in page, with the state, nonce and code challenge of this try."""
        facts = self._facts.now()
        with self._client(facts) as client:
            address, _ = client.create_authorization_url(
                facts.authorization_endpoint,
                state=attempt.state,
                code_verifier=attempt.verifier,
                nonce=attempt.nonce,
            )
        return str(address)

    def vouch(self, attempt: Attempt, answer: Mapping[str, str]) -> Vouched:
        """Swap the code that came back for an ID token, and return whom that names."""
        if not hmac.compare_digest(answer.get("state", "").encode("utf-8", "replace"), attempt.state.encode()):
            raise SsoDeniedError("the state is not the one of this browser's try")
        if "error" in answer:
            raise _refused(answer["error"])
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            raise SsoDeniedError("another provider answered")
        code = answer.get("code", "")
        if not code or len(code) > MAX_CODE_CHARS or not code.isprintable():
            raise SsoDeniedError("no code of a form that a provider gives")
        facts = self._facts.lately()
        tokens = self._tokens(facts, code, attempt)
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str) or len(id_token) > MAX_TOKEN_CHARS:
            raise SsoDeniedError("no ID token")
        claims = self._claims(facts, id_token, attempt, tokens)
        return self._vouched(facts, claims, tokens, id_token)

    def _tokens(self, facts: ProviderFacts, code: str, attempt: Attempt) -> dict[str, Any]:
        try:
            with self._client(facts) as client:
                tokens: dict[str, Any] = client.fetch_token(
                    facts.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.verifier,
                    redirect_uri=self._back,
                )
        except OAuthError as error:
            raise _refused(error.error) from error
        except SsoError:
            raise
        except Exception as error:  # a library over an answer of whatever form
            raise SsoDownError(f"its token endpoint answered strangely: {type(error).__name__}") from error
        return tokens

    def _claims(
        self, facts: ProviderFacts, id_token: str, attempt: Attempt, tokens: Mapping[str, Any]
    ) -> dict[str, Any]:
        signed = self._verified(facts, id_token)
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            options=self._meant_for_us(),
            params={
                "nonce": attempt.nonce,
                "client_id": self._settings.client_id,
                "access_token": tokens.get("access_token"),
            },
        )
        try:
            claims.validate(now=int(self._clock.now().timestamp()), leeway=int(CLOCKS_DIFFER.total_seconds()))
        except (JoseError, ValueError, TypeError) as error:
            raise SsoDeniedError(f"the ID token does not count: {_short(error)}") from error
        if not isinstance(claims.get("sub"), str) or not claims["sub"] or len(claims["sub"]) > MAX_HANDLE_CHARS:
            raise SsoDeniedError("the ID token names no subject")
        return dict(claims)

    def _vouched(
        self, facts: ProviderFacts, claims: dict[str, Any], tokens: Mapping[str, Any], id_token: str
    ) -> Vouched:
        settings = self._settings
        wanted = [name for name in (settings.reader, settings.name, settings.groups) if name]
        known = claims
        if facts.userinfo_endpoint and any(name not in claims for name in wanted):
            known = self._userinfo(facts.userinfo_endpoint, claims["sub"], tokens) | claims
        handle = claims.get("sid")
        return Vouched(
            kind=Kind.OIDC,
            reader=reader_of(known.get(settings.reader), f"the claim {settings.reader!r}"),
            name=name_of(known.get(settings.name)) if settings.name else "",
            is_staff=bool(settings.groups) and is_staff(known.get(settings.groups), settings.staff_groups),
            handle=handle if isinstance(handle, str) and len(handle) <= MAX_HANDLE_CHARS else "",
            subject=claims["sub"],
            id_token=id_token if len(id_token) <= MAX_HINT_CHARS else "",
        )

    def _userinfo(self, address: str, subject: str, tokens: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for claims that the ID token has not; they must be the same person's."""
        with session(self._seconds, self._tls_ca) as asking:
            answer = asking.get(address, headers={"Authorization": f"Bearer {tokens.get('access_token', '')}"})
        told = json_of(answer, "userinfo")
        if told.get("sub") != subject:
            raise SsoDeniedError("its userinfo is about somebody else")
        return told

    # ---- signing out -------------------------------------------------------------------------------------------------

    def over(self, form: Mapping[str, str]) -> Over | None:
        """Check a logout token of OpenID Connect Back-Channel Logout 1.0; None for anything that is none."""
        token = form.get("logout_token", "")
        if not token or len(token) > MAX_TOKEN_CHARS:
            return None
        try:
            claims = self._verified(self._facts.lately(), token).claims
            registry = jwt.JWTClaimsRegistry(
                now=int(self._clock.now().timestamp()),
                leeway=int(CLOCKS_DIFFER.total_seconds()),
                iat={"essential": True},
                jti={"essential": True},
                **self._meant_for_us(),
            )
            registry.validate(claims)
        except SsoDeniedError:
            return None
        except (JoseError, ValueError, TypeError):
            return None
        events, handle, subject = claims.get("events"), claims.get("sid", ""), claims.get("sub", "")
        if not isinstance(events, dict) or _LOGOUT_EVENT not in events or "nonce" in claims:
            return None
        if not isinstance(handle, str) or not isinstance(subject, str) or not (handle or subject):
            return None
        return Over(Kind.OIDC, handle=handle, subject=subject)

    def farewell(self, id_token: str, back: str) -> str | None:
        """Return its sign-out page, when it has one (RP-initiated logout)."""
        try:
            address = self._facts.lately().end_session_endpoint
        except SsoDownError:
            return None
        if not address:
            return None
        told = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        hint = {"id_token_hint": id_token} if id_token else {}
        return address + ("&" if "?" in address else "?") + urlencode(told | hint)

    # ---- the provider ------------------------------------------------------------------------------------------------

    def _client(self, facts: ProviderFacts) -> Any:
        client = OAuth2Session(
            self._settings.client_id,
            self._secret or None,
            token_endpoint_auth_method=facts.auth_method(has_secret=bool(self._secret)),
            scope=" ".join(self._settings.scopes),
            redirect_uri=self._back,
            code_challenge_method="S256",
        )
        bound(client, self._seconds, self._tls_ca)
        return client

    def _verified(self, facts: ProviderFacts, token: str) -> jwt.Token:
        """Return what the provider signed; SsoDeniedError for what it did not."""
        for keys in self._keys.candidates(facts.jwks_uri):
            try:
                return jwt.decode(token, keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError, TypeError) as error:
                fault = _short(error)
        raise SsoDeniedError(f"it is not signed by the provider: {fault}")

    def _meant_for_us(self) -> Any:
        return {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
            "exp": {"essential": True},
        }

    def _discover(self) -> ProviderFacts:
        address = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        with session(self._seconds, self._tls_ca) as asking:
            return ProviderFacts.of(json_of(asking.get(address), "discovery"), self._settings.issuer)

    def _fetch_keys(self, address: str) -> dict[str, Any]:
        with session(self._seconds, self._tls_ca) as asking:
            return json_of(asking.get(address), "keys")


def _refused(error: Any) -> SsoError:
    """Return what an OAuth error of the provider means."""
    code = str(error)[:40]
    said = code if code.isprintable() else "?"
    if code in _OUR_FAULT:
        return SsoDownError(f"it does not take this service as it is set up: {said}")
    return SsoDownError(f"it says {said}") if code in _THEIR_FAULT else SsoDeniedError(f"it says {said}")


def _short(error: Exception) -> str:
    return f"{type(error).__name__} {getattr(error, 'claim', '') or ''}".strip()
