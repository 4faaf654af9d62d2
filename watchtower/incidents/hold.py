"""A hold: why an alert is not told now, and until when at least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """``until`` is when to judge again whatever happens; None: only another change can end it.

    The reason is a sentence's beginning or end: ``silenced by ana until 2026-01-05 12:00 UTC (silence 7: moving)``.
    """

    reason: str
    until: datetime | None = None


def at(moment: datetime) -> str:
    """A moment as reasons write it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def until(moment: datetime | None) -> str:
    """`` until …``, or nothing where no end is known."""
    return f" until {at(moment)}" if moment is not None else ""
