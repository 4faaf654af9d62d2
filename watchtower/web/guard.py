"""Who may change something over HTTP, as long as nobody logs in: programs on this machine that came here directly."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp.typedefs import Handler, Middleware

#: What proxies add: behind one, an address on loopback is the proxy's and says nothing about who asks.
PROXIED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")

_READS = frozenset({"GET", "HEAD"})


def guarding(host: str = "", *, signed: Collection[str] = ()) -> Middleware:
    """A middleware that refuses changes with 403; reads are open to whoever reaches the port.

    ``host`` is where the daemon listens; ``signed`` are routes whose callers prove who they are.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in _READS and _route(request) not in signed:
            why = refusal(request, host)
            if why:
                return web.json_response({"error": why}, status=403)
        return await handler(request)

    return guard


def _route(request: web.Request) -> str:
    """The route as it was registered, with its ``{parameters}``; empty where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def refusal(request: web.Request, host: str) -> str:
    """Why a request may not change anything; empty where it may."""
    if not _is_loopback(request.remote) or "Origin" in request.headers:
        return "changes are accepted from loopback only"
    if any(name in request.headers for name in PROXIED):
        return "changes are accepted from loopback only, and not through a proxy"
    asked = request.headers.getall("Host", [])
    if len(asked) != 1 or not _is_here(asked[0], host):
        return "changes are accepted on loopback only: the Host header names another machine"
    return ""


def _is_here(asked: str, host: str) -> bool:
    """Whether a Host header means this daemon: a page whose name was rebound to loopback asks for that name."""
    try:
        name = urlsplit(f"//{asked}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name) or (name == host.lower() and not _is_unspecified(name))


def _is_unspecified(address: str) -> bool:
    """``0.0.0.0`` and its like: everybody's name for any machine."""
    try:
        return not address or ip_address(address).is_unspecified
    except ValueError:
        return False


def _is_loopback(address: str | None) -> bool:
    try:
        return address is not None and ip_address(address).is_loopback
    except ValueError:
        return False
