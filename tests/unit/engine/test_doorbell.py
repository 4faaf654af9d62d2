"""What a ping says, without its secrets; and what a configuration forgets."""

from __future__ import annotations

from watchtower.engine.doorbell import KEPT, said


def test_the_end_of_what_a_run_wrote_is_kept_in_one_line() -> None:
    assert said(b"copying\n" * 2000 + b"disk\n\tfull\n").endswith("copying disk full")
    assert len(said(b"x" * 100_000)) == KEPT


def test_secrets_and_bytes_that_are_no_text_do_not_pass() -> None:
    assert (
        said(b"\xff\xfe token=abcdefghijklmnop")
        == "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} token=[redacted]"
    )
    assert said(b"") == ""
