"""What the evaluation log holds: findings of one alert, one entry each while they last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - a type that the store reads back
from enum import StrEnum

from watchtower.model import AlertKey, Labels  # noqa: TC001 - types that the store reads back


class Finding(StrEnum):
    """What an evaluation found."""

    BREACH = "breach"
    RECOVERING = "recovering"
    BREACH_AGAIN = "breach again"
    END_WITHHELD = "end withheld"
    BEGINNING_WITHHELD = "beginning withheld"
    NO_DATA = "no data"
    DATA_AGAIN = "data again"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log; ``since`` is when what was found began, and with ``key`` and ``finding`` names the entry.

    ``at`` is when it was evaluated last. ``datapoints`` is the evaluated window, newest last.
    """

    key: AlertKey
    labels: Labels
    finding: Finding
    since: datetime
    at: datetime
    reason: str
    value: float | None = None
    datapoints: tuple[tuple[int, float | None], ...] = ()
    rule_file: str = ""
    rule_line: int = 0
