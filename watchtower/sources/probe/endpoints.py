"""Hosts and ports as rules and targets write them, and the place of the target in them."""

from __future__ import annotations

import re
from ipaddress import ip_address

import idna

_UNFIT = re.compile(r"[\s\x00-\x1f\x7f/@?#\\]")
_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_PORT = re.compile(r"\d{1,5}")
#: Characters that DNS allows in a label, and in a name.
_LABEL, _NAME = 63, 253


def render(template: str, target: str) -> str:
    """Put the target in the place of ``{{ target }}``; any other placeholder raises ValueError."""

    def replace(found: re.Match[str]) -> str:
        if found.group(1) != "target":
            raise ValueError(f"{found.group()} is unknown here; a probe knows {{{{ target }}}} only")
        return target

    return _PLACEHOLDER.sub(replace, template)


def templated(template: str) -> bool:
    """Whether the text differs by target."""
    return _PLACEHOLDER.search(template) is not None


def split_host(text: str, port: int | None, default: int | None = None) -> tuple[str, int]:
    """``host``, ``host:port``, ``[::1]:port`` as ASCII host and port; without one ``port``, else ``default``."""
    host, found = _parted(text)
    if found is not None and port is not None and found != port:
        raise ValueError(f"{text!r} names port {found}, and the probe port {port}; write it in one place")
    number = next((one for one in (found, port, default) if one is not None), None)
    if number is None:
        raise ValueError(f"{text!r} names no port; write {text}:PORT, or `port` in the probe")
    if not 0 < number < 65_536:
        raise ValueError(f"{text!r}: a port is 1 to 65535")
    return host, number


def ascii_host(text: str) -> str:
    """A host as DNS knows it: an international name in its xn-- form; raises ValueError."""
    if "://" in text:
        raise ValueError(f"{text!r} is a URL; a host is wanted, like www.example.com")
    if not text or _UNFIT.search(text):
        raise ValueError(f"{text!r} is no host name")
    try:
        host = text if text.isascii() else _internationalized(text)
    except UnicodeError:
        raise ValueError(f"{text!r} is no host name") from None
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not (all(0 < len(label) <= _LABEL for label in labels) and len(host) <= _NAME + 1):
        raise ValueError(f"{text!r} is no host name, and no name that DNS could know")
    return host


def _internationalized(text: str) -> str:
    """As browsers do it: UTS 46, in which ß is a letter of its own; IDNA 2003 made another site's name of it."""
    if len(text) > _NAME:
        raise UnicodeError
    labels = idna.uts46_remap(text, std3_rules=False, transitional=False).split(".")
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode('ascii')}" for one in labels)


def certified_name(text: str) -> str:
    """A name or address as certificates write them: ASCII, small letters, no dot at the end; raises ValueError."""
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        star = "*." if text.startswith("*.") else ""
        return star + ascii_host(text.removeprefix(star)).lower().removesuffix(".")


def _parted(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
    elif text.count(":") == 1 and "://" not in text:
        host, _, port = text.partition(":")
        rest = f":{port}"
    else:
        host, rest = text, ""
    if rest and not (rest.startswith(":") and _PORT.fullmatch(rest[1:])):
        raise ValueError(f"{text!r} is no host with a port")
    return ascii_host(host), int(rest[1:]) if rest else None
