"""Whose fault a network error is."""

from __future__ import annotations

import errno
import os
import ssl

import pytest

from watchtower.sources.probe.network import explain, has_route
from watchtower.sources.probe.result import Down, Phase, Unknown


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    "number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.ENETDOWN]
)
def test_a_shortage_of_the_prober_says_nothing_about_the_target(number: int) -> None:
    told = explain(error(number), Phase.CONNECT, "127.0.0.1", 443)

    assert isinstance(told, Unknown)
    assert str(told).startswith("cannot probe: ")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ECONNREFUSED, "connection refused (127.0.0.1:443)"),
        (errno.ETIMEDOUT, "connection timed out (127.0.0.1:443)"),
        (errno.EHOSTUNREACH, "no route to host (127.0.0.1:443)"),
        (errno.ENETUNREACH, "network unreachable (127.0.0.1:443)"),
        (errno.EPROTO, "protocol error (127.0.0.1:443)"),
    ],
)
def test_what_the_network_says_of_the_target_is_the_targets(number: int, words: str) -> None:
    told = explain(error(number), Phase.CONNECT, "127.0.0.1", 443)

    assert isinstance(told, Down)
    assert str(told) == words


def test_after_the_connection_stood_the_phase_is_named() -> None:
    told = explain(error(errno.ECONNRESET), Phase.TRANSFER, "2001:db8::1", 443)

    assert str(told) == "connection reset in phase transfer ([2001:db8::1]:443)"


def test_an_address_without_a_route_from_here_is_our_own_trouble() -> None:
    nowhere = "fe80::1"  # link-local without a link: no machine has a route to it

    assert not has_route(nowhere)
    assert isinstance(explain(error(errno.ENETUNREACH), Phase.CONNECT, nowhere, 443), Unknown)


def test_the_loopback_has_a_route() -> None:
    assert has_route("127.0.0.1")


def test_a_tls_failure_is_told_in_words() -> None:
    told = explain(ssl.SSLError(1, "BAD_RECORD_MAC"), Phase.TLS, "127.0.0.1", 443)

    assert str(told) == "TLS failed: bad record mac"


def test_a_server_that_demands_a_client_certificate_is_told_as_that() -> None:
    alert = ssl.SSLError(1, "TLSV13_ALERT_CERTIFICATE_REQUIRED")
    told = explain(alert, Phase.PROCESSING, "127.0.0.1", 443)

    assert str(told) == "the server demands a client certificate, and probes have none"
