"""URLs of probes: read strictly at load, leniently where a server redirects to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, urljoin, urlsplit

from watchtower.sources.probe.endpoints import ascii_host

_PORTS = {"http": 80, "https": 443}
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
#: what may stand unescaped in a request target; the percent sign keeps what is escaped already
_SAFE = "/:?#[]@!$&'()*+,;=-._~%"
_SECRETIVE = re.compile(r"(?i)(?:.*[_.-])?(?:key|sig|pass|pwd|jwt)|.*(?:token|secret|apikey|password|passwd|signature)")


@dataclass(frozen=True, slots=True)
class Url:
    """Where one request goes; ``host`` is ASCII, without brackets; ``path`` carries the query.

    ``secret`` is the part of the query that is sent and never shown.
    """

    scheme: str
    host: str
    port: int
    path: str
    secret: str = field(default="", repr=False)

    @property
    def target(self) -> str:
        """What is asked for on this host, with what is secret in it."""
        return f"{self.path}{'&' if '?' in self.path else '?'}{self.secret}" if self.secret else self.path

    @property
    def whole(self) -> str:
        """What a proxy is asked for, with what is secret in it."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def secure(self) -> bool:
        """Whether TLS comes before HTTP."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The Host header: the port is named only when it is not the scheme's own."""
        return self.bracketed if self.port == _PORTS[self.scheme] else f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host as it stands before a port."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what a browser calls the same site."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(text: str) -> Url:
    """Read a URL that a person wrote; raises ValueError with what to change."""
    if _UNPRINTABLE.search(text):
        raise ValueError(f"{text!r} holds a space or a control character; a URL has none (a space is written %20)")
    split = _split(text)
    if split.scheme not in _PORTS:
        raise ValueError(f"{text!r} is no URL of a site; write it with its scheme, like https://{_bare(text)}")
    if split.username is not None or split.password is not None:
        raise ValueError("credentials do not belong in a URL: they would be shown in alerts and logs")
    return _url(split, text)


def secretive(name: str) -> bool:
    """Whether a value of this name is a secret, to all appearance."""
    return _SECRETIVE.fullmatch(name) is not None


def public(text: str) -> str:
    """A URL or a part of one in which no secret is written; raises ValueError with where it belongs."""
    for name, value in parse_qsl(text.partition("?")[2].partition("#")[0]):
        if secretive(name) and "{{" not in value:
            raise ValueError(
                f"the value of {name!r} looks like a secret and would be shown in alerts and logs; take it out of the "
                f"URL and write query: {{{name}: {{env: NAME}}}} beside it"
            )
    return text


def join_url(base: Url, location: str) -> Url:
    """Where a redirect leads; credentials in it are dropped. Raises ValueError when it is no http(s) URL."""
    cleaned = _UNPRINTABLE.sub(lambda found: quote(found.group()), location.strip())
    split = _split(urljoin(str(base), cleaned))
    if split.scheme not in _PORTS:
        raise ValueError(f"{location!r} is neither http nor https")
    return _url(split, location)


def _split(text: str) -> SplitResult:
    try:
        split = urlsplit(text)
        _ = split.port  # an impossible port shows itself only when it is asked for
    except ValueError as error:
        raise ValueError(f"{text!r} is no URL: {error}") from None
    return split


def _url(split: SplitResult, text: str) -> Url:
    if not split.hostname:
        raise ValueError(f"{text!r} names no host")
    path = quote(split.path or "/", safe=_SAFE)
    query = f"?{quote(split.query, safe=_SAFE)}" if split.query else ""
    port = _PORTS[split.scheme] if split.port is None else split.port
    if not port:
        raise ValueError(f"{text!r} names port 0, where nothing can listen")
    return Url(split.scheme, ascii_host(split.hostname), port, path + query)


def _bare(text: str) -> str:
    return text.split("://", 1)[-1].lstrip("/") or "www.example.com/"
