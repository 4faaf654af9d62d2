"""One probe against real servers: what people read when a site is down, and what is measured."""

from __future__ import annotations

import asyncio
import gzip
import resource
import socket
import zlib
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import ManualClock
from tests.support.sites import (
    Behaviour,
    HangingNames,
    Names,
    answering,
    authority,
    closing,
    free_port,
    hanging,
    redirecting,
    resetting,
    running_site,
    saying,
    self_signed,
    server_context,
)
from watchtower import __version__
from watchtower.clock import Clock, SystemClock
from watchtower.model import TroubleReason
from watchtower.sources.probe.attempt import Tools
from watchtower.sources.probe.kinds.http.exchange import MAX_BODY
from watchtower.sources.probe.kinds.http.query import Http
from watchtower.sources.probe.prober import Probe, Prober
from watchtower.sources.probe.result import Down, Family, Result
from watchtower.sources.probe.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchtower.sources.probe.resolver import Resolver

DAY = 86_400


def prober(clock: Clock | None = None, names: Resolver | None = None) -> Prober:
    return Prober(Tools(clock or SystemClock(), names or Names(), authority().policy()))


def requesting(url: str, *, timeout: float = 5.0, family: Family | None = None, **http: Any) -> Probe:
    asked = Http.model_validate({"url": url, **http})
    return Probe("key", "http", asked.job(Target(target=url)), timeout, family)


def asking(url: str, *, timeout: float = 5.0, method: str = "GET", body: str | None = None, **headers: str) -> Probe:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requesting(url, timeout=timeout, method=method, headers=named, body=body)


def expecting(url: str, **expect: object) -> Probe:
    return requesting(url, expect=expect)


async def probed(probe: Probe, names: Resolver | None = None) -> Result:
    return await prober(names=names).probe(probe)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def timed_out(probe: Probe, reached: Callable[[], object], names: Resolver | None = None) -> Result:
    """Let the probe's whole timeout pass at once when the server has what it waits for."""
    clock = ManualClock(datetime.now(UTC))
    running = asyncio.create_task(prober(clock, names).probe(probe))
    await until(reached)
    await asyncio.sleep(0.02)
    clock.advance(probe.timeout)
    return await running


# --- success


async def test_a_site_that_answers_is_up_with_all_phases_timed() -> None:
    async with running_site(answering()) as site:
        result = await probed(asking(site.url))

    assert (result.success, result.reason, result.status) == (True, "status 200", 200)
    assert list(result.phases) == ["resolve", "connect", "processing", "transfer"]
    assert result.duration == pytest.approx(sum(result.phases.values()), abs=0.005)
    assert (result.phase, result.address, result.expires) == ("", "127.0.0.1", None)


async def test_a_secure_site_is_up_with_the_end_of_its_certificate() -> None:
    certificate = authority().issue("shop.example", ends=12)
    async with running_site(answering(), server_context(certificate)) as site:
        result = await probed(asking(site.url_of("shop.example")), Names(shop_example="127.0.0.1"))

    assert result.success, result.reason
    assert result.expires == certificate.certificate.not_valid_after_utc.timestamp()
    assert "tls" in result.phases


async def test_every_probe_opens_a_connection_of_its_own_and_asks_to_close_it() -> None:
    async with running_site(answering()) as site:
        one = prober()
        await one.probe(asking(site.url))
        await one.probe(asking(site.url))

    assert site.connections == 2
    assert "Connection: close" in site.requests[0]


async def test_a_secure_connection_is_never_resumed() -> None:
    context = server_context(authority().issue("shop.example"))
    async with running_site(answering(), context) as site:
        one = prober(names=Names(shop_example="127.0.0.1"))
        for _ in range(3):
            assert (await one.probe(asking(site.url_of("shop.example")))).success

    assert context.session_stats()["hits"] == 0
    assert context.session_stats()["accept_good"] == 3


