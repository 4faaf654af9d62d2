"""Secrets in texts are hidden, and texts without secrets come through unchanged."""

from __future__ import annotations

import time

import pytest

from watchtower.redaction import HIDDEN, MAX_LENGTH, redact, redact_event
from watchtower.secrets import Secret

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA75\nqF2d\n-----END RSA PRIVATE KEY-----"

SECRETS = [
    ("Authorization: Bearer abc.def-123", "abc.def-123"),
    ("authorization=Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    ('{"Authorization": "Bearer s3cr3t"}', "s3cr3t"),
    ("Authorization: rawtoken99", "rawtoken99"),
    ("Proxy-Authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    (
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/s3, Signature=fe5f80f7",
        "fe5f80f7",
    ),
    ("sent bearer 8f7d6c5b4a392817", "8f7d6c5b4a392817"),
    ("curl -H 'X: Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
    ("key AKIAIOSFODNN7EXAMPLE was used", "AKIAIOSFODNN7EXAMPLE"),
    (f"AKIAIOSFODNN7EXAMPLE:{AWS_SECRET}", AWS_SECRET),
    (f"aws_secret_access_key = {AWS_SECRET}", AWS_SECRET),
    (f'"SecretAccessKey": "{AWS_SECRET}"', AWS_SECRET),
    ("aws_session_token=IQoJb3JpZ2luX2VjEJr//////////wEa", "IQoJb3JpZ2lu"),
    ("slack xoxb-123456789012-abcdefGHIJKL failed", "123456789012-abcdefGHIJKL"),
    ("slack xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4", "Mi0yLTEyMzQ1Njc4"),
    ("xapp-1-A0123-456-abcdef0123", "abcdef0123"),
    ("POST https://hooks.slack.com/services/T000/B000/XXXXyyyy1234", "XXXXyyyy1234"),
    ('{"routing_key": "0123456789abcdef0123456789abcdef"}', "0123456789abcdef0123456789abcdef"),
    ("routing_key=R0123456789ABCDEF0123456789ABCDE", "R0123456789ABCDEF0123456789ABCDE"),
    ("postgresql://watch:hunter2@db:5432/w", "hunter2"),
    ("redis://:hunter2@cache/0", "hunter2"),
    ("amqp://user:p@ss@word@queue/", "p@ss@word"),
    ("https://0123456789abcdef0123@sentry.example.com/1", "0123456789abcdef0123"),
    ("password=hunter2", "hunter2"),
    ("Password: hunter2", "hunter2"),
    ("db.password => 'correct horse battery'", "horse"),
    ('{"user": "a", "password": "hun\\"ter2"}', "ter2"),
    ('{\\"password\\": \\"hunter2\\"}', "hunter2"),
    ("DB_PASSWORD_PROD=hunter2", "hunter2"),
    ("GET /?user=a&token=abc123&x=1", "abc123"),
    ("x-api-key: 9a8b7c", "9a8b7c"),
    ("apikey=9a8b7c", "9a8b7c"),
    ("client_secret=9a8b7c", "9a8b7c"),
    ("mysql --password hunter2 -h db", "hunter2"),
    ("tool --api-key hunter2", "hunter2"),
    ("Cookie: session=abcdef; theme=dark", "abcdef"),
    ("Set-Cookie: sid=abcdef; Path=/", "abcdef"),
    (f"token was {JWT}", "dozjgNryP4J3"),
    (f"id {JWT.rpartition('.')[0]}.", "eyJzdWIi"),
    ("ghp_0123456789abcdefABCDEF0123456789abcd", "0123456789abcdef"),
    ("sk_live_0123456789abcdefABCDEF", "0123456789abcdef"),
    (f"before {PEM} after", "MIIEowIBAAKCAQEA75"),
    (PEM[:60], "MIIEow"),
    ("pass=qwe", "qwe"),
    ("login {'pass': 'qwe'} failed", "qwe"),
    ("DB_PASS: x1", "x1"),
    ("dbPass=x1", "x1"),
    ("pass=1234", "1234"),
    ("https://x.blob.core.windows.net/a?sv=1&sig=AbCd%3D", "AbCd"),
    ("password=abc,def;ghi", "def"),
    ("password=abc,def;ghi", "ghi"),
    ("password = p&sx1", "sx1"),
    ("password=ab(cd)ef>gh", "cd"),
    ("password=ab(cd)ef>gh", "gh"),
    ("password=(abcd", "abcd"),
    ("password=a&token=b1b2;secret=c3c3", "b1b2"),
    ("password=a&token=b1b2;secret=c3c3", "c3c3"),
    ("password='it''s'", "s'"),
    ("DB_PASSWORD_PROD=one,two", "two"),
    ("connect to user:hunter2@host:5432 failed", "hunter2"),
    ("https://user:hunter2@host:5432/db", "hunter2"),
    ("user:p@ss@word@db.internal:5432", "p@ss"),
    ("root:hunter2@tcp(127.0.0.1:3306)/shop", "hunter2"),
    ("sk-ant-api03-AAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAA"),
    ("sk-proj-abcdefghijklmnopqrstuvwxyzabcdef", "abcdefgh"),
    ("https://b.s3.amazonaws.com/k?X-Amz-Signature=fe5f80f77d5fa3be&a=1", "fe5f80f77d5fa3be"),
]

PLAIN = [
    "",
    "status 503, expected 200-299",
    "basic authentication failed for user admin",
    "the bearer certificate was refused",
    "max_tokens=4096, tokens: 512",
    '{"NextToken": null, "secret": ""}',
    "password: null",
    "https://www.example.com:8443/path?page=2#top",
    "mailto:ops@example.com https://example.com/@user",
    "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/50dc6c495c0c9188",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 9699752b0d2f8a4c1e7d6b5a49382716f0e1d2c3",
    "a key of the dictionary was missing: labels.tenant",
    "keyboard interrupt",
    "the monkey=banana",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "authorization failed: not allowed to assume role",
    "bypass=1 compass: north",
    "42 pass, 3 fail; pass: 42, fail: 3",
    "the second pass found sig 11",
    "app:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "write to support@example.com:25 at 12:30:00",
    "my-sk-learn-model and a task-definition-with-a-long-name-1",
    "15 of 20 targets answered; p95 0.25s",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_in_a_text_is_hidden(text: str, secret: str) -> None:
    hidden = redact(text)

    assert secret not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_without_secrets_is_not_changed(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /?token=abc123&page=2 took 3 ms", "GET /?token=[redacted]&page=2 took 3 ms"),
        ("postgresql://watch:hunter2@db:5432/w", "postgresql://watch:[redacted]@db:5432/w"),
        ("password=a,b;Server=db, next", "password=[redacted];Server=db, next"),
        ("login(password=abc) failed", "login(password=[redacted]) failed"),
        ("{password:abc,user:bob}", "{password:[redacted],user:bob}"),
        ("GET /?token=abc&amp;page=2", "GET /?token=[redacted];page=2"),
        ("user:hunter2@host:5432 refused", "user:[redacted]@host:5432 refused"),
        ('{"password": "hunter2", "user": "a"}', '{"password": "[redacted]", "user": "a"}'),
        (f"before {PEM} after", "before [redacted] after"),
        (
            "https://hooks.slack.com/services/T0/B0/x answered 404",
            "https://hooks.slack.com/services/[redacted] answered 404",
        ),
    ],
)
def test_what_surrounds_a_secret_stays_readable(text: str, hidden: str) -> None:
    assert redact(text) == hidden


@pytest.mark.parametrize("text", [text for text, _ in SECRETS])
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


def test_a_long_text_is_cut_and_no_half_secret_is_left_at_the_cut() -> None:
    text = "x " * (MAX_LENGTH // 2 - 8) + "xoxb-123456789012-abcdef"

    cut = redact(text)

    assert len(cut) < MAX_LENGTH + 20
    assert "xoxb" not in cut
    assert cut.endswith("[cut]")


@pytest.mark.parametrize(
    "piece",
    [
        "password=",
        "password=a&",
        "password=a,b;",
        "a:b@",
        "pass_",
        "sk-",
        "://a:",
        "eyJaaaaaa.",
        '\\"',
        "bearer ",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    text = piece * (MAX_LENGTH // len(piece))

    started = time.process_time()
    redact(text)

    assert time.process_time() - started < 2.0


def test_events_are_redacted_in_all_their_depth() -> None:
    event = {
        "event": "poll failed",
        "error": "password=hunter2",
        "count": 3,
        "nested": {"headers": [{"authorization": "abc"}, "token=abc123"]},
    }

    redacted = redact_event(None, "info", event)

    assert redacted == {
        "event": "poll failed",
        "error": "password=[redacted]",
        "count": 3,
        "nested": {"headers": [{"authorization": HIDDEN}, "token=[redacted]"]},
    }


def test_a_value_under_a_secrets_name_is_hidden_whatever_it_looks_like() -> None:
    assert redact_event(None, "info", {"event": "x", "db_password": "tuesday"})["db_password"] == HIDDEN


def test_a_secret_object_in_an_event_stays_an_object_that_does_not_print() -> None:
    secret = Secret("hunter2", "env X")

    assert redact_event(None, "info", {"event": "x", "token": secret})["token"] is secret


def test_a_structure_too_deep_to_follow_is_hidden() -> None:
    deep: object = "password=hunter2"
    for _ in range(20):
        deep = [deep]

    assert "hunter2" not in str(redact_event(None, "info", {"event": deep}))
