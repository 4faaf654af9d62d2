"""What proves a failure, in lines that anybody may read: secrets are hidden before they leave the probe."""

from __future__ import annotations

import base64
import html
import json
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from watchtower.redaction import HIDDEN, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.sources.probe.attempt import Attempt

#: Bytes of an answer that are looked at: more than are shown, because half a secret no longer looks like one.
EXCERPT = 4_096
#: Characters of an answer that are shown, and of a reason: both may be a stranger's words.
SHOWN, REASON = 1_024, 500
#: Bytes of a secret from which on its base64 is looked for, and characters of one that tell nothing yet.
_SHORTEST, _HALF = 6, 3


def evidence_of(attempt: Attempt) -> tuple[str, ...]:
    """Phase reached, address, certificate, status and the answer's first kilobyte, as far as there are any."""
    return (*(hidden(line, attempt.hide) for line in _lines(attempt)), *_answer(attempt))


def _lines(attempt: Attempt) -> Iterator[str]:
    yield f"phase reached: {attempt.watch.phase}"
    if attempt.proxy:
        yield f"proxy: {attempt.proxy}"
    if attempt.address:
        yield f"address: {endpoint(attempt.address, attempt.port)}"
    if attempt.certificate is not None:
        yield f"certificate: {_one_line(str(attempt.certificate))}"
    if attempt.status is not None:
        yield f"status: {attempt.status}"


def _answer(attempt: Attempt) -> Iterator[str]:
    if attempt.excerpt:
        excerpt = printable(attempt.excerpt[:EXCERPT])
        yield f"answer: {hidden(_without_half(excerpt, attempt.hide), attempt.hide)[:SHOWN]}"


def _without_half(text: str, secrets: Sequence[str]) -> str:
    """An excerpt without the beginning of a secret at its end, of which the rest was cut off."""
    for form in _forms(tuple(secrets)):
        for length in range(min(len(form) - 1, len(text)), _HALF, -1):
            if text.endswith(form[:length]):
                return text[:-length] + HIDDEN
    return text


def reason_of(text: str, attempt: Attempt) -> str:
    """A reason without secrets, as long as people read, in one line."""
    shown = shortened(text, attempt.hide, REASON)
    return shown if shown.isprintable() else _one_line(shown)


def shortened(text: str, secrets: Sequence[str], most: int) -> str:
    """A stranger's words without secrets, and only then cut: half a secret would no longer be known for one."""
    shown = hidden(text, secrets)
    return shown if len(shown) <= most else f"{shown[:most]}…"


def hidden(text: str, secrets: Sequence[str]) -> str:
    """The text without these secrets, in whatever form they are repeated, and without what looks like one."""
    for form in _forms(tuple(secrets)) if secrets else ():
        text = text.replace(form, HIDDEN)
    return redact(text)


@lru_cache(maxsize=256)
def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Secrets as they are, and as JSON, Python, HTML, URLs and base64 write them; the longest first."""
    forms = {form for secret in secrets for form in (secret, *_written(secret), *_encoded(secret))}
    return tuple(sorted(forms - {""}, key=len, reverse=True))


def _written(secret: str) -> Iterator[str]:
    for written in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield from (written, written.replace("/", "\\/"))
        yield "".join(f"\\u{ord(char):04x}" if char in "<>&" else char for char in written)  # as Go and Rails do
    yield from (repr(secret)[1:-1], html.escape(secret), html.escape(secret, quote=False))
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))


def _encoded(secret: str) -> Iterator[str]:
    """In base64, alone or inside of something longer: then its letters depend on how many bytes stand before it."""
    data = secret.encode()
    if len(data) < _SHORTEST:
        return
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        certain = whole[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        yield from (certain, certain.replace("+", "-").replace("/", "_"))


def printable(data: bytes) -> str:
    """Bytes of a stranger as one line of text: what would move a cursor becomes a space.

    Zeros are left out: in UTF-16 they stand between the letters, where no secret would be known for one.
    """
    return _one_line(data.replace(b"\0", b"").decode("utf-8", errors="replace"))


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def endpoint(address: str, port: int) -> str:
    """``10.0.0.1:443``, ``[::1]:443``; without a port the address alone."""
    shown = f"[{address}]" if ":" in address and port else address
    return f"{shown}:{port}" if port else shown