async def test_the_request_names_us_and_carries_the_rules_headers_and_body() -> None:
    async with running_site(answering()) as site:
        await probed(asking(site.url + "a?b=c", method="POST", body="héllo", X_Probe="yes"))

    [request] = site.requests
    assert request.startswith("POST /a?b=c HTTP/1.1\r\n")
    assert f"User-Agent: watchtower/{__version__}\r\n" in request
    assert f"Host: 127.0.0.1:{site.port}\r\n" in request
    assert "X-Probe: yes\r\n" in request
    assert "Content-Length: 6\r\n" in request


async def test_a_rules_own_host_and_agent_stand_instead_of_ours() -> None:
    async with running_site(answering()) as site:
        await probed(asking(site.url, Host="shop.example", User_Agent="other/1"))

    assert "Host: shop.example\r\n" in site.requests[0]
    assert site.requests[0].count("Host:") == 1
    assert "watchtower" not in site.requests[0]


async def test_the_answer_to_head_has_no_body_to_wait_for() -> None:
    async with running_site(answering(length=500, body=b"")) as site:
        result = await probed(asking(site.url, method="HEAD"))

    assert result.success, result.reason


async def test_an_informational_answer_is_not_the_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with running_site(saying(early)) as site:
        result = await probed(asking(site.url))

    assert (result.success, result.status) == (True, 200)


async def test_a_slow_header_is_time_in_processing_not_in_connecting() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await answering()(reader, writer)

    async with running_site(slow) as site:
        result = await probed(asking(site.url))

    assert result.phases["processing"] >= 0.08
    assert result.phases["connect"] < 0.05


# --- expectations


async def test_a_status_that_was_not_expected_is_a_failure_with_a_duration() -> None:
    async with running_site(answering(503)) as site:
        result = await probed(asking(site.url))

    assert (result.success, result.reason) == (False, "status 503, expected 200-299")
    assert result.duration is not None


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"contains": "Welcome"}, "status 200"),
        ({"contains": "Willkommen"}, "body lacks 'Willkommen'"),
        ({"lacks": "come"}, "body contains 'come'"),
        ({"status": "200-299,401", "lacks": "page not found"}, "status 200"),
    ],
)
async def test_the_body_decides_when_the_rule_says_so(expect: dict[str, str], reason: str) -> None:
    async with running_site(answering(body=b"<h1>Welcome</h1>")) as site:
        assert (await probed(expecting(site.url, **expect))).reason == reason


async def test_a_body_is_read_in_the_charset_it_says() -> None:
    body = "Größe".encode("latin-1")
    async with running_site(answering(200, body, "Content-Type: text/html; charset=ISO-8859-1")) as site:
        assert (await probed(expecting(site.url, contains="Größe"))).success


async def test_a_body_in_an_unknown_charset_is_read_as_utf8() -> None:
    async with running_site(answering(200, b"Welcome", "Content-Type: text/html; charset=nonsense")) as site:
        assert (await probed(expecting(site.url, contains="Welcome"))).success


@pytest.mark.parametrize(("encoding", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_body_compressed_against_our_wish_is_still_read(
    encoding: str, packed: Callable[[bytes], bytes]
) -> None:
    async with running_site(answering(200, packed(b"Welcome"), f"Content-Encoding: {encoding}")) as site:
        assert (await probed(expecting(site.url, contains="Welcome"))).success


async def test_a_decompression_bomb_is_looked_at_only_in_part() -> None:
    bomb = gzip.compress(b"x" * (8 * MAX_BODY) + b"Welcome")
    async with running_site(answering(200, bomb, "Content-Encoding: gzip")) as site:
        assert (await probed(expecting(site.url, contains="Welcome"))).reason == "body lacks 'Welcome'"


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        ("br", "body is encoded with br, though none was asked for; its text cannot be read"),
        ("gzip", "body says that it is gzip, and is not"),
    ],
)
async def test_a_body_that_cannot_be_read_says_so(encoding: str, reason: str) -> None:
    async with running_site(answering(200, b"\x00\x01", f"Content-Encoding: {encoding}")) as site:
        assert (await probed(expecting(site.url, contains="Welcome"))).reason == reason


