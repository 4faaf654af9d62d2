"""Which of the chains that can be built from what a server shows lasts longest.

OpenSSL shows the one chain that it built. A server may show an intermediate that an old authority signed and the same
one signed by a new authority: when the old one ends, clients go on with the other, so its end hurts nobody.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Certificates of a chain, its root included; signatures that are checked for one answer; answers that are kept.
LONGEST, MOST_CHECKS, MOST_KEPT = 8, 64, 4_096
#: Seconds for which an answer holds: what is not valid yet may become so.
_HOLDS = 86_400


@dataclass(slots=True)
class _Search:
    """One search for chains; ``checks`` are the signatures that may still be checked."""

    shown: Mapping[bytes, Sequence[x509.Certificate]]
    roots: Mapping[bytes, Sequence[x509.Certificate]]
    now: float
    checks: int = MOST_CHECKS

    def ends(self, path: tuple[x509.Certificate, ...]) -> Iterator[float]:
        """The earliest ends of all chains that go on from this beginning to a trusted root."""
        last = path[-1]
        name = last.issuer.public_bytes()
        for root in self.roots.get(name, ()):
            if self._signed(path, root):
                yield min(end_of(one) for one in (*path, root))
        if len(path) + 1 >= LONGEST:
            return
        for issuer in self.shown.get(name, ()):
            if issuer not in path and self._signed(path, issuer):
                yield from self.ends((*path, issuer))

    def _signed(self, path: tuple[x509.Certificate, ...], issuer: x509.Certificate) -> bool:
        if self.checks <= 0 or not _valid(issuer, self.now) or not _may_sign(issuer, below=len(path) - 1):
            return False
        self.checks -= 1
        try:
            path[-1].verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True


@dataclass
class Chains:
    """Answers for the certificates that servers show; ``trusted`` gives the roots in DER, and is asked once."""

    trusted: Callable[[], Sequence[bytes]]
    _kept: dict[tuple[bytes, int], float | None] = field(default_factory=dict)

    @cached_property
    def _roots(self) -> Mapping[bytes, Sequence[x509.Certificate]]:
        read = (_read(der) for der in dict.fromkeys(self.trusted()))
        return _by_subject(root for root in read if root is not None and root.issuer == root.subject)

    def latest(self, shown: Sequence[bytes], now: float) -> float | None:
        """Until when the chain that lasts longest is good, in epoch seconds; None where none is found.

        ``shown`` in DER, the server's own first. A chain with limits that are not understood here is none.
        """
        key = sha256(b"".join(shown)).digest(), int(now // _HOLDS)
        if key not in self._kept:
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._search(shown, now)
        return self._kept[key]

    def _search(self, shown: Sequence[bytes], now: float) -> float | None:
        own, *others = [_read(der) for der in shown]
        if own is None or not _valid(own, now):
            return None
        between = _by_subject(one for one in dict.fromkeys(others) if one is not None)
        return max(_Search(between, self._roots, now).ends((own,)), default=None)


def end_of(certificate: x509.Certificate) -> float:
    """Until when a certificate is valid, in epoch seconds."""
    return certificate.not_valid_after_utc.timestamp()


def _by_subject(certificates: Iterator[x509.Certificate]) -> Mapping[bytes, Sequence[x509.Certificate]]:
    found: dict[bytes, list[x509.Certificate]] = defaultdict(list)
    for one in certificates:
        found[one.subject.public_bytes()].append(one)
    return found


def _read(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None


def _valid(certificate: x509.Certificate, now: float) -> bool:
    return certificate.not_valid_before_utc.timestamp() <= now < end_of(certificate)


def _may_sign(issuer: x509.Certificate, *, below: int) -> bool:
    """Whether it is an authority that may have so many others below it; one with limits on names is not judged."""
    try:
        extensions = issuer.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    for extension in extensions:
        if isinstance(extension.value, x509.KeyUsage) and not extension.value.key_cert_sign:
            return False
        if isinstance(extension.value, x509.NameConstraints):
            return False
    return basic.ca and (basic.path_length is None or basic.path_length >= below)
