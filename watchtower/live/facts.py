"""What the daemon runs on: its files as they were read last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """The configuration in force; ``refused_at`` is the last reload that changed nothing, None after a good one."""

    environment: str = ""
    rules: int = 0
    loaded_at: datetime | None = None
    refused_at: datetime | None = None
    faults: int = 0