async def test_a_huge_body_is_read_to_its_limit_and_the_rest_left() -> None:
    body = b"Welcome" + b"x" * (3 * MAX_BODY) + b"the end"
    async with running_site(answering(body=body)) as site:
        assert (await probed(expecting(site.url, contains="Welcome"))).success
        assert (await probed(expecting(site.url, contains="the end"))).reason == "body lacks 'the end'"


# --- failures of the connection


async def test_a_refused_connection_names_the_address() -> None:
    port = free_port()
    result = await probed(asking(f"http://127.0.0.1:{port}/"))

    assert (result.success, result.phase) == (False, "connect")
    assert result.reason == f"connection refused (127.0.0.1:{port})"
    assert result.duration is None


async def test_an_unknown_name_is_a_failure_to_resolve() -> None:
    result = await probed(asking("http://gone.example/"))

    assert (result.success, result.reason, result.phase) == (False, "name not found", "resolve")
    assert result.address == ""


async def test_a_connection_closed_without_a_word_says_so() -> None:
    async with running_site(closing) as site:
        result = await probed(asking(site.url))

    assert (result.reason, result.phase) == ("closed the connection without an answer", "processing")


async def test_a_reset_connection_says_in_which_phase() -> None:
    async with running_site(resetting) as site:
        result = await probed(asking(site.url))

    assert result.reason == f"connection reset in phase processing (127.0.0.1:{site.port})"
    assert result.duration is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "the answer's headers are longer than 65536 bytes"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nWel",
            "closed the connection in the middle of the body, after 3 bytes",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nWel\r\nzz\r\n",
            "sent an invalid chunk in the body, after 3 bytes",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the answer is not HTTP"),
    ],
)
async def test_garbage_is_a_failure_with_a_reason(said: bytes, reason: str) -> None:
    async with running_site(saying(said)) as site:
        result = await probed(asking(site.url))

    assert (result.success, result.reason, result.phase) == (False, reason, "transfer")


# --- time


async def test_a_site_that_hangs_is_down_after_the_timeout_and_not_before() -> None:
    async with running_site(hanging()) as site:
        result = await timed_out(asking(site.url), lambda: site.requests)

    assert result.reason == "timed out after 5s in phase processing"
    assert result.duration == pytest.approx(5.0)


async def test_a_body_that_never_ends_counts_against_the_same_timeout() -> None:
    async with running_site(hanging(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nWel")) as site:
        result = await timed_out(asking(site.url, timeout=3), lambda: site.requests)

    assert result.reason == "timed out after 3s in phase transfer"
    assert result.evidence[-2:] == ("status: 200", "answer: Wel")


async def test_a_handshake_that_hangs_times_out_in_its_own_phase_without_a_duration() -> None:
    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with running_site(silent) as site:
        url = f"https://127.0.0.1:{site.port}/"
        result = await timed_out(asking(url), lambda: site.connections)

    assert (result.reason, result.duration) == ("timed out after 5s in phase tls", None)


async def test_a_hanging_name_lookup_times_out_in_its_own_phase() -> None:
    result = await timed_out(asking("http://slow.example/"), lambda: True, HangingNames())

    assert (result.success, result.reason) == (False, "timed out after 5s in phase resolve")


async def test_a_lookup_that_never_got_a_thread_says_nothing_about_the_target() -> None:
    result = await timed_out(asking("http://slow.example/"), lambda: True, HangingNames(queued=True))

    assert (result.success, result.trouble) == (None, TroubleReason.TIMEOUT)


# --- certificates


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (-3.5, "certificate expired 3 days ago"),
        (-1.1, "certificate expired 1 day ago"),
        (-0.2, "certificate expired 4 hours ago"),
        (-0.01, "certificate expired less than an hour ago"),
    ],
)
async def test_an_expired_certificate_is_down_and_its_end_is_reported(days: float, reason: str) -> None:
    certificate = authority().issue("old.example", ends=days)
    async with running_site(answering(), server_context(certificate)) as site:
        result = await probed(asking(site.url_of("old.example")), Names(old_example="127.0.0.1"))

    assert (result.success, result.reason, result.phase) == (False, reason, "tls")
    assert result.expires == certificate.certificate.not_valid_after_utc.timestamp()
    assert site.requests == []


