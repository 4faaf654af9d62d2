"""What travels with an alert whose evidence was late: where it is asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.labels import Labels  # noqa: TC001 - types that the store reads back

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lookup:
    """Evidence of one alert, from ``since`` until ``until`` (epoch seconds), first asked for at ``asked_at``.

    ``found``: it came since, and stands where ``evidence`` stands; of a delivery: it may have left with it.
    """

    rule: str
    identity: Labels
    since: int
    until: int
    asked_at: datetime
    found: bool = False
