"""`make crash`: play the matrix, print what was found, and exit 1 when a promise was broken."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from tests.support.crash_matrix.matrix import play
from tests.support.crash_matrix.report import Report

if TYPE_CHECKING:
    from collections.abc import Coroutine


def main() -> int:
    """The exit code: 0 when every promise was kept."""
    asked = argparse.ArgumentParser(prog="crash_matrix")
    asked.add_argument("--runs", type=int, default=1000)
    asked.add_argument("--first", type=int, default=0, help="the number of the first run")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--jobs", type=int, default=3)
    asked.add_argument("--no-postgres", action="store_true")
    asked.add_argument("--report", type=Path, help="a folder for report.json and report.md")
    given = asked.parse_args()
    numbers = range(given.first, given.first + given.runs)
    report = Report(given.seed)

    def tell(what: str) -> None:
        sys.stderr.write(what + "\n")
        _write(report, given.report)  # who waits for the rest can read what there is

    playing = play(report, numbers, jobs=given.jobs, postgres=not given.no_postgres, tell=tell)
    with suppress(asyncio.CancelledError, KeyboardInterrupt):
        uvloop.run(_terminable(playing))
    sys.stdout.write(report.text())
    _write(report, given.report)
    return 0 if report.kept and report.total.runs == given.runs else 1


async def _terminable(playing: Coroutine[None, None, None]) -> None:
    """SIGTERM ends it like Ctrl-C: nothing that it started is left behind."""
    task = asyncio.create_task(playing)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


def _write(report: Report, folder: Path | None) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        report.write(folder)


if __name__ == "__main__":
    raise SystemExit(main())
