"""Who may change something over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from watchtower.web.guard import PROXIED, guarding

if TYPE_CHECKING:
    from collections.abc import Mapping


HERE = "127.0.0.1:9464"
TEST = "/api/v1/channels/ops/test"


async def handler(_: web.Request) -> web.StreamResponse:
    return web.Response(text="done")


async def answer(
    method: str,
    remote: str | None,
    headers: Mapping[str, str] | None = None,
    *,
    listen: str = "",
    asked: str = HERE,
    path: str = TEST,
    route: str = "",
) -> int:
    """The status of a request that comes from this address and asks for this host, by way of this route."""
    transport = Mock()  # aiohttp's own stand-in for a connection asks for one
    transport.get_extra_info.side_effect = lambda name, *_: (remote, 50000) if name == "peername" and remote else None
    given = {**({"Host": asked} if asked else {}), **(headers or {})}
    request = make_mocked_request(method, path, headers=given, transport=transport)
    resource: Any = request.match_info.route.resource
    resource.canonical = route or path
    return (await guarding(listen, signed={"/signed", "/signed/{name}"})(request, handler)).status


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.8.0.1", "::1"])
async def test_loopback_may_change_something(remote: str) -> None:
    assert await answer("POST", remote) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("remote", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "10.0.0.1", "/run/socket", None])
async def test_nobody_else_may(method: str, remote: str | None) -> None:
    assert await answer(method, remote) == 403


async def test_everybody_may_read() -> None:
    assert await answer("GET", "192.0.2.7", {"X-Forwarded-For": "198.51.100.1"}, asked="monitoring.example.com") == 200


async def test_a_browser_on_loopback_may_not_change_anything_for_a_page_it_shows() -> None:
    assert await answer("POST", "127.0.0.1", {"Origin": "http://localhost:9464"}) == 403


@pytest.mark.parametrize("header", PROXIED)
@pytest.mark.parametrize("value", ["198.51.100.1", "127.0.0.1"])
async def test_what_came_through_a_proxy_does_not_come_from_loopback(header: str, value: str) -> None:
    """A proxy beside the daemon lends its address to all its clients, and they may write what they like."""
    assert await answer("POST", "127.0.0.1", {header: value}) == 403


@pytest.mark.parametrize("asked", ["localhost", "LocalHost:9464", "127.8.0.1:80", "[::1]:9464", "[::1]"])
async def test_loopback_may_be_called_by_any_of_its_names(asked: str) -> None:
    assert await answer("POST", "127.0.0.1", asked=asked) == 200


@pytest.mark.parametrize(
    "asked",
    [
        "evil.example:9464",  # its name was made to mean 127.0.0.1 after its page had been loaded
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0:9464",
        "[::]:9464",
        "[::1",
        "10.0.0.5:9464",
        "",
    ],
)
async def test_a_page_whose_name_was_rebound_to_loopback_may_not_change_anything(asked: str) -> None:
    assert await answer("POST", "127.0.0.1", asked=asked) == 403
    assert await answer("POST", "127.0.0.1", asked=asked, listen="0.0.0.0") == 403
    assert await answer("POST", "127.0.0.1", asked=asked, listen="::") == 403


async def test_the_host_that_the_daemon_listens_on_is_its_name_too() -> None:
    assert await answer("POST", "127.0.0.1", asked="monitor.internal:9464", listen="monitor.internal") == 200
    assert await answer("POST", "127.0.0.1", asked="10.0.0.5:9464", listen="10.0.0.5") == 200


async def test_what_a_vendor_signs_may_come_from_anywhere() -> None:
    assert await answer("POST", "192.0.2.7", {"Via": "1.1 proxy"}, asked="wt.example.com", path="/signed") == 200
    assert await answer("POST", "192.0.2.7", path="/signed/more") == 403


async def test_a_signed_route_is_open_whatever_it_is_called_with_and_nothing_beside_it() -> None:
    assert await answer("POST", "192.0.2.7", path="/signed/oncall", route="/signed/{name}") == 200
    assert await answer("POST", "192.0.2.7", path="/signed/oncall", route="/signed/{name}/more") == 403
