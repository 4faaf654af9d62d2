"""What ``watchtower test`` runs, writes and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.clock import SystemClock
from watchtower.ruletest import junit_xml, run_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watchtower.ruletest import FileReport


def run_rule_tests(files: Sequence[Path], junit: Path | None) -> list[FileReport]:
    """Run rule test files; where ``junit`` names a file, it gets JUnit's XML. Raises Unreadable, OSError."""
    reports = run_files(files, SystemClock())
    if junit is not None:
        junit.write_bytes(junit_xml(reports))
    return reports
