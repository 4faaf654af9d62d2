"""How the canaries of channels fare, as this process heard them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class CanaryHealth:
    """``failures`` in a row, why the last failed, and when one came back last; None when none has yet."""

    failures: int = 0
    reason: str = ""
    heard_at: datetime | None = None
