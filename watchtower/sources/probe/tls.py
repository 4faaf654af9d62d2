"""TLS as probes see it: contexts built once, what a certificate says, and why one was refused."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from watchtower.sources.probe.chains import Chains

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_HOUR, _DAY = 3_600, 86_400

#: OpenSSL's X509_V_ERR_* (https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/)
_NOT_YET, _EXPIRED, _SELF_SIGNED, _UNTRUSTED, _WRONG_NAME = 9, 10, 18, (2, 19, 20, 21), (62, 64)


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """How peers are verified; building a context costs 20 times a probe, so that one serves all probes.

    ``blind`` verifies nothing: it reads a certificate that was refused, and serves probes that do not care. The two for
    the web say that they speak HTTP/1.1; a database would hang up at that.
    """

    verifying: ssl.SSLContext
    blind: ssl.SSLContext
    web: ssl.SSLContext
    blind_web: ssl.SSLContext
    chains: Chains

    @classmethod
    def of(cls, make: Callable[[], ssl.SSLContext], more: Callable[[], Iterable[bytes]] = tuple) -> TlsPolicy:
        """The policy that verifies with the contexts that this makes; ``more`` are roots that they do not show."""
        verifying = make()
        chains = Chains(lambda: (*verifying.get_ca_certs(binary_form=True), *more()))
        return cls(verifying, _blind(), _for_web(make()), _for_web(_blind()), chains)

    def lasting(self, certificate: Certificate | None, shown: Sequence[bytes], now: float) -> Certificate | None:
        """The certificate with the end of the chain that lasts longest, where another than the built one may.

        No chain outlasts the peer's own certificate, so where that ends first there is nothing to look for.
        """
        if certificate is None or certificate.chain_ends is None or certificate.chain_ends >= certificate.ends:
            return certificate
        latest = self.chains.latest(shown, now)
        return replace(certificate, chain_ends=max(certificate.chain_ends, latest or 0.0))

    def context(self, *, web: bool, insecure: bool) -> ssl.SSLContext:
        """The one context for probes of this kind."""
        if web:
            return self.blind_web if insecure else self.web
        return self.blind if insecure else self.verifying


def _blind() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _for_web(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    return context


def system_policy() -> TlsPolicy:
    """Peers are verified against the machine's trusted authorities."""
    return TlsPolicy.of(ssl.create_default_context, _in_folder)


def _in_folder() -> Iterator[bytes]:
    """The roots in the system's folder, of which OpenSSL shows only those that it needed so far."""
    folder = ssl.get_default_verify_paths().capath
    for file in sorted(Path(folder).glob("*.[0-9]")) if folder else ():
        try:
            found = x509.load_pem_x509_certificates(file.read_bytes())
        except (OSError, ValueError):
            continue
        yield from (one.public_bytes(Encoding.DER) for one in found)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A peer's own certificate and what its chain says; times in epoch seconds.

    ``earliest`` is the earliest end of all certificates that were shown. ``chain_ends`` is the earliest end in the
    trusted chain that lasts longest, None where none was trusted: an expired certificate that a server still shows
    beside its good chain hurts nobody. What only a failure tells is read only then.
    """

    own: x509.Certificate
    earliest: float
    chain_ends: float | None = None

    @property
    def begins(self) -> float:
        """From when on it is valid."""
        return self.own.not_valid_before_utc.timestamp()

    @property
    def ends(self) -> float:
        """Until when it is valid itself."""
        return _end(self.own)

    @property
    def expires(self) -> float:
        """When this stops to be good: the end of the trusted chain, else the earliest of what was shown."""
        return self.earliest if self.chain_ends is None else self.chain_ends

    @property
    def names(self) -> tuple[str, ...]:
        """The names and addresses that it is for."""
        try:
            names = self.own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
            return ()
        addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
        return (*names.get_values_for_type(x509.DNSName), *addresses)

    def __str__(self) -> str:
        subject, issuer = (_called(name) for name in (self.own.subject, self.own.issuer))
        return f"{subject}, issued by {issuer}, not after {datetime.fromtimestamp(self.ends, UTC):%F %T} UTC"

    def covers(self, name: str) -> bool:
        """Whether it is good for this name; a wildcard stands for one label (RFC 6125)."""
        first, _, rest = name.lower().partition(".")
        mine = {known.lower() for known in self.names}
        return name.lower() in mine or bool(first and rest and f"*.{rest}" in mine)


def read_certificates(presented: Sequence[bytes], verified: Sequence[bytes]) -> Certificate | None:
    """What chains (DER, the peer's own first) say; None when there is none or it cannot be read."""
    try:
        read = {der: x509.load_der_x509_certificate(der) for der in {*presented, *verified}}
        ends = {der: _end(certificate) for der, certificate in read.items()}
    except ValueError:
        return None
    if not presented:
        return None
    trusted = min((ends[der] for der in verified), default=None)
    return Certificate(read[presented[0]], min(ends[der] for der in presented), trusted)


def _end(certificate: x509.Certificate) -> float:
    return certificate.not_valid_after_utc.timestamp()


def _called(name: x509.Name) -> str:
    try:
        return name.rfc4514_string() or "nobody"
    except ValueError:
        return "nobody"


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
