"""What the university's sign-in says about somebody, and how it can fail. Values and pure reading of them only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from config.values import Text

MAX_READER_CHARS = 64
MAX_NAME_CHARS = 64
MAX_GROUPS = 1000


class Kind(StrEnum):
    """By which protocol somebody signed in."""

    CAS = "cas"
    OIDC = "oidc"


class SsoError(Exception):
    """The university's sign-in did not vouch for anybody. The text is for the log: no token, ticket or secret is in it."""


class SsoDownError(SsoError):
    """It did not answer in time, or with something that no such server answers: nobody can tell who is asking."""


class SsoDeniedError(SsoError):
    """It answered, and what it said vouches for nobody: forged, used, expired, for somebody else, or without a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """A person whom the university vouches for.

    `handle` names this sign-in at the university (the CAS ticket, the provider's `sid`), `subject` the person there; by
    them it says later that the sign-in is over. `id_token` goes back to the provider at signing out.
    """

    kind: Kind
    reader: str
    name: str = ""
    is_staff: bool = False
    handle: str = ""
    subject: str = ""
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Over:
    """The university says that sign-ins are over: those of this `handle`, or without one all of `subject`."""

    kind: Kind
    handle: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in, bound to the browser that began it. All three are unguessable and used once."""

    state: str
    nonce: str
    verifier: str


class Provider(Protocol):
    """A CAS server or an OpenID provider. Every method blocks, within the settings' time-out."""

    @property
    def kind(self) -> Kind:
        """Which protocol."""

    @property
    def label(self) -> Text:
        """What stands on its button."""

    def begin(self, attempt: Attempt) -> str:
        """Return where to send the browser; SsoDownError when nobody answers there."""

    def vouch(self, attempt: Attempt, answer: Mapping[str, str]) -> Vouched:
        """Return who came back with `answer` (the query); SsoError when that cannot be told."""

    def over(self, form: Mapping[str, str]) -> Over | None:
        """Return which sign-ins a message of the university's server ends; None for no such message."""

    def farewell(self, id_token: str, back: str) -> str | None:
        """Return where a browser signs out of the university, too; None when that cannot be done or told."""


def reader_of(value: Any, where: str) -> str:
    """Return a reader id, its case folded; SsoDeniedError for anything that is none."""
    text = value.strip().upper() if isinstance(value, str) else ""
    if not text or len(text) > MAX_READER_CHARS or not text.isprintable() or any(sign.isspace() for sign in text):
        raise SsoDeniedError(f"no reader number in {where}")
    return text


def name_of(value: Any) -> str:
    """Return a name to show; empty for anything that is none."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if len(text) <= MAX_NAME_CHARS and text.isprintable() else ""


def is_staff(value: Any, staff_groups: list[str]) -> bool:
    """Tell whether one of somebody's groups (a text, or a list of texts) is one of `staff_groups`, letter for letter."""
    groups = value if isinstance(value, list) else [value]
    return any(isinstance(group, str) and group in staff_groups for group in groups[:MAX_GROUPS])


@dataclass(frozen=True, slots=True)
class SignIns:
    """How people may sign in, as the settings say. `seconds`: how long one answer of the university may take."""

    local: bool = True
    admit_unknown: bool = False
    seconds: float = 5.0
    providers: tuple[Provider, ...] = ()

    def provider(self, kind: str) -> Provider | None:
        """Return the provider of a kind, when there is one."""
        return next((provider for provider in self.providers if provider.kind == kind), None)
