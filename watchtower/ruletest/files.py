"""Rule test files, one after the other: those that can be run are run, whatever is wrong with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.errors import ConfigError, Unreadable
from watchtower.ruletest.load import load_suite
from watchtower.ruletest.report import FileReport
from watchtower.ruletest.run import run_test

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watchtower.clock import Clock
    from watchtower.ruletest.compare import Outcome
    from watchtower.ruletest.suite import RuleTest, Setting


def run_files(paths: Sequence[Path], clock: Clock) -> list[FileReport]:
    """Run every test of every file; raises Unreadable when one cannot be opened. ``clock`` measures the seconds."""
    return [_run_file(path, clock) for path in paths]


def _run_file(path: Path, clock: Clock) -> FileReport:
    try:
        suite = load_suite(path)
    except Unreadable:
        raise
    except ConfigError as error:
        return FileReport(str(path), faults=error.faults)
    return FileReport(str(path), outcomes=tuple(_timed(suite.setting, test, clock) for test in suite.tests))


def _timed(setting: Setting, test: RuleTest, clock: Clock) -> tuple[Outcome, float]:
    began = clock.monotonic()
    outcome = run_test(setting, test)
    return outcome, clock.monotonic() - began
