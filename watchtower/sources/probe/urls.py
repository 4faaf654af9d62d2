"""URLs of probes: read strictly at load, leniently where a server redirects to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")
#: what may stand unescaped in a request target; the percent sign keeps what is escaped already
_SAFE = "/:?#[]@!$&'()*+,;=-._~%"


@dataclass(frozen=True, slots=True)
class Url:
    """Where one request goes; ``host`` is ASCII, without brackets; ``path`` carries the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def secure(self) -> bool:
        """Whether TLS comes before HTTP."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The Host header: the port is named only when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

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


def join_url(base: Url, location: str) -> Url:
    """Where a redirect leads; credentials in it are dropped. Raises ValueError when it is no http(s) URL."""
    cleaned = _UNPRINTABLE.sub(lambda found: quote(found.group()), location.strip())
    split = _split(urljoin(str(base), cleaned))
    if split.scheme not in _PORTS:
        raise ValueError(f"{location!r} is neither http nor https")
    return _url(split, location)


def render(template: str, target: str) -> str:
    """Put the target in the place of ``{{ target }}``; any other placeholder raises ValueError."""

    def replace(found: re.Match[str]) -> str:
        if found.group(1) != "target":
            raise ValueError(f"{found.group()} is unknown here; a probe's url knows {{{{ target }}}} only")
        return target

    return _PLACEHOLDER.sub(replace, template)


def templated(template: str) -> bool:
    """Whether the URL differs by target."""
    return _PLACEHOLDER.search(template) is not None


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
    return Url(split.scheme, _ascii(split.hostname), port, path + query)


def _ascii(host: str) -> str:
    """The name as DNS knows it: an international name in its xn-- form."""
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{host!r} is no host name") from None


def _bare(text: str) -> str:
    return text.split("://", 1)[-1].lstrip("/") or "www.example.com/"
