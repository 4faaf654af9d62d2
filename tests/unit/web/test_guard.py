"""Who may change something over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from watchtower.web.app import guard

if TYPE_CHECKING:
    from collections.abc import Mapping


async def handler(_: web.Request) -> web.StreamResponse:
    return web.Response(text="done")


async def answer(method: str, remote: str | None, headers: Mapping[str, str] | None = None) -> int:
    """The status of a request that comes from this address."""
    transport = Mock()  # aiohttp's own stand-in for a connection asks for one
    transport.get_extra_info.side_effect = lambda name, *_: (remote, 50000) if name == "peername" and remote else None
    request = make_mocked_request(method, "/api/v1/channels/ops/test", headers=headers, transport=transport)
    return (await guard(request, handler)).status


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.8.0.1", "::1"])
async def test_loopback_may_change_something(remote: str) -> None:
    assert await answer("POST", remote) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("remote", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "10.0.0.1", "/run/socket", None])
async def test_nobody_else_may(method: str, remote: str | None) -> None:
    assert await answer(method, remote) == 403


async def test_everybody_may_read() -> None:
    assert await answer("GET", "192.0.2.7") == 200


async def test_a_browser_on_loopback_may_not_change_anything_for_a_page_it_shows() -> None:
    assert await answer("POST", "127.0.0.1", {"Origin": "http://localhost:9464"}) == 403
