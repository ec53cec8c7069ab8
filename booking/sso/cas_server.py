"""The one owner of python-cas: asks a CAS 3 server whose ticket it is, and reads its word that a ticket is over.

The service address is ours and fixed. Tickets are used once, so an answer is never asked for twice.
"""

import string
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from cas import CASClientV3

from booking.sso.bounded import session
from booking.sso.contact import Contact
from booking.sso.settings import CasSettings
from booking.sso.vouching import (
    Attempt,
    Kind,
    Over,
    SsoDeniedError,
    SsoDownError,
    Vouched,
    is_staff,
    name_of,
    reader_of,
)
from config.values import Text

MAX_TICKET_CHARS = 512
_TICKET_SIGNS = frozenset(string.ascii_letters + string.digits + "-._~")
_NAMESPACE = "{http://www.yale.edu/tp/cas}"


class CasServer:
    """A booking.sso.vouching.Provider. Any thread."""

    kind = Kind.CAS

    def __init__(self, settings: CasSettings, service: str, timeout: timedelta, tls_ca: Path | None) -> None:
        self._settings = settings
        self._service = service
        self._seconds = timeout.total_seconds()
        self._tls_ca = tls_ca
        self._contact: Contact[None] = Contact(self._probe)

    @property
    def label(self) -> Text:
        """What stands on its button."""
        return self._settings.label

    def begin(self, attempt: Attempt) -> str:  # noqa: ARG002 - CAS knows no state: its ticket is for our address alone
        """Return its sign-in page."""
        self._contact.now()
        return str(self._client().get_login_url())

    def vouch(self, attempt: Attempt, answer: Mapping[str, str]) -> Vouched:  # noqa: ARG002 - as above
        """Ask whose ticket this is."""
        ticket = answer.get("ticket", "")
        if not ticket or len(ticket) > MAX_TICKET_CHARS or not _TICKET_SIGNS.issuperset(ticket):
            raise SsoDeniedError("no ticket of a form that a CAS server gives")
        user, attributes = self._validate(ticket)
        if user is None:
            raise SsoDeniedError("it answered neither yes nor no")
        settings = self._settings
        return Vouched(
            kind=Kind.CAS,
            reader=reader_of(_one(attributes.get(settings.reader) if settings.reader else user), "the CAS answer"),
            name=name_of(_one(attributes.get(settings.name))) if settings.name else "",
            is_staff=bool(settings.groups) and is_staff(attributes.get(settings.groups), settings.staff_groups),
            handle=ticket,
            subject=user,
        )

    def over(self, form: Mapping[str, str]) -> Over | None:
        """Read a single-logout message: it is unsigned, and knowing the ticket is what proves it."""
        message = form.get("logoutRequest", "").encode("utf-8", "surrogateescape")
        if not message or b"<!" in message:  # no such message defines entities
            return None
        try:
            found = CASClientV3.get_saml_slos(message)
        except ValueError:
            return None
        ticket = (found[0].text or "").strip() if found else ""
        return Over(Kind.CAS, handle=ticket) if 0 < len(ticket) <= MAX_TICKET_CHARS else None

    def farewell(self, id_token: str, back: str) -> str | None:  # noqa: ARG002 - OpenID's
        """Return its sign-out page."""
        return str(self._client().get_logout_url(back))

    def _client(self) -> Any:
        return CASClientV3(
            service_url=self._service,
            server_url=self._settings.server.rstrip("/") + "/",
            session=session(self._seconds, self._tls_ca),
        )

    def _probe(self) -> None:
        _answer_of(self._client().get_verification_response(""))

    def _validate(self, ticket: str) -> tuple[str | None, dict[str, Any]]:
        content = self._client().get_verification_response(ticket)
        answer = _answer_of(content)
        failure = answer.find(f"{_NAMESPACE}authenticationFailure")
        if failure is not None:
            code = failure.get("code", "")[:40]
            if code == "INTERNAL_ERROR":
                raise SsoDownError("it has an internal error")
            raise SsoDeniedError(f"it refuses the ticket: {code if code.isprintable() else '?'}")
        try:
            user, attributes, _ = CASClientV3.verify_response(content)
        except (AttributeError, IndexError, ValueError) as error:
            raise SsoDownError("its answer has not the form of one") from error
        return user, attributes or {}


def _answer_of(content: bytes) -> ET.Element:
    """Return the answer's root; SsoDownError for what a CAS 3 server does not answer."""
    try:
        root = ET.fromstring(content)  # noqa: S314 - of the configured server, capped; expat bounds entities
    except ET.ParseError as error:
        raise SsoDownError("what answers there is no CAS 3 server: its answer is no XML") from error
    if root.tag != f"{_NAMESPACE}serviceResponse":
        raise SsoDownError("what answers there is no CAS 3 server")
    return root


def _one(value: Any) -> Any:
    """Return the one value of an attribute; None of several, because none of them is meant more than another."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 else None
    return value
