"""The chain that lasts longest among those that can be built: what is no chain never makes it last longer."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from watchtower.sources.probe import chains
from watchtower.sources.probe.chains import Chains
from watchtower.sources.probe.tls import TlsPolicy, read_certificates

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = 86_400


@dataclass(frozen=True)
class Party:
    """A name with its key."""

    name: str
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, name: str) -> Party:
        return cls(name, ec.generate_private_key(ec.SECP256R1()))

    @property
    def called(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])


SITE, MIDDLE, OLD, NEW = (Party.of(name) for name in ("www.example.com", "Middle CA", "Old Root", "New Root"))
CA = x509.BasicConstraints(ca=True, path_length=None)
NO_CA = x509.BasicConstraints(ca=False, path_length=None)


def sign(subject: Party, by: Party, ends: float, *more: Any, begins: float = -100) -> bytes:
    """A certificate in DER; times in days from now."""
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(subject.called)
        .issuer_name(by.called)
        .public_key(subject.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=begins))
        .not_valid_after(NOW + timedelta(days=ends))
    )
    for extension in more:
        unsigned = unsigned.add_extension(extension, critical=True)
    return unsigned.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


LEAF = sign(SITE, MIDDLE, 60)
OLD_ROOT, NEW_ROOT = sign(OLD, OLD, 5, CA), sign(NEW, NEW, 3650, CA)
BY_OLD, BY_NEW = sign(MIDDLE, OLD, 4, CA), sign(MIDDLE, NEW, 90, CA)


def latest(*shown: bytes, roots: tuple[bytes, ...] = (OLD_ROOT, NEW_ROOT)) -> float | None:
    """Days until the chain that lasts longest ends."""
    found = Chains(lambda: roots).latest(shown, NOW.timestamp())
    return None if found is None else (found - NOW.timestamp()) / DAY


@pytest.mark.parametrize("shown", [(LEAF, BY_OLD, BY_NEW), (LEAF, BY_NEW, BY_OLD)])
def test_of_two_chains_the_one_that_lasts_longer_counts(shown: tuple[bytes, ...]) -> None:
    assert latest(*shown) == 60


def test_the_earliest_end_of_a_chain_counts_wherever_it_is() -> None:
    assert latest(LEAF, BY_OLD) == 4
    assert latest(LEAF, sign(MIDDLE, NEW, 30, CA)) == 30
    assert latest(sign(SITE, MIDDLE, 3), BY_NEW) == 3
    assert latest(LEAF, sign(MIDDLE, OLD, 90, CA)) == 5, "a root's end ends its chain"


def test_a_chain_goes_through_a_root_that_another_root_signed() -> None:
    assert latest(LEAF, BY_NEW, sign(NEW, OLD, 5, CA)) == 60
    assert latest(LEAF, BY_NEW, sign(NEW, OLD, 3, CA), roots=(OLD_ROOT,)) == 3


IMPOSTOR = Party("Middle CA", ec.generate_private_key(ec.SECP256R1()))
LIMITED = x509.NameConstraints([x509.DNSName("example.org")], None)
READS_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@pytest.mark.parametrize(
    "false",
    [
        sign(IMPOSTOR, NEW, 90, CA),
        sign(MIDDLE, Party("New Root", IMPOSTOR.key), 90, CA),
        sign(MIDDLE, NEW, 90),
        sign(MIDDLE, NEW, 90, NO_CA),
        sign(MIDDLE, NEW, 90, CA, READS_ONLY),
        sign(MIDDLE, NEW, 90, CA, LIMITED),
        sign(MIDDLE, NEW, -1, CA),
        sign(MIDDLE, NEW, 90, CA, begins=2),
        sign(MIDDLE, Party.of("Nobody's Root"), 90, CA),
        b"no certificate",
    ],
    ids=[
        "another key",
        "another signer of that name",
        "no word of an authority",
        "no authority",
        "may not sign",
        "limited to other names",
        "expired",
        "not valid yet",
        "a root that nobody trusts",
        "unreadable",
    ],
)
def test_what_is_no_chain_makes_nothing_last_longer(false: bytes) -> None:
    assert latest(LEAF, BY_OLD, false) == 4


def test_an_authority_below_one_that_may_have_none_is_no_chain() -> None:
    alone = sign(NEW, OLD, 5, x509.BasicConstraints(ca=True, path_length=0))

    assert latest(LEAF, BY_NEW, alone, roots=(OLD_ROOT,)) is None


def test_what_is_trusted_must_be_a_root() -> None:
    assert latest(LEAF, roots=(BY_NEW,)) is None


def test_without_a_chain_nothing_is_known() -> None:
    assert latest(LEAF, BY_NEW, roots=()) is None
    assert latest(sign(SITE, MIDDLE, -1), BY_NEW) is None
    assert latest(b"no certificate") is None


def test_certificates_that_sign_each_other_in_a_circle_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    parties = [Party.of("A"), Party.of("B"), Party.of("C")]
    circle = [sign(one, by, 50, CA) for one in parties for by in parties for _ in range(3)]
    checked: list[int] = []
    signed = chains._Search._signed

    def counted(self: Any, *rest: Any) -> bool:
        checked.append(self.checks)
        return signed(self, *rest)

    monkeypatch.setattr(chains._Search, "_signed", counted)

    assert latest(sign(SITE, parties[0], 60), *circle) is None
    assert len(set(checked)) <= chains.MOST_CHECKS + 1


def test_the_same_certificates_are_looked_at_once_a_day_and_roots_once() -> None:
    asked: list[int] = []

    def trusted() -> list[bytes]:
        asked.append(1)
        return [NEW_ROOT]

    one = Chains(trusted)
    at = NOW.timestamp()
    assert one.latest([LEAF, BY_NEW], at) == one.latest([LEAF, BY_NEW], at)
    assert len(one._kept) == 1
    one.latest([LEAF, BY_NEW], at + 86_400)
    one.latest([LEAF], at)
    assert (len(one._kept), len(asked)) == (3, 1)


def test_answers_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "MOST_KEPT", 2)
    one = Chains(lambda: [NEW_ROOT])
    for days in range(5):
        one.latest([LEAF, BY_NEW], NOW.timestamp() + days * DAY)
    assert len(one._kept) == 2


def policy() -> TlsPolicy:
    def trusting() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=OLD_ROOT + NEW_ROOT)
        return context

    return TlsPolicy.of(trusting)


def test_the_end_of_the_built_chain_gives_way_to_one_that_lasts_longer() -> None:
    shown = [LEAF, BY_OLD, BY_NEW]
    built = read_certificates(shown, [LEAF, BY_OLD, OLD_ROOT])
    found = policy().lasting(built, shown, NOW.timestamp())

    assert found is not None
    assert found.expires == (NOW + timedelta(days=60)).timestamp()
    assert found.earliest == (NOW + timedelta(days=4)).timestamp()


def test_a_built_chain_stays_where_none_lasts_longer() -> None:
    shown = [LEAF, BY_OLD]
    built = read_certificates(shown, [LEAF, BY_OLD, OLD_ROOT])

    assert policy().lasting(built, shown, NOW.timestamp()) == built


def test_where_the_peers_own_certificate_ends_first_nothing_is_searched() -> None:
    one, shown = policy(), [LEAF, BY_NEW]
    built = read_certificates(shown, [LEAF, BY_NEW, NEW_ROOT])

    assert one.lasting(built, shown, NOW.timestamp()) is built
    assert one.lasting(read_certificates(shown, []), shown, NOW.timestamp()) is not None
    assert one.chains._kept == {}
