"""TLS as probes see it: contexts built once, what a certificate says, and why one was refused."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOUR, _DAY = 3_600, 86_400

#: OpenSSL's X509_V_ERR_* (https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/)
_NOT_YET, _EXPIRED, _SELF_SIGNED, _UNTRUSTED, _WRONG_NAME = 9, 10, 18, (2, 19, 20, 21), (62, 64)


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """How peers are verified; building a context costs 20 times a probe, so that one serves all probes.

    ``blind`` verifies nothing: it is used only to read a certificate that ``verifying`` refused.
    """

    verifying: ssl.SSLContext
    blind: ssl.SSLContext

    @classmethod
    def of(cls, verifying: ssl.SSLContext) -> TlsPolicy:
        """The policy that verifies with this context."""
        verifying.set_alpn_protocols(["http/1.1"])
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname = False
        blind.verify_mode = ssl.CERT_NONE
        blind.set_alpn_protocols(["http/1.1"])
        return cls(verifying, blind)


def system_policy() -> TlsPolicy:
    """Peers are verified against the machine's trusted authorities."""
    return TlsPolicy.of(ssl.create_default_context())


@dataclass(frozen=True, slots=True)
class Certificate:
    """A peer's own certificate; times in epoch seconds. ``expires`` is the earliest end in its chain."""

    begins: float
    ends: float
    expires: float
    names: tuple[str, ...]


def read_certificates(chain: Iterable[bytes]) -> Certificate | None:
    """What the chain (DER, the peer's own first) says; None when there is none or it cannot be read."""
    try:
        parsed = [x509.load_der_x509_certificate(der) for der in chain]
    except ValueError:
        return None
    if not parsed:
        return None
    ends = [certificate.not_valid_after_utc.timestamp() for certificate in parsed]
    return Certificate(parsed[0].not_valid_before_utc.timestamp(), ends[0], min(ends), _names(parsed[0]))


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def refusal(error: ssl.SSLCertVerificationError, certificate: Certificate | None, host: str, now: float) -> str:
    """Why a certificate was refused, in words; ``now`` in epoch seconds."""
    code = error.verify_code
    if code == _EXPIRED:
        return _expiry(certificate, now)
    if code == _NOT_YET and certificate is not None:
        return f"certificate is not valid before {datetime.fromtimestamp(certificate.begins, UTC):%Y-%m-%d %H:%M} UTC"
    if code in _WRONG_NAME:
        return f"certificate is not for {host}{_but_for(certificate)}"
    if code == _SELF_SIGNED:
        return "certificate is self-signed"
    if code in _UNTRUSTED:
        return f"certificate is signed by nobody who is trusted ({error.verify_message})"
    return f"certificate refused: {error.verify_message}"


def _expiry(certificate: Certificate | None, now: float) -> str:
    if certificate is None:
        return "certificate expired"
    if certificate.ends > now:
        return "a certificate of the chain expired"
    return remaining(certificate.ends - now)


def remaining(seconds: float) -> str:
    """How long a certificate is still good, in words; negative ``seconds`` have passed since."""
    if seconds <= 0:
        return f"certificate expired {_about(-seconds)} ago"
    return f"certificate expires in {_about(seconds)}"


def _about(seconds: float) -> str:
    for name, size in (("day", _DAY), ("hour", _HOUR)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than an hour"


def _but_for(certificate: Certificate | None) -> str:
    if certificate is None or not certificate.names:
        return ""
    more = ", …" if len(certificate.names) > 3 else ""
    return f", but for {', '.join(certificate.names[:3])}{more}"
