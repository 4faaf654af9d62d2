"""What a rule writes under ``slo:``, and the question that this becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from watchtower.durations import format_duration
from watchtower.schema import Duration, Model
from watchtower.sources.base import Query
from watchtower.sources.uptime.burn import highest_rate

_DAY = 86_400
#: Days of the shortest and of the longest window; below the slow burn has no time, above nothing is kept.
SHORTEST, LONGEST = 7, 90

PriorityName = Literal["P1", "P2", "P3", "P4", "P5"]


class SloModel(Model):
    """An objective for the uptime of each target, in per cent of the judged time of a window."""

    objective: Annotated[float, Field(gt=0, lt=100)]
    window: Duration = 30.0 * _DAY
    page: PriorityName = "P2"
    ticket: PriorityName = "P4"

    @model_validator(mode="after")
    def _can_burn(self) -> Self:
        if not SHORTEST * _DAY <= self.window <= LONGEST * _DAY:
            raise ValueError(f"the window is {SHORTEST}d to {LONGEST}d, not {format_duration(self.window)}")
        if self.ticket <= self.page:
            raise ValueError(f"`ticket` {self.ticket} must be less urgent than `page` {self.page}")
        if (most := 1 / self.allowed) <= (needed := highest_rate(self.window)):
            raise ValueError(
                f"an objective of {self.objective:g} % burns {most:.3g} times as fast as it may at most, when all is "
                f"down, and the first page is at {needed:.3g} times; write a higher objective"
            )
        return self

    @property
    def allowed(self) -> float:
        """The share of the time that may be down."""
        return 1 - self.objective / 100


class BurnQuery(Query):
    """How fast the targets of ``rule`` spend what their objective allows; ``targets`` are their own labels by name.

    ``interval``: seconds that one look of the rule stands for.
    """

    source: ClassVar[str] = "uptime"

    rule: str
    slo: SloModel
    interval: float
    identity: tuple[str, ...] = ("target",)
    targets: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)

    @property
    def context(self) -> frozenset[str]:
        """The labels that any target brings."""
        return frozenset(name for labels in self.targets.values() for name in labels)
