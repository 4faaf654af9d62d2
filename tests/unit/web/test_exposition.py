"""How a scrape travels."""

from __future__ import annotations

import gzip

import pytest

from watchtower.web.exposition import squeeze, takes_gzip


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=none", False),
        ("x-gzipped", False),
    ],
)
def test_gzip_is_sent_only_to_who_takes_it(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes


def test_what_is_squeezed_is_the_same_text() -> None:
    text = b"".join(b'probe_success{target="%d"} 1\n' % number for number in range(1000))

    assert gzip.decompress(squeeze(text)) == text
    assert len(squeeze(text)) < len(text) / 4
