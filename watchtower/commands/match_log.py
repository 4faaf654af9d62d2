"""What ``watchtower match-log`` does: which lines of a file a filter pattern matches."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from watchtower.logpattern import Pattern

#: Bytes of a line that are looked at, as CloudWatch's largest event; the rest of a longer one is passed over
#: (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).
MAX_LINE = 1024 * 1024


def matching(pattern: Pattern, file: Path | None) -> Iterator[tuple[int, str]]:
    """The lines that match, with their numbers from 1; from standard input without a file or with ``-``."""
    with _opened(file) as stream:
        for number, line in enumerate(_lines(stream), 1):
            if pattern.matches(line):
                yield number, line


def _opened(file: Path | None) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if file is None or str(file) == "-" else file.open("rb")


def _lines(stream: BinaryIO) -> Iterator[str]:
    while line := stream.readline(MAX_LINE):
        rest = line
        while len(rest) == MAX_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE)
        yield line.rstrip(b"\r\n").decode(errors="replace")


def as_data(pattern: Pattern, number: int, line: str) -> dict[str, Any]:
    """One match as data, with the fields that the pattern names."""
    return {"line": number, "message": line, "fields": pattern.extract(line) or {}}
