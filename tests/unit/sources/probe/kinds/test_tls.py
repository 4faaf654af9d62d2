"""Certificates: whole chains, the chain that is trusted, names, and days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.probing import probed, until
from tests.support.sites import (
    Authority,
    Issued,
    Names,
    answering,
    authority,
    running_site,
    self_signed,
    server_context,
)
from watchtower.sources.probe.endpoints import certified_name
from watchtower.sources.probe.tls import Certificate

if TYPE_CHECKING:
    import asyncio

    from watchtower.sources.probe.result import Result

EARLIEST, TRUSTED = "probe_ssl_earliest_cert_expiry", "probe_ssl_last_chain_expiry_timestamp_seconds"


async def looked_at(issued: Issued, *beside: Issued, **tls: Any) -> Result:
    async with running_site(answering(), server_context(issued, *beside)) as site:
        return await probed(Names(shop_example="127.0.0.1"), tls={"host": "shop.example", "port": site.port, **tls})


def end(issued: Issued) -> float:
    return issued.certificate.not_valid_after_utc.timestamp()


def evidence(issued: Issued, issuer: str) -> str:
    ends = issued.certificate.not_valid_after_utc
    return f"certificate: CN=shop.example, issued by CN={issuer}, not after {ends:%Y-%m-%d %H:%M:%S} UTC"


async def test_a_good_certificate_is_up_with_the_days_it_has_left() -> None:
    issued = authority().issue("shop.example", ends=40.5)
    result = await looked_at(issued)

    assert (result.success, result.reason) == (True, "certificate expires in 40 days")
    assert result.measures == {EARLIEST: end(issued), TRUSTED: end(issued)}
    assert list(result.phases) == ["resolve", "connect", "tls"]


async def test_an_expired_certificate_beside_the_trusted_chain_hurts_nobody_but_is_measured() -> None:
    issued = authority().issue("shop.example", ends=60)
    leftover = Authority.create("Old CA").issue("old cross-signed CA", ends=-10, ca=True)
    result = await looked_at(issued, leftover, min_days=30)

    assert result.success, result.reason
    assert result.expires == end(issued)
    assert result.measures == {EARLIEST: end(leftover), TRUSTED: end(issued)}


async def test_an_intermediate_that_ends_first_ends_the_chain() -> None:
    root = authority()
    between = root.issue("Between CA", ends=12.5, ca=True)
    issued = Authority(between).issue("shop.example", ends=80)
    result = await looked_at(issued, between)

    assert (result.success, result.reason) == (True, "certificate expires in 12 days")
    assert result.expires == end(between)


async def test_a_certificate_that_ends_too_soon_is_down() -> None:
    issued = authority().issue("shop.example", ends=6.5)
    result = await looked_at(issued, min_days=14)

    assert (result.success, result.phase) == (False, "tls")
    assert result.reason == "certificate expires in 6 days, expected at least 14 days"
    assert result.evidence[2] == evidence(issued, "Test CA")


async def test_names_that_the_certificate_must_carry() -> None:
    issued = authority().issue("shop.example")
    assert (await looked_at(issued, names=["shop.example"])).success
    result = await looked_at(issued, names=["shop.example", "www.shop.example"])

    assert result.reason == "certificate is not for www.shop.example"


@pytest.mark.parametrize("name", ["SHOP.example.", "xn--bcher-kva.example", "bücher.example", "*.Bücher.example"])
async def test_a_name_may_be_written_as_people_write_it(name: str) -> None:
    issued = authority().issue(certified_name(name))
    async with running_site(answering(), server_context(issued)) as site:
        tls = {"host": "any.example", "port": site.port, "insecure": True, "names": [name]}
        result = await probed(Names(any_example="127.0.0.1"), tls=tls)

    assert result.success, result.reason


async def test_a_host_with_dns_own_dot_at_its_end_is_asked_for_and_verified_without_it() -> None:
    context = server_context(authority().issue("shop.example"))
    asked: list[str | None] = []
    context.sni_callback = lambda _session, name, _context: asked.append(name)
    names = Names(**{"shop.example.": "127.0.0.1"})
    async with running_site(answering(), context) as site:
        result = await probed(names, tls={"host": "shop.example.", "port": site.port})

    assert result.success, result.reason
    assert asked == ["shop.example"]


@pytest.mark.parametrize(
    ("issued", "name", "covered"),
    [
        ("a.example", "A.Example", True),
        ("a.example", "www.a.example", False),
        ("*.b.example", "x.b.example", True),
        ("*.b.example", "y.x.b.example", False),
        ("*.b.example", "b.example", False),
    ],
)
def test_a_wildcard_stands_for_one_label(issued: str, name: str, covered: bool) -> None:
    certificate = Certificate(authority().issue(issued).certificate, earliest=0.0)

    assert certificate.covers(name) is covered


async def test_another_server_name_is_asked_for_and_verified() -> None:
    issued = authority().issue("cdn.example")
    assert (await looked_at(issued, server_name="cdn.example")).success
    assert (await looked_at(issued)).reason == "certificate is not for shop.example, but for cdn.example"


REFUSED: dict[str, tuple[Issued, str, str, str]] = {
    "expired": (
        authority().issue("shop.example", ends=-3.5),
        "certificate expired 3 days ago",
        "CN=shop.example",
        "CN=Test CA",
    ),
    "self-signed": (self_signed("shop.example"), "certificate is self-signed", "CN=shop.example", "CN=shop.example"),
    "wrong name": (
        authority().issue("other.example"),
        "certificate is not for shop.example, but for other.example",
        "CN=other.example",
        "CN=Test CA",
    ),
    "begins tomorrow": (
        (soon := authority().issue("shop.example", begins=1)),
        f"certificate is not valid before {soon.certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
        "CN=shop.example",
        "CN=Test CA",
    ),
}


@pytest.mark.parametrize(("issued", "reason", "subject", "issuer"), REFUSED.values(), ids=REFUSED)
async def test_a_refused_certificate_is_evidence_all_the_same(
    issued: Issued, reason: str, subject: str, issuer: str
) -> None:
    async with running_site(answering(), server_context(issued)) as site:
        result = await probed(Names(shop_example="127.0.0.1"), tls={"host": f"shop.example:{site.port}"})

    ends = issued.certificate.not_valid_after_utc
    assert (result.success, result.reason) == (False, reason)
    assert result.evidence == (
        "phase reached: tls",
        f"address: 127.0.0.1:{site.port}",
        f"certificate: {subject}, issued by {issuer}, not after {ends:%Y-%m-%d %H:%M:%S} UTC",
    )
    assert result.expires == end(issued)
    assert result.measures == {EARLIEST: end(issued)}


@pytest.mark.parametrize(("kind", "protocol"), [("tls", None), ("http", "http/1.1")])
async def test_only_sites_are_told_that_http_follows(kind: str, protocol: str | None) -> None:
    """A database that offers its own protocol alone hangs up when it is asked for HTTP."""
    context = server_context(authority().issue("shop.example"))
    context.set_alpn_protocols(["http/1.1", "postgresql"])
    chosen: list[str | None] = []

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await answering()(reader, writer)

    async with running_site(look, context) as site:
        asked = {"host": "shop.example", "port": site.port} if kind == "tls" else {"url": site.url_of("shop.example")}
        result = await probed(Names(shop_example="127.0.0.1"), **{kind: asked})
        await until(lambda: chosen)

    assert result.success, result.reason
    assert chosen == [protocol]


async def test_without_verification_only_days_and_names_decide() -> None:
    issued = self_signed("other.example")

    assert (await looked_at(issued, insecure=True)).success
    assert not (await looked_at(issued, insecure=True, min_days=365)).success
