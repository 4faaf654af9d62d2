from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from tests.support.clock import ManualClock
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.loopback import LoopbackVendor, Reply
from watchtower.errors import Ambiguous, Rejected
from watchtower.notifiers.base import Doors
from watchtower.notifiers.http import MAX_ANSWER, MAX_RETRY_AFTER, Answer, Vendor, retry_after
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DATE = "Mon, 05 Jan 2026 00:00:00 GMT"
SECRET = "s3cr3t-routing-key"


class Echo(LoopbackVendor):
    """Answers what the test says."""

    reply = Reply(200, "fine")

    def act(self, request: web.Request, body: bytes) -> Reply:
        if request.path == "/moved":
            raise web.HTTPFound(self.origin + "/elsewhere")
        return self.reply


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with Echo(ManualClock()) as server:
        yield server


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with aiohttp.ClientSession() as session:
        yield Vendor("Acme", (Secret(SECRET),), Doors(session, AwsClients(AwsConfig()), 0.5), patience=42)


def answered(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, headers, body)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("17", 17),
        ("1.5", 1.5),
        ("-3", 0),
        ("999999", MAX_RETRY_AFTER),
        ("inf", MAX_RETRY_AFTER),
        ("Mon, 05 Jan 2026 00:01:30 GMT", 90),
        ("Mon, 05 Jan 2026 00:01:30 -0000", 90),
        ("Sun, 04 Jan 2026 23:00:00 GMT", 0),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(written: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": written, "Date": DATE}) == seconds


def test_a_retry_date_without_the_answers_own_date_tells_nothing() -> None:
    assert retry_after({"Retry-After": "Mon, 05 Jan 2026 00:01:30 GMT"}) is None


def test_a_429_that_does_not_say_how_long_waits_with_the_vendors_patience(vendor: Vendor) -> None:
    with pytest.raises(Rejected) as caught:
        vendor.check(answered(429))
    assert (caught.value.permanent, caught.value.retry_after) == (False, 42)


def test_a_429_that_asks_for_nothing_is_believed(vendor: Vendor) -> None:
    with pytest.raises(Rejected) as caught:
        vendor.check(Answer(429, {"Retry-After": "0"}, b""))
    assert caught.value.retry_after == 0


def test_a_503_with_retry_after_is_ambiguous_and_says_how_long(vendor: Vendor) -> None:
    with pytest.raises(Ambiguous) as caught:
        vendor.check(Answer(503, {"Retry-After": "9"}, b""))
    assert caught.value.retry_after == 9


@pytest.mark.parametrize(("status", "permanent"), [(301, True), (400, True), (408, False), (425, False)])
def test_a_refusal_is_for_good_unless_the_request_did_not_get_through(
    vendor: Vendor, status: int, permanent: bool
) -> None:
    with pytest.raises(Rejected) as caught:
        vendor.check(answered(status))
    assert caught.value.permanent is permanent


def test_an_error_quotes_the_vendor_briefly_and_without_the_secret(vendor: Vendor) -> None:
    with pytest.raises(Rejected) as caught:
        vendor.check(answered(400, f"bad\nkey {SECRET} {'x' * 5000}".encode()))
    assert caught.value.detail.startswith("Acme answered 400: bad key *** xxx")
    assert len(caught.value.detail) < 300


async def test_an_endless_answer_is_cut(vendor: Vendor, echo: Echo) -> None:
    echo.reply = Reply(200, "x" * (MAX_ANSWER + 1000))
    answer = await vendor.post(echo.origin, b"", {})
    assert len(answer.body) == MAX_ANSWER


async def test_a_redirect_is_not_followed(vendor: Vendor, echo: Echo) -> None:
    """The body holds a secret, and a page is not delivered by a GET elsewhere."""
    assert (await vendor.post(echo.origin + "/moved", b"", {})).status == 302
    assert echo.requests == []


async def test_no_connection_outlives_its_request(vendor: Vendor, echo: Echo) -> None:
    await vendor.post(echo.origin, b"", {})
    await echo.stop()
    with pytest.raises(Rejected) as caught:
        await vendor.post(echo.origin, b"", {})
    assert not caught.value.permanent


@pytest.mark.parametrize("url", ["http://", "no-scheme/at-all"])
async def test_an_address_that_is_none_is_refused_for_good(vendor: Vendor, url: str) -> None:
    with pytest.raises(Rejected) as caught:
        await vendor.post(url + SECRET if url != "http://" else url, b"", {})
    assert caught.value.permanent
    assert SECRET not in str(caught.value)


async def test_a_name_nobody_knows_means_nothing_left(vendor: Vendor) -> None:
    with pytest.raises(Rejected) as caught:
        await vendor.post("http://nowhere.invalid/", b"", {})
    assert not caught.value.permanent


@pytest.mark.parametrize("body", [b"ok", b"[1]", b""])
def test_an_answer_that_is_no_object_is_none(body: bytes) -> None:
    assert answered(200, body).json() is None


def test_an_answer_that_is_an_object_is_read() -> None:
    assert answered(200, b'{"ok": true}').json() == {"ok": True}