async def test_a_certificate_for_another_name_says_for_which() -> None:
    context = server_context(authority().issue("other.example"))
    async with running_site(answering(), context) as site:
        result = await probed(asking(site.url_of("shop.example")), Names(shop_example="127.0.0.1"))

    assert result.reason == "certificate is not for shop.example, but for other.example"


async def test_a_self_signed_certificate_says_so() -> None:
    async with running_site(answering(), server_context(self_signed("shop.example"))) as site:
        result = await probed(asking(site.url_of("shop.example")), Names(shop_example="127.0.0.1"))

    assert result.reason == "certificate is self-signed"


async def test_a_certificate_that_begins_tomorrow_says_when() -> None:
    certificate = authority().issue("soon.example", begins=1)
    async with running_site(answering(), server_context(certificate)) as site:
        result = await probed(asking(site.url_of("soon.example")), Names(soon_example="127.0.0.1"))

    begins = certificate.certificate.not_valid_before_utc
    assert result.reason == f"certificate is not valid before {begins:%Y-%m-%d %H:%M} UTC"


async def test_a_stranger_among_authorities_is_not_trusted() -> None:
    stranger = type(authority()).create("Another CA").issue("shop.example")
    async with running_site(answering(), server_context(stranger)) as site:
        result = await probed(asking(site.url_of("shop.example")), Names(shop_example="127.0.0.1"))

    assert result.reason.startswith("certificate is signed by nobody who is trusted")


async def test_a_refused_certificate_is_the_reason_even_when_reading_it_hangs() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)

    context = server_context(authority().issue("old.example", ends=-3))
    async with running_site(once, context) as secure, running_site(_first_to(secure.port)) as site:
        url = f"https://old.example:{site.port}/"
        result = await timed_out(asking(url), lambda: site.connections == 2, Names(old_example="127.0.0.1"))

    assert (result.reason, result.expires) == ("certificate expired", None)


def _first_to(port: int) -> Behaviour:
    """Lead the first connection to another port and let every later one hang."""
    first = True

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        if not first:
            await asyncio.Event().wait()
        first = False
        there, back = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as group:
            group.create_task(_pour(reader, back))
            group.create_task(_pour(there, writer))

    return behave


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_a_plain_site_behind_https_fails_the_handshake() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with running_site(plain) as site:
        result = await probed(asking(f"https://127.0.0.1:{site.port}/"))

    assert (result.reason, result.phase) == ("TLS failed: wrong version number", "tls")


async def test_a_close_during_the_handshake_says_so() -> None:
    async def shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.close()

    async with running_site(shut) as site:
        result = await probed(asking(f"https://127.0.0.1:{site.port}/"))

    assert not result.success
    assert result.phase == "tls"


# --- redirects


async def test_redirects_are_followed_and_the_last_place_is_named() -> None:
    async with running_site(answering(503)) as last, running_site(redirecting(last.url + "x")) as first:
        result = await probed(asking(first.url))

    assert result.reason == f"status 503, expected 200-299 (redirected to {last.url}x)"
    assert result.status == 503


async def test_a_relative_redirect_stays_on_its_site() -> None:
    async with running_site(redirecting("/login?next=%2F")) as site:
        result = await probed(asking(site.url))

    assert result.success, result.reason
    assert site.requests[1].startswith("GET /login?next=%2F ")


