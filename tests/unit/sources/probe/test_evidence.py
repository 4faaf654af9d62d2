"""What people read of an answer: everything but secrets, in whatever form a site repeats them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest

from tests.support.clock import ManualClock
from tests.support.probing import tools
from watchtower.sources.probe.attempt import Attempt
from watchtower.sources.probe.evidence import EXCERPT, evidence_of, hidden, shortened

SECRET = 'opaque "Zk3\\<&é/+ end'


@pytest.mark.parametrize(
    "repeated",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("<", "\\u003c").replace("&", "\\u0026"),
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        repr(SECRET)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        "opaque &quot;Zk3\\&lt;&amp;é/+ end",
    ],
)
def test_a_secret_is_hidden_in_every_form_in_which_texts_repeat_it(repeated: str) -> None:
    assert hidden(f"you said {repeated}!", (SECRET,)) == "you said [redacted]!"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_of_base64_is_hidden_wherever_it_begins(before: str, encode: type[bytes]) -> None:
    told = hidden(encode(f"{before}{SECRET}:more".encode()).decode(), (SECRET,))

    assert "[redacted]" in told
    assert len(told.replace("[redacted]", "")) < 14


def test_a_secret_that_holds_another_is_hidden_whole() -> None:
    assert hidden("key-abc-123", ("abc", "key-abc-123")) == "[redacted]"


def test_words_are_cut_only_after_their_secrets_are_hidden() -> None:
    assert shortened("x" * 190 + "opaque-" + "Zk3" * 50, ("opaque-" + "Zk3" * 50,), 195) == "x" * 190 + "[reda…"


def test_a_secret_of_which_the_excerpt_holds_but_the_beginning_is_hidden_too() -> None:
    secret = "opaque-" + "Zk3" * 50
    told = answer_of((secret.encode() + b" ") * 100, secret)

    assert "Zk3" not in told
    assert answer_of(secret.encode()[:50], secret) == "answer: [redacted]"


def test_a_secret_in_utf16_is_hidden() -> None:
    assert answer_of("password=hunter2".encode("utf-16-le"), "other") == "answer: password=[redacted]"


def answer_of(excerpt: bytes, secret: str) -> str:
    attempt = Attempt.begin(tools(ManualClock(datetime.now(UTC))))
    attempt.excerpt, attempt.hide = excerpt[:EXCERPT], (secret,)
    return evidence_of(attempt)[-1]
