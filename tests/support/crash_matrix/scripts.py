"""What happens in one run, drawn from its seed: who fails, how a vendor misbehaves, and where the process dies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from random import Random

from tests.support.crash_matrix.deaths import INSIDE, OUTSIDE, SHARED, Death, Phase

#: The vendors, by the name of their channel.
VENDORS = {"oncall": "PagerDuty", "ops": "Slack bot", "hook": "Slack webhook", "audit": "SNS"}
FAULTS = (
    "none",
    "hang",
    "hang-acted",
    "reset",
    "reset-acted",
    "429",
    "503",
    "503-acted",
    "slow",
)
#: Slack's own word for "perhaps", and a history that does not show what was posted.
SLACK_FAULTS = ("error-acted", "withheld", "hang-acted+withheld", "reset-acted+withheld", "503-acted+withheld")


class Kind(StrEnum):
    """What the run is about, besides dying."""

    PLAIN = "plain"
    FALLBACK = "fallback"
    ESCALATION = "escalation"
    ACKNOWLEDGEMENT = "acknowledgement"
    ROUNDS = "rounds"
    RISE = "rise"
    DIGEST = "digest"


_WEIGHTS = {
    Kind.PLAIN: 8,
    Kind.FALLBACK: 2,
    Kind.ESCALATION: 2,
    Kind.ACKNOWLEDGEMENT: 2,
    Kind.ROUNDS: 1,
    Kind.RISE: 2,
    Kind.DIGEST: 2,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the matrix."""

    channel: str
    fault: str
    step: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class Script:
    """One run. ``deaths`` are those of the process's lives in turn; the last life has none."""

    number: int
    cell: Cell
    kind: Kind
    sites: int
    times: int
    postgres: bool
    deaths: tuple[Death, ...]

    @property
    def withheld(self) -> bool:
        """Slack's history shows nothing."""
        return self.cell.fault.endswith("withheld")

    @property
    def targets(self) -> tuple[str, ...]:
        """The sites that fail, by names that no other run has."""
        return tuple(f"r{self.number}-site{index}." for index in range(self.sites))

    def __str__(self) -> str:
        lives = ", ".join(f"{it.manner} at {it.step} {it.nth} ({it.channel}, {it.phase})" for it in self.deaths)
        store = "PostgreSQL" if self.postgres else "SQLite"
        fault = f"{self.cell.fault} x{self.times} at {self.cell.channel} in {self.cell.phase}"
        return f"run {self.number}: {self.kind}, {self.sites} sites, {store}; {fault}; {lives}"


def cells(seed: int) -> list[Cell]:
    """The whole matrix in an order of its own."""
    found = []
    for channel, step, phase in product(VENDORS, (*INSIDE, *OUTSIDE), Phase):
        faults = FAULTS + SLACK_FAULTS if channel == "ops" else FAULTS
        found += [Cell(channel, fault, step, phase) for fault in faults]
    Random(seed).shuffle(found)
    return found


def script(seed: int, number: int, matrix: list[Cell], *, postgres: bool) -> Script:
    """The run of this number: its cell in turn, everything else by chance that the seed decides."""
    cell = matrix[number % len(matrix)]
    chance = Random(f"{seed}/{number}")
    kinds = [kind for kind in Kind if _fits(kind, cell)]
    kind = chance.choices(kinds, [_WEIGHTS[one] for one in kinds])[0]
    sites = 14 if kind is Kind.DIGEST else chance.choice((1, 2, 2, 3))
    deaths = [_death(cell.step, cell.phase, cell.channel, sites, chance)]
    if chance.random() < 0.6:
        other = Phase.END if cell.phase is Phase.BEGIN else Phase.BEGIN
        channel = chance.choice(_channels(kind))
        deaths.append(_death(chance.choice((*INSIDE, *OUTSIDE)), other, channel, sites, chance))
    if chance.random() < 0.3:
        channel = chance.choice(_channels(kind))
        deaths.append(_death(chance.choice(INSIDE + OUTSIDE), cell.phase, channel, sites, chance))
    deaths.sort(key=lambda one: one.phase)
    on_postgres = postgres and chance.random() < 0.12
    return Script(number, cell, kind, sites, chance.choice((1, 1, 2)), on_postgres, tuple(deaths))


def _death(step: str, phase: Phase, channel: str, sites: int, chance: Random) -> Death:
    nth = 1 if step in SHARED else chance.randint(1, min(sites, 2))
    return Death(step, phase, channel, nth, pause=chance.random() < 0.2, away=chance.random() < 0.7)


def _fits(kind: Kind, cell: Cell) -> bool:
    return cell.channel in _channels(kind)


def _channels(kind: Kind) -> tuple[str, ...]:
    """The channels that a run of this kind tells."""
    return ("ops", "hook", "audit") if kind is Kind.DIGEST else tuple(VENDORS)
