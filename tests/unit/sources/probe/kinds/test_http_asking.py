"""What a request may carry and where it may go: secrets, proxies, families, redirects; and what is expected back."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.probing import probe_of, probed, timed_out
from tests.support.sites import (
    Behaviour,
    Names,
    answering,
    authority,
    free_port,
    hanging,
    redirecting,
    running_site,
    self_signed,
    server_context,
)
from watchtower.model import TroubleReason
from watchtower.sources.probe.kinds.http.exchange import MAX_BODY

if TYPE_CHECKING:
    from watchtower.sources.probe.result import Result

JSON = b'{"status": {"ready": true, "version": 7}, "checks": [{"name": "db", "ok": true}, {"name": "mq", "ok": false}]}'


async def expecting(behaviour: Behaviour, **expect: Any) -> Result:
    async with running_site(behaviour) as site:
        return await probed(http={"url": site.url, "expect": expect})


# --- what is expected


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"headers": {"X-Cache": True}}, ""),
        ({"headers": {"x-cache": "HIT"}}, ""),
        ({"headers": {"X-Cache": {"regex": "^(HIT|MISS)$"}}}, ""),
        ({"headers": {"X-Powered-By": False}}, ""),
        ({"headers": {"X-Cache": False}}, "header X-Cache is there"),
        ({"headers": {"X-Frame-Options": True}}, "header X-Frame-Options is missing"),
        ({"headers": {"X-Cache": "MISS"}}, "header X-Cache is 'HIT', expected 'MISS'"),
        ({"headers": {"X-Cache": {"regex": "^M"}}}, "header X-Cache is 'HIT', which does not match '^M'"),
        ({"regex": r"ready\W+true"}, ""),
        ({"regex": "version.: 8"}, "body does not match 'version.: 8'"),
        ({"json_path": {"status.ready": True, "status.version": 7}}, ""),
        ({"json_path": {"status.version": 8}}, "status.version is 7, expected 8"),
        ({"json_path": {"status.ready": 1}}, "status.ready is true, expected 1"),
        ({"json_path": {"checks[?!ok].name": []}}, 'checks[?!ok].name is ["mq"], expected []'),
        ({"json_path": {"length(nowhere)": 1}}, "length(nowhere) cannot be read from the body: "),
        ({"min_size": 10, "max_size": 1_000}, ""),
        ({"min_size": 500}, f"body has {len(JSON)} bytes, expected at least 500"),
        ({"max_size": 50}, f"body has {len(JSON)} bytes, expected at most 50"),
        ({"certificate_days": 3}, "there was no certificate"),
        ({"max_duration": "30s"}, ""),
        ({"redirect": "http://elsewhere.example/"}, "leads to nowhere else, expected http://elsewhere.example/"),
    ],
    ids=str,
)
async def test_everything_that_is_expected_must_hold(expect: dict[str, Any], reason: str) -> None:
    result = await expecting(answering(200, JSON, "X-Cache: HIT"), **expect)

    assert result.success is (not reason)
    assert result.reason.startswith(reason or "status 200")


async def test_a_text_that_is_not_json_says_so() -> None:
    assert (await expecting(answering(), json_path={"a": 1})).reason == "the body is not JSON"


async def test_a_slow_answer_is_a_failure_where_the_rule_says_how_slow() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await answering()(reader, writer)

    result = await expecting(slow, max_duration="50ms")
    assert re.fullmatch(r"took \d\.\d{3}s, expected at most 50ms", result.reason)
    assert result.duration is not None


async def test_a_certificate_that_ends_too_soon_is_a_failure_where_the_rule_says_how_soon() -> None:
    async with running_site(answering(), server_context(authority().issue("shop.example", ends=5.05))) as site:
        query = {"url": site.url_of("shop.example"), "expect": {"certificate_days": 14}}
        result = await probed(Names(shop_example="127.0.0.1"), http=query)

    assert result.reason == "certificate ends in 5.0 days, expected at least 14"


async def test_a_gzip_bomb_is_measured_only_as_far_as_it_is_opened() -> None:
    bomb = gzip.compress(b"x" * (8 * MAX_BODY))
    result = await expecting(answering(200, bomb, "Content-Encoding: gzip"), max_size=100_000)

    assert result.reason == f"body has at least {MAX_BODY} bytes, expected at most 100000"
    assert result.evidence[-1] == "answer: " + "x" * 1024


@pytest.mark.parametrize(
    ("expect", "failed"),
    [({"contains": "Welcome"}, 0.0), ({"regex": "Bye"}, 1.0), ({"headers": {"Server": True}}, 1.0), ({}, None)],
)
async def test_texts_that_decide_are_measured(expect: dict[str, Any], failed: float | None) -> None:
    assert (await expecting(answering(), **expect)).measures.get("probe_failed_due_to_regex") == failed


# --- evidence


async def test_a_failure_carries_all_that_was_seen_with_secrets_hidden() -> None:
    issued = authority().issue("shop.example")
    body = b"<h1>Oops</h1>\n api_key=abcdefgh \x07" + b"z" * 2_000
    async with running_site(answering(503, body), server_context(issued)) as site:
        result = await probed(Names(shop_example="127.0.0.1"), http={"url": site.url_of("shop.example")})

    ends = issued.certificate.not_valid_after_utc
    assert result.evidence[:4] == (
        "phase reached: transfer",
        f"address: 127.0.0.1:{site.port}",
        f"certificate: CN=shop.example, issued by CN=Test CA, not after {ends:%Y-%m-%d %H:%M:%S} UTC",
        "status: 503",
    )
    assert result.evidence[4].startswith("answer: <h1>Oops</h1> api_key=[redacted] zzz")
    assert len(result.evidence[4]) < 1_100
    assert len(result.evidence) == 5


async def test_a_secret_that_the_site_repeats_is_in_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "correct horse")
    said = b"you are me with correct horse, or bWU6Y29ycmVjdCBob3JzZQ=="
    async with running_site(answering(403, said, "X-Saw: correct horse")) as site:
        auth = {"basic": {"username": "me", "password": {"env": "PASSWORD"}}}
        expect = {"status": 403, "headers": {"X-Saw": "nothing"}}
        result = await probed(http={"url": site.url, "auth": auth, "expect": expect})

    assert "Authorization: Basic bWU6Y29ycmVjdCBob3JzZQ==" in site.requests[0]
    assert result.reason == "header X-Saw is '[redacted]', expected 'nothing'"
    assert result.evidence[-1] == "answer: you are me with [redacted], or [redacted]"


async def test_a_secret_of_the_query_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "ab cd/ef")
    http = {"query": {"token": {"env": "TOKEN"}}, "expect": {"contains": "Hi"}}
    async with running_site(answering(200, b"asked with ab%20cd%2Fef")) as site:
        result = await probed(http={"url": f"{site.url}?a=1", **http})
        shown = probe_of(http={"url": f"{site.url}?a=1", **http}).job.shown
    assert site.requests[0].startswith("GET /?a=1&token=ab%20cd%2Fef HTTP/1.1")
    assert (shown, result.evidence[-1]) == (f"{site.url}?a=1", "answer: asked with [redacted]")

    async with running_site(answering()) as other, running_site(redirecting(other.url)) as site:
        assert (await probed(http={"url": site.url, "query": http["query"]})).success
    assert site.requests[0].startswith("GET /?token=ab")
    assert other.requests[0].startswith("GET / ")


async def test_a_secret_at_the_end_of_what_is_shown_is_hidden_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0k3n-of-ours")
    async with running_site(answering(500, b"x" * 1_015 + b" t0k3n-of-ours and more")) as site:
        result = await probed(http={"url": site.url, "auth": {"bearer": {"env": "TOKEN"}}})

    assert result.evidence[-1] == "answer: " + "x" * 1_015 + " [redacte"


async def test_a_strangers_words_in_a_reason_are_few() -> None:
    async with running_site(answering(302, b"", "Location: /" + "x" * 5_000)) as site:
        result = await probed(http={"url": site.url, "redirects": 1})

    assert result.reason.startswith("more than 1 redirect (redirected to ")
    assert len(result.reason) == 501


async def test_a_body_that_drips_is_evidence_as_far_as_it_came() -> None:
    dripping = hanging(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nWelc")
    async with running_site(dripping) as site:
        result = await timed_out(lambda: site.requests, http={"url": site.url})

    assert result.reason == "timed out after 5s in phase transfer"
    assert result.evidence == (
        "phase reached: transfer",
        f"address: 127.0.0.1:{site.port}",
        "status: 200",
        "answer: Welc",
    )


async def test_a_redirect_loop_shows_its_last_answer() -> None:
    async with running_site(redirecting(*["/again"] * 20)) as site:
        result = await probed(http={"url": site.url, "redirects": 2})

    assert result.reason == f"more than 2 redirects (redirected to {site.url}again)"
    assert result.evidence[-1] == "status: 302"
    assert site.connections == 3


async def test_a_place_that_fails_after_a_redirect_does_not_show_the_answer_of_the_place_before() -> None:
    port = free_port()
    onward = answering(302, b"moved", f"Location: http://127.0.0.1:{port}/")
    async with running_site(onward) as site:
        result = await probed(http={"url": site.url})

    assert result.reason == f"connection refused (127.0.0.1:{port}) (redirected to http://127.0.0.1:{port}/)"
    assert result.evidence == ("phase reached: connect", f"address: 127.0.0.1:{port}", "status: 302")


# --- secrets in requests


async def test_secrets_stand_in_headers_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0k3n")
    async with running_site(answering()) as site:
        headers = {"X-Key": {"env": "TOKEN"}, "X-Count": 3}
        await probed(http={"url": site.url, "headers": headers, "auth": {"bearer": {"env": "TOKEN"}}})

    assert "X-Key: t0k3n\r\n" in site.requests[0]
    assert "X-Count: 3\r\n" in site.requests[0]
    assert "Authorization: Bearer t0k3n\r\n" in site.requests[0]


async def test_a_redirect_to_another_site_does_not_learn_who_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0k3n")
    async with running_site(answering()) as other, running_site(redirecting(other.url)) as site:
        await probed(http={"url": site.url, "auth": {"bearer": {"env": "TOKEN"}}})

    assert "t0k3n" in site.requests[0]
    assert "t0k3n" not in other.requests[0]


# --- redirects


async def test_without_redirects_the_redirect_is_the_answer() -> None:
    async with running_site(redirecting("/elsewhere")) as site:
        result = await probed(http={"url": site.url, "redirects": "none"})

    assert (result.reason, site.connections) == ("status 302, expected 200-299", 1)


@pytest.mark.parametrize("redirects", [0, 10])
async def test_where_a_redirect_leads_can_be_expected(redirects: int) -> None:
    async with running_site(redirecting("/de/")) as site:
        status = "300-399" if redirects == 0 else "200-299"
        query = {"url": site.url, "redirects": redirects}
        good = await probed(http={**query, "expect": {"status": status, "redirect": f"{site.url}de/"}})
        site.behaviour = redirecting("https://evil.example/") if redirects == 0 else redirecting("/fr/")
        bad = await probed(http={**query, "expect": {"status": status, "redirect": f"{site.url}de/"}})

    assert good.success, good.reason
    lead = "https://evil.example/" if redirects == 0 else f"{site.url}fr/"
    assert bad.reason.startswith(f"leads to {lead}, expected {site.url}de/")


# --- proxies


def tunnelling(refuse: bytes = b"") -> Behaviour:
    """A proxy that knows CONNECT; every host is on the loopback for it."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        if refuse:
            writer.write(refuse)
            await writer.drain()
            return
        port = int(asked.split()[1].rpartition(":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pour(source: Any, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
            sink.close()

        pours = [asyncio.create_task(pour(reader, back)), asyncio.create_task(pour(there, writer))]
        await asyncio.wait(pours, return_when=asyncio.FIRST_COMPLETED)
        for stream in (back, writer):
            stream.close()
        await asyncio.gather(*pours, back.wait_closed(), return_exceptions=True)

    return behave


async def test_a_secure_site_behind_a_proxy_is_reached_by_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY", "pw")
    context = server_context(authority().issue("shop.example"))
    async with running_site(answering(), context) as site, running_site(tunnelling()) as proxy:
        through = {"url": proxy.url, "basic": {"username": "me", "password": {"env": "PROXY"}}}
        result = await probed(http={"url": site.url_of("shop.example"), "proxy": through})

    assert result.success, result.reason
    assert proxy.requests[0].startswith(f"CONNECT shop.example:{site.port} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6cHc=" in proxy.requests[0]
    assert "Proxy-Authorization" not in site.requests[0]
    assert "tls" in result.phases


async def test_a_refused_certificate_behind_a_proxy_is_read_through_it() -> None:
    context = server_context(authority().issue("shop.example", ends=-3))
    async with running_site(answering(), context) as site, running_site(tunnelling()) as proxy:
        result = await probed(http={"url": site.url_of("shop.example"), "proxy": proxy.url})

    assert (result.reason, proxy.connections) == ("certificate expired 3 days ago", 2)


@pytest.mark.parametrize("site", ["http://shop.example/", "https://shop.example/"])
async def test_a_proxy_that_is_dead_is_named_and_not_the_site(site: str) -> None:
    dead = f"localhost:{free_port()}"
    result = await probed(http={"url": site, "proxy": f"http://{dead}"}, names=Names(localhost="127.0.0.1"))

    address = dead.replace("localhost", "127.0.0.1")
    assert result.reason == f"the proxy cannot be reached: connection refused ({address})"
    assert result.evidence == ("phase reached: connect", f"proxy: {dead}", f"address: {address}")


async def test_a_plain_site_behind_a_proxy_is_asked_for_by_its_whole_url() -> None:
    async with running_site(answering()) as proxy:
        result = await probed(http={"url": "http://shop.example/a?b=c", "proxy": proxy.url})

    assert result.success, result.reason
    assert proxy.requests[0].startswith("GET http://shop.example/a?b=c HTTP/1.1\r\n")
    assert "Host: shop.example\r\n" in proxy.requests[0]


async def test_a_proxy_that_refuses_says_its_status() -> None:
    async with running_site(tunnelling(b"HTTP/1.1 407 Who are you\r\n\r\n")) as proxy:
        result = await probed(http={"url": "https://shop.example/", "proxy": proxy.url})

    assert (result.success, result.reason) == (False, "the proxy refused to connect: status 407")


# --- families and trust


async def test_a_family_that_a_name_does_not_have_is_down_in_resolve() -> None:
    names = Names(four_example="127.0.0.1")
    query = {"http": {"url": f"http://four.example:{free_port()}/"}, "family": "ipv6"}
    result = await probed(names, **query)

    assert (result.success, result.phase, result.reason) == (False, "resolve", "the name has no IPv6 address")


async def test_the_family_that_is_asked_for_is_pinned() -> None:
    async with running_site(answering()) as site:
        names = Names(both_example=["::1", "127.0.0.1"])
        four = await probed(names, http={"url": site.url_of("both.example")}, family="ipv4")
        six = await probed(names, http={"url": site.url_of("both.example")}, family="ipv6")

    assert (four.success, four.address) == (True, "127.0.0.1")
    assert six.success is not True
    assert six.trouble in (None, TroubleReason.UNREACHABLE)
    assert six.address == "::1"


async def test_an_insecure_probe_takes_a_certificate_that_nobody_trusts() -> None:
    async with running_site(answering(), server_context(self_signed("other.example"))) as site:
        result = await probed(
            Names(own_example="127.0.0.1"), http={"url": site.url_of("own.example"), "insecure": True}
        )

    assert (result.success, result.reason) == (True, "status 200")
    assert result.expires is not None


@pytest.mark.parametrize(("method", "sent"), [("PUT", "body"), ("PATCH", "body"), ("DELETE", None), ("OPTIONS", None)])
async def test_every_method_is_sent_as_it_is_written(method: str, sent: str | None) -> None:
    async with running_site(answering()) as site:
        result = await probed(http={"url": site.url, "method": method, "body": sent})

    assert result.success, result.reason
    assert site.requests[0].startswith(f"{method} / HTTP/1.1")
    assert ("Content-Length: 4" in site.requests[0]) is (sent is not None)
