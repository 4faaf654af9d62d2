"""The report of a matrix: figures for people, figures for machines, and what was broken."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import orjson

from tests.support.crash_matrix.books import Counts, Verdict
from tests.support.crash_matrix.scripts import VENDORS, Script

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_WORDS = {
    "runs": "runs",
    "kills": "kills",
    "pauses": "pauses beyond every lease",
    "overtaken": "of them while another worker took over (PostgreSQL)",
    "steps_missed": "deaths that came late, because their step was not reached",
    "late": "runs in which something came too late",
    "pages_owed": "pages owed",
    "pages_delivered": "pages delivered",
    "lost": "pages lost",
    "resolves_owed": "resolves owed",
    "resolves_missing": "resolves missing",
    "second_incidents": "second PagerDuty incidents",
    "phones_rung": "phones rung",
    "phones_expected": "phones that were to ring",
    "ambiguous": "attempts after a first one",
    "duplicates_slack": "duplicates in Slack, by bot (history withheld)",
    "duplicates_webhook": "duplicates in Slack, by webhook",
    "duplicates_sns": "duplicates on SNS",
    "possible_duplicates": "possible duplicates that the daemon counted",
    "astray": "of them where one of the two attempts never arrived",
}


#: Lines of a daemon's log that stand in the report of a broken run.
_LOG_LINES = 2000


@dataclass(frozen=True, slots=True)
class Broken:
    """A run that broke a promise, and what there is to understand it by."""

    script: Script
    what: list[str]
    timeline: list[str]
    log: str

    def text(self, seed: int) -> str:
        """What was asked, what came of it, and how to have it again."""
        again = f"make crash RUNS=1 FIRST={self.script.number} SEED={seed}"
        return "\n".join([f"- {self.script} ({again})", *(f"  - {one}" for one in self.what)])


@dataclass
class Report:
    """All runs so far."""

    seed: int
    total: Counts = field(default_factory=Counts)
    broken: list[Broken] = field(default_factory=list)
    cells: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    seconds: float = 0.0
    _began: float = 0.0

    def begin(self, asked: int) -> None:
        """So many runs are to come."""
        self.asked, self._began = asked, time.monotonic()

    def end(self) -> None:
        """No more come."""
        self.seconds = time.monotonic() - self._began

    def progress(self) -> str:
        """How far it is, and how long the rest takes at this pace."""
        taken, runs = time.monotonic() - self._began, self.total.runs
        left = taken / max(1, runs) * (self.asked - runs)
        return (
            f"{runs} of {self.asked} runs in {taken:.0f} s, {len(self.broken)} broken, about {left / 60:.0f} min left"
        )

    def add(self, script: Script, verdict: Verdict, timeline: Sequence[str], log: Path) -> None:
        """One run more."""
        self.total.add(verdict.counts)
        for name in (script.kind, script.cell.fault, script.cell.step, VENDORS[script.cell.channel]):
            self.cells[str(name)] += 1
        if verdict.broken:
            lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.exists() else []
            self.broken.append(Broken(script, verdict.broken, list(timeline), "\n".join(lines)))

    @property
    def kept(self) -> bool:
        """No promise was broken."""
        return not self.broken

    def data(self) -> dict[str, object]:
        """For machines."""
        return {
            "seed": self.seed,
            "asked": self.asked,
            "seconds": round(self.seconds),
            "counts": asdict(self.total),
            "cells": dict(self.cells),
            "broken": [{"run": str(one.script), "what": one.what} for one in self.broken],
        }

    def text(self) -> str:
        """For people, in Markdown."""
        counts = asdict(self.total)
        lines = ["| | |", "|---|---:|", *(f"| {word} | {counts[name]} |" for name, word in _WORDS.items())]
        lines += [f"| seconds | {self.seconds:.0f} |", ""]
        lines += [f"{self.total.runs} of {self.asked} runs; {len(self.broken)} broke a promise.", ""]
        return "\n".join([*lines, *(one.text(self.seed) for one in self.broken)]) + "\n"

    def write(self, folder: Path) -> None:
        """Both, as files, and one file for each broken run: what it was, who saw what when, the daemon's log."""
        for old in folder.glob("run*.txt"):
            old.unlink()
        (folder / "report.json").write_bytes(orjson.dumps(self.data(), option=orjson.OPT_INDENT_2))
        (folder / "report.md").write_text(self.text())
        for one in self.broken:
            parts = [one.text(self.seed), *one.timeline, "", one.log]
            (folder / f"run{one.script.number}.txt").write_text("\n".join(parts) + "\n")
