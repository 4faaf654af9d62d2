"""Bytes of strangers as text: whatever they say about themselves, there is a text, and soon."""

from __future__ import annotations

import gzip
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchtower.sources.probe.kinds.http.encoding import text_of, unpacked
from watchtower.sources.probe.result import Down

MOST = 1_048_576
NO_TEXTS = [
    "punycode",
    "idna",
    "undefined",
    "unicode_escape",
    "raw_unicode_escape",
    "base64",
    "zlib",
    "rot13",
    "hex",
    "utf-7",
]


@pytest.mark.parametrize("charset", [*NO_TEXTS, "mbcs", "os", "../x", "", "a\x00b"])
def test_what_is_no_encoding_of_web_pages_is_read_as_utf8(charset: str) -> None:
    assert text_of("Grüße +AGE- \\u0041 \xff".encode() + b"\xff", f"text/html; charset={charset}") == (
        "Grüße +AGE- \\u0041 ÿ�"
    )


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html", "Größe".encode(), "Größe"),
        ("text/html; charset=ISO-8859-1", "Größe".encode("latin-1"), "Größe"),
        ('text/html;a="b";CHARSET = "Windows-1252" ; c', "5 €".encode("cp1252"), "5 €"),
        ("text/html; charset=windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("text/html; charset=Shift_JIS", "日本".encode("cp932"), "日本"),
        ("text/html; charset=gb2312", "中文".encode("gb18030"), "中文"),
        ("text/html; charset=utf-16", "Größe".encode("utf-16-le"), "Größe"),
        ("text/html; charset=utf-8", "Größe".encode("utf-16"), "Größe"),
        ("text/html; charset=latin1", b"\xef\xbb\xbfGr\xc3\xb6\xc3\x9fe", "Größe"),
        ("text/html; charset=us-ascii", b"a\x81\xff", "a�ÿ"),
    ],
)
def test_a_text_is_read_by_its_own_mark_else_as_its_type_says(content_type: str, body: bytes, text: str) -> None:
    assert text_of(body, content_type) == text


@pytest.mark.parametrize(
    "content_type",
    [
        'text/html; a="' + ";" * 60_000,
        "text/html" + "; charset=utf-8" * 4_000,
        "text/html; charset=" + "x" * 60_000,
        *(
            f"text/html; charset={name}"
            for name in [*NO_TEXTS, "iso-2022-jp", "gb18030", "big5", "euc-kr", "utf-16", "utf-8"]
        ),
    ],
    ids=lambda text: text[:30],
)
def test_no_content_type_takes_long(content_type: str) -> None:
    for body in (b"a" * 500_000 + b"-" + b"a" * 500_000, b"\xff\x1b$" * 340_000):
        began = time.process_time()
        text_of(body, content_type)
        assert time.process_time() - began < 0.5


# --- packed bodies


def deflated(data: bytes, form: int = -15) -> bytes:
    packer = zlib.compressobj(wbits=form)
    return packer.compress(data) + packer.flush()


PAGE = b"hello" * 1_000 + bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(PAGE)),
        (" X-GZIP ", gzip.compress(PAGE)),
        ("gzip", gzip.compress(PAGE[:70]) + gzip.compress(b"") + gzip.compress(PAGE[70:])),
        ("gzip", gzip.compress(PAGE) + b"padding"),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", deflated(PAGE)),
        ("identity", PAGE),
        ("", PAGE),
    ],
)
def test_a_packed_body_is_opened_as_browsers_open_it(encoding: str, body: bytes) -> None:
    assert unpacked(body, encoding, MOST, whole=True) == PAGE


@pytest.mark.parametrize(
    ("encoding", "body", "reason"),
    [
        ("gzip", gzip.compress(PAGE)[:120], r"body says that it is gzip, and breaks off after \d+ bytes of text"),
        ("gzip", gzip.compress(PAGE) + gzip.compress(PAGE)[:9], "breaks off after 15240 bytes"),
        ("deflate", deflated(PAGE)[:120], "body says that it is deflate, and breaks off"),
        ("gzip", deflated(PAGE), "body says that it is gzip, and is not"),
        ("deflate", b"\xff" * 50, "body says that it is deflate, and is not"),
        ("br", b"x", "body is encoded with br"),
    ],
)
def test_a_body_that_cannot_be_opened_whole_says_so(encoding: str, body: bytes, reason: str) -> None:
    with pytest.raises(Down, match=reason):
        unpacked(body, encoding, MOST, whole=True)


def test_what_was_left_unread_by_us_is_no_breaking_off() -> None:
    assert PAGE.startswith(unpacked(gzip.compress(PAGE)[:120], "gzip", MOST, whole=False))
    assert unpacked(gzip.compress(PAGE), "gzip", 100, whole=True) == PAGE[:100]


def test_a_body_of_nothing_is_nothing_however_it_is_packed() -> None:
    assert unpacked(b"", "gzip", MOST, whole=True) == b""


@pytest.mark.parametrize("part", [b"", b"x" * 100_000])
def test_many_gzip_files_are_opened_only_so_far(part: bytes) -> None:
    one = gzip.compress(part)
    began = time.process_time()
    opened = unpacked(one * (MOST // len(one)), "gzip", MOST, whole=True)
    assert time.process_time() - began < 1.0
    assert len(opened) <= MOST


@given(
    st.text(max_size=60),
    st.sampled_from(["gzip", "deflate", "br", "identity", ""]),
    st.one_of(st.binary(), st.binary().map(gzip.compress), st.binary().map(zlib.compress)),
    st.booleans(),
)
@settings(deadline=None)
def test_whatever_a_site_says_there_is_a_text_or_a_reason(said: str, encoding: str, body: bytes, whole: bool) -> None:
    with suppress(Down):
        text_of(unpacked(body, encoding, MOST, whole=whole), f"text/html; charset={said}").encode()
