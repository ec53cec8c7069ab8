"""TLS to the broker: one pinned authority, the host's name checked, our own certificate where we have one; and its faults in words.

Nothing here connects. A fault becomes a sentence that says who is wrong (their certificate, our file, a clock, a port without
TLS), because the same few bytes of an alert are all that the other side ever tells.
"""

import ssl

from runtime.broker_settings import BrokerSettings
from runtime.errors import RuntimeFault
from runtime.secret_file import read_secret

_NOT_YET, _EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 9, 10, 62, 64
"""OpenSSL's numbers for why a certificate is not believed (X509_V_ERR_…)."""
_ALERTS = {
    "CERTIFICATE_REQUIRED": "the broker asks for a certificate of ours: set tls_certificate and tls_key",
    "HANDSHAKE_FAILURE": "the broker agrees to no TLS with us: it may ask for a certificate of ours (tls_certificate, tls_key)",
    "UNKNOWN_CA": "the broker does not know the authority that signed our certificate: have one made by the broker's own",
    "BAD_CERTIFICATE": "the broker does not accept our certificate: have a new one made by the broker's own authority",
    "CERTIFICATE_EXPIRED": "our certificate has run out, by the broker's clock: have a new one made",
    "CERTIFICATE_REVOKED": "our certificate was withdrawn: have a new one made",
    "CERTIFICATE_UNKNOWN": "the broker does not accept our certificate: its log says why",
}
"""By the end of OpenSSL's name for the alert that the broker sent."""
_NO_TLS = "the port does not speak TLS: name the broker's TLS port, or take tls_ca out"


class TlsFault(RuntimeFault):
    """There is no encrypted connection; the text says why and what to do."""


def context_of(settings: BrokerSettings) -> ssl.SSLContext | None:
    """Return how to speak TLS with this broker; None without `tls_ca`. TlsFault or SecretFileError for files that do not serve."""
    if settings.tls_ca is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the host's name is checked, and nobody trusted yet
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=settings.tls_ca)
    except ssl.SSLError as error:
        raise TlsFault(
            f"{settings.tls_ca} holds no certificate: tls_ca is the PEM file of the broker's authority"
        ) from error
    except OSError as error:
        raise TlsFault(f"{settings.tls_ca} cannot be read ({error.strerror}): check tls_ca") from error
    if settings.tls_certificate is not None and settings.tls_key is not None:
        read_secret(settings.tls_key)
        try:
            context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=_no_password)
        except ssl.SSLError as error:
            raise TlsFault(
                f"{settings.tls_certificate} and {settings.tls_key} are no certificate and its key ({_reason(error)})"
            ) from error
        except OSError as error:
            raise TlsFault(
                f"{settings.tls_certificate} cannot be read ({error.strerror}): check tls_certificate"
            ) from error
    return context


def tls_sentence(error: Exception, settings: BrokerSettings) -> str | None:
    """Return what a fault of an encrypted connection means; None for one that is not about TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _why_not_believed(error, settings)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "WRONG_VERSION_NUMBER" in _reason(error):
        return _NO_TLS
    if isinstance(error, ssl.SSLError):
        reason = _reason(error)
        said = next((text for name, text in _ALERTS.items() if reason.endswith(name)), None)
        return said or f"no TLS with the broker ({reason})"
    if isinstance(error, ConnectionResetError) and settings.tls_ca is not None:
        return f"the broker hung up while TLS began: {_NO_TLS}"
    return None


def _why_not_believed(error: ssl.SSLCertVerificationError, settings: BrokerSettings) -> str:
    match error.verify_code:
        case code if code == _EXPIRED:
            return "the broker's certificate has run out, or this machine's clock is wrong: renew it on the broker's machine"
        case code if code == _NOT_YET:
            return "the broker's certificate is not valid yet by this machine's clock: set the clock (timedatectl set-ntp 1)"
        case code if code in (_OTHER_HOST, _OTHER_ADDRESS):
            return (
                f"the broker's certificate is not for {settings.host}: name the host that it was made for, "
                "or have one made for this name; if you changed nothing, somebody else answers there"
            )
        case _:
            return (
                f"the broker's certificate was not signed by {settings.tls_ca} ({error.verify_message}): "
                "copy its authority here; if you changed nothing, somebody else answers there"
            )


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)


def _no_password() -> str:
    """Refuse a key that is locked by a password: OpenSSL would ask for it on the terminal."""
    return ""
