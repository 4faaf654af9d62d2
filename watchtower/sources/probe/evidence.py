"""What proves a failure, in lines that anybody may read: secrets are hidden before they leave the probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.redaction import HIDDEN, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.sources.probe.attempt import Attempt

#: Bytes of an answer that are looked at: more than are shown, because half a secret no longer looks like one.
EXCERPT = 4_096
#: Characters of an answer that are shown, and of a reason: both may be a stranger's words.
SHOWN, REASON = 1_024, 500


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
        yield f"certificate: {attempt.certificate}"
    if attempt.status is not None:
        yield f"status: {attempt.status}"


def _answer(attempt: Attempt) -> Iterator[str]:
    if attempt.excerpt:
        yield f"answer: {hidden(printable(attempt.excerpt[:EXCERPT]), attempt.hide)[:SHOWN]}"


def reason_of(text: str, attempt: Attempt) -> str:
    """A reason without secrets, as long as people read."""
    shown = hidden(text, attempt.hide)
    return shown if len(shown) <= REASON else f"{shown[:REASON]}…"


def hidden(text: str, secrets: Sequence[str]) -> str:
    """The text without these secrets, and without what looks like one."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return redact(text)


def printable(data: bytes) -> str:
    """Bytes of a stranger as one line of text: what would move a cursor becomes a space."""
    text = data.decode("utf-8", errors="replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def endpoint(address: str, port: int) -> str:
    """``10.0.0.1:443``, ``[::1]:443``; without a port the address alone."""
    shown = f"[{address}]" if ":" in address and port else address
    return f"{shown}:{port}" if port else shown
