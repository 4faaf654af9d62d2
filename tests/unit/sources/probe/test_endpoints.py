"""Hosts and ports as people write them."""

from __future__ import annotations

import pytest

from watchtower.sources.probe.endpoints import ascii_host, certified_name, split_host


@pytest.mark.parametrize(
    ("text", "port", "default", "found"),
    [
        ("db.example", 5432, None, ("db.example", 5432)),
        ("db.example:5432", None, None, ("db.example", 5432)),
        ("db.example:5432", 5432, None, ("db.example", 5432)),
        ("db.example:5432", None, 443, ("db.example", 5432)),
        ("db.example", None, 443, ("db.example", 443)),
        ("[2001:db8::1]:22", None, None, ("2001:db8::1", 22)),
        ("2001:db8::1", 22, None, ("2001:db8::1", 22)),
        ("bücher.example:80", None, None, ("xn--bcher-kva.example", 80)),
    ],
)
def test_a_port_stands_with_the_host_or_beside_it(
    text: str, port: int | None, default: int | None, found: tuple[str, int]
) -> None:
    assert split_host(text, port, default) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("db.example", "names no port"),
        ("db.example:x", "is no host with a port"),
        ("db.example:", "is no host with a port"),
        ("db.example:70000", "a port is 1 to 65535"),
        ("[::1]22", "is no host with a port"),
        ("tcp://db.example:1", "is a URL"),
        ("a b:1", "is no host name"),
        ("me@db.example:1", "is no host name"),
        (":1", "is no host name"),
    ],
)
def test_what_is_no_host_with_a_port_says_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        split_host(text, None)


@pytest.mark.parametrize(
    "name", ["ü" * 100, "a..b", ".", "a" * 64 + ".example", "a." * 128, "ü." * 20_000, "\u2260\ufffd"]
)
def test_a_name_that_no_dns_could_know_is_no_host(name: str) -> None:
    with pytest.raises(ValueError, match="is no host name"):
        ascii_host(name)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("straße.example", "xn--strae-oqa.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("x_y.bücher.example.", "x_y.xn--bcher-kva.example."),
        ("café。example", "xn--caf-dma.example"),
        ("☃.example", "xn--n3h.example"),
        ("WWW.example", "WWW.example"),
    ],
)
def test_an_international_name_is_the_one_that_browsers_ask_for(name: str, known: str) -> None:
    assert ascii_host(name) == known


@pytest.mark.parametrize(
    ("name", "certified"),
    [
        ("Shop.Example.", "shop.example"),
        ("*.Bücher.example", "*.xn--bcher-kva.example"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_a_name_is_compared_as_certificates_write_it(name: str, certified: str) -> None:
    assert certified_name(name) == certified