async def test_a_redirect_that_is_itself_expected_is_the_answer() -> None:
    async with running_site(redirecting("/elsewhere", status=301)) as site:
        result = await probed(expecting(site.url, status=301))

    assert (result.success, result.reason, site.connections) == (True, "status 301", 1)


async def test_a_redirect_loop_ends_after_ten() -> None:
    async with running_site(redirecting(*["/again"] * 20)) as site:
        result = await probed(asking(site.url))

    assert result.reason == f"more than 10 redirects (redirected to {site.url}again)"
    assert site.connections == 11


async def test_each_hop_is_resolved_anew_and_the_earliest_certificate_counts() -> None:
    names = Names(a_example="127.0.0.1", b_example="127.0.0.1")
    ends_soon = authority().issue("a.example", ends=10)
    ends_late = authority().issue("b.example", ends=80)
    async with (
        running_site(answering(), server_context(ends_late)) as second,
        running_site(redirecting(second.url_of("b.example")), server_context(ends_soon)) as first,
    ):
        result = await probed(asking(first.url_of("a.example")), names)

    assert names.asked == ["a.example", "b.example"]
    assert result.expires == ends_soon.certificate.not_valid_after_utc.timestamp()


async def test_a_redirect_to_another_origin_takes_no_credentials_along() -> None:
    async with running_site(answering()) as other, running_site(redirecting(other.url)) as site:
        await probed(asking(site.url, X_Session="s3cr3t", Accept_Language="it"))

    assert "s3cr3t" in site.requests[0]
    assert "s3cr3t" not in other.requests[0]
    assert "Accept-Language: it" in other.requests[0]


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_a_redirected_post_keeps_its_body_only_where_http_says_so(status: int, method: str) -> None:
    async with running_site(redirecting("/next", status=status)) as site:
        await probed(asking(site.url, method="POST", body="x"))

    assert site.requests[1].startswith(f"{method} /next ")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "status 302 leads nowhere: it has no Location"),
        ("ftp://files.example/", "status 302 leads to no site: 'ftp://files.example/' is neither http nor https"),
    ],
)
async def test_a_redirect_to_nowhere_says_so(location: str, reason: str) -> None:
    async with running_site(redirecting(location)) as site:
        assert (await probed(asking(site.url))).reason == reason


# --- the prober's own trouble


@contextmanager
def no_free_files() -> Iterator[None]:
    """Take every file descriptor that this process may still open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as last:
        highest = last.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    taken = []
    try:
        while True:
            try:
                taken.append(socket.socket())
            except OSError:
                break
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for sock in taken:
            sock.close()


async def test_a_prober_without_free_files_does_not_blame_the_target() -> None:
    async with running_site(answering()) as site:
        with no_free_files():
            result = await probed(asking(site.url))

    assert (result.success, result.trouble) == (None, TroubleReason.UNREACHABLE)
    assert result.reason == "cannot probe: too many open files"


async def test_a_mistake_of_ours_is_not_told_as_an_outage_of_theirs() -> None:
    result = await probed(asking("http://shop.example/"), Names(shop_example=RuntimeError("oops")))

    assert (result.success, result.trouble) == (None, TroubleReason.INTERNAL)
    assert "oops" in result.reason


async def test_a_resolvers_verdict_is_the_reason() -> None:
    names = Names(shop_example=Down("name lookup failed (temporary failure in name resolution)"))

    assert "temporary failure" in (await probed(asking("http://shop.example/"), names)).reason


async def test_ipv4_is_chosen_where_a_name_has_both() -> None:
    async with running_site(answering()) as site:
        result = await probed(asking(site.url_of("both.example")), Names(both_example=["::1", "127.0.0.1"]))

    assert (result.success, result.address) == (True, "127.0.0.1")


async def test_a_probe_that_is_cancelled_leaves_nothing_open() -> None:
    async with running_site(hanging()) as site:
        running = asyncio.create_task(probed(asking(site.url)))
        await until(lambda: site.requests)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
