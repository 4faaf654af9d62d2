"""What a site's own words must not do: make it unknown, hold up the others, show our secrets, or be passed over."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.probing import probed
from tests.support.sites import answering, redirecting, running_site, saying
from watchtower.sources.probe.kinds.http.exchange import MAX_INFORMATIONAL, MAX_LINES

if TYPE_CHECKING:
    from tests.support.sites import Behaviour
    from watchtower.sources.probe.result import Result

OPAQUE = "opaque-" + "Zk3" * 50
HEAD = b"HTTP/1.1 200 OK\r\n"


async def asked(behaviour: Behaviour, **http: Any) -> Result:
    async with running_site(behaviour) as site:
        return await probed(http={"url": site.url, **http})


async def expecting(behaviour: Behaviour, **expect: Any) -> Result:
    return await asked(behaviour, expect=expect)


# --- nothing that is said makes a site unknown


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "base64", "unicode_escape"])
async def test_no_charset_hides_that_a_text_is_missing(charset: str) -> None:
    said = answering(200, b"h\xe9 \\u12", f"Content-Type: text/html; charset={charset}")

    assert (await expecting(said, contains="Welcome")).reason == "body lacks 'Welcome'"


async def test_a_title_with_an_endless_number_is_a_title() -> None:
    said = answering(200, b"<title>a &#" + b"1" * 5_000 + b";</title>")
    result = await asked(said, integrity=["title"])

    assert result.content is not None
    assert result.content.title == "a �"


async def test_a_value_in_json_too_deep_to_be_shown_is_not_what_was_expected() -> None:
    result = await expecting(answering(200, b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"), json_path={"a": 1})

    assert result.reason == "a is a value too deep to be shown, expected 1"


async def test_json_with_a_byte_order_mark_is_json() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert (await expecting(answering(200, '{"ok": true}'.encode(encoding)), json_path={"ok": True})).success


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "[::1", "ü" * 300, "a b", "\xad"])
async def test_a_redirect_to_what_is_no_host_is_down(host: str) -> None:
    for scheme in ("http", "https"):
        result = await asked(saying(f"HTTP/1.1 302 Found\r\nLocation: {scheme}://{host}/\r\n\r\n".encode()))

        assert (result.success, result.trouble) == (False, None), result.reason


# --- nothing that is said holds the others up


async def longest_pause(behaviour: Behaviour, **http: Any) -> float:
    pauses = []

    async def tick() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            pauses.append(time.monotonic() - began)

    ticking = asyncio.create_task(tick())
    await asked(behaviour, **http)
    await asyncio.sleep(0.02)
    ticking.cancel()
    return max(pauses)


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b'Content-Type: text/html; a="' + b";" * 60_000 + b"\r\nContent-Length: 2\r\n\r\nhi",
        HEAD + b"Content-Type: text/html; charset=punycode\r\n\r\n" + b"a" * 150_000 + b"-" + b"a" * 150_000,
    ],
    ids=["parameters", "punycode"],
)
async def test_no_content_type_stops_the_loop(said: bytes) -> None:
    assert await longest_pause(saying(said), expect={"contains": "Welcome"}) < 1.0


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (HEAD + b"a:\n" * (MAX_LINES + 5) + b"\n", f"the answer's headers have more than {MAX_LINES} lines"),
        (
            HEAD + b"a: b\n" + b" c\n" * (MAX_LINES + 5) + b"\n",
            f"the answer's headers have more than {MAX_LINES} lines",
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INFORMATIONAL + 1) + HEAD + b"\r\n",
            f"said more than {MAX_INFORMATIONAL} times that it will answer, and did not",
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"a:\n" * (MAX_LINES + 5) + b"\n",
            f"the answer's headers have more than {MAX_LINES} lines",
        ),
    ],
)
async def test_a_head_without_end_is_refused(said: bytes, reason: str) -> None:
    assert (await asked(saying(said))).reason == reason


async def test_a_body_may_have_as_many_lines_as_it_likes() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n" * MAX_INFORMATIONAL
    result = await expecting(saying(hints + HEAD + b"\r\n" + b"\n" * 3 * MAX_LINES + b"end"), contains="end")

    assert result.success, result.reason


# --- secrets


@pytest.fixture(params=[OPAQUE, 'pa"ss\\w0rd-Zk3Zk3'])
def secret(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOKEN", request.param)
    return str(request.param)


@pytest.mark.parametrize(
    "expect", [{"json_path": {"you": "x"}}, {"headers": {"X-You": "x"}}, {"headers": {"X-You": {"regex": "^x"}}}]
)
async def test_a_secret_that_is_repeated_is_hidden_before_the_words_are_cut(
    secret: str, expect: dict[str, Any]
) -> None:
    said = answering(200, json.dumps({"you": secret}).encode(), f"X-You: {'.' * 60}{secret}")
    result = await asked(said, headers={"X-Api": {"env": "TOKEN"}}, expect=expect)

    assert "[redacted]" in result.reason
    assert "Zk3" not in result.reason + "".join(result.evidence)


@pytest.mark.usefixtures("secret")
async def test_a_secret_in_a_title_is_hidden_before_the_title_is_kept(secret: str) -> None:
    said = answering(200, f"<title>{'.' * 150}{secret}</title>".encode())
    result = await asked(said, headers={"X-Api": {"env": "TOKEN"}}, integrity=["title"])

    assert result.content is not None
    assert result.content.title == "." * 150 + "[redacted]"


async def test_a_reason_moves_no_cursor() -> None:
    result = await expecting(
        answering(302, b"", "Location: ftp://x/\x85\x9b2J"), status=302, redirect="http://a.example/"
    )

    assert result.reason == "leads to ftp://x/ 2J, expected http://a.example/"


# --- headers that are there several times


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"Set-Cookie": {"regex": "^session="}}, ""),
        ({"Set-Cookie": {"regex": "^lang="}}, ""),
        ({"Cache-Control": "no-store"}, ""),
        ({"Cache-Control": "no-store, private"}, ""),
        ({"Cache-Control": {"regex": "no-store.*private"}}, ""),
        ({"Cache-Control": "public"}, "header Cache-Control is 'no-store' and 'private', expected 'public'"),
        ({"Cache-Control": False}, "header Cache-Control is there"),
    ],
    ids=str,
)
async def test_a_header_is_as_expected_when_one_of_its_values_is_or_all_in_one_line(
    expect: dict[str, Any], reason: str
) -> None:
    headers = (
        "Set-Cookie: session=abc; Path=/",
        "Set-Cookie: lang=ca",
        "Cache-Control: no-store",
        "Cache-Control: private",
    )
    result = await expecting(answering(200, b"", *headers), headers=expect)

    assert result.success is (not reason)
    assert result.reason == (reason or "status 200")


# --- packed bodies


async def test_a_packed_body_that_breaks_off_is_down() -> None:
    packed = gzip.compress(b"Welcome" + bytes(range(256)) * 40)[:120]
    result = await expecting(answering(200, packed, "Content-Encoding: gzip"), contains="Welcome")

    assert result.reason.startswith("body says that it is gzip, and breaks off after ")


async def test_what_an_unexpected_answer_says_is_shown_unpacked_and_in_its_charset() -> None:
    packed = gzip.compress("Größe: token=hunter2".encode("latin-1"))
    said = answering(500, packed, "Content-Encoding: gzip", "Content-Type: text/plain; charset=latin1")
    result = await asked(said)

    assert result.reason == "status 500, expected 200-299"
    assert result.evidence[-1] == "answer: Größe: token=[redacted]"


async def test_what_cannot_be_unpacked_is_shown_as_it_is() -> None:
    assert (await asked(answering(500, b"plain", "Content-Encoding: gzip"))).evidence[-1] == "answer: plain"


# --- bodies that are sent


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_to_another_site_is_not_sent_the_body(status: int) -> None:
    async with running_site(answering()) as other:
        result = await asked(redirecting(other.url, status=status), method="POST", body="user=u")

    assert (result.success, other.connections) == (False, 0)
    assert result.reason == f"status {status} leads to another site, which is not sent the body: {other.url}"


@pytest.mark.parametrize(("status", "http"), [(302, {"method": "POST", "body": "x"}), (307, {"method": "POST"})])
async def test_a_redirect_to_another_site_that_takes_no_body_along_is_followed(
    status: int, http: dict[str, Any]
) -> None:
    async with running_site(answering()) as other:
        assert (await asked(redirecting(other.url, status=status), **http)).success


async def test_a_body_that_is_sent_on_within_a_site_keeps_its_type() -> None:
    async with running_site(redirecting("/next", status=307)) as site:
        await probed(http={"url": site.url, "method": "POST", "body": "{}", "headers": {"Content-Type": "text/json"}})

    assert site.requests[1].startswith("POST /next ")
    assert "Content-Type: text/json\r\n" in site.requests[1]
    assert "Content-Length: 2\r\n" in site.requests[1]
