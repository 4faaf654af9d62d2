"""What is wrong with the watcher: one own alert that should be firing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.model import AlertKey

if TYPE_CHECKING:
    from watchtower.model import Labels, Priority


@dataclass(frozen=True, slots=True)
class Concern:
    """One own alert that should be firing now."""

    name: str
    identity: Labels
    priority: Priority
    summary: str
    reason: str

    @property
    def key(self) -> AlertKey:
        return AlertKey(self.name, self.identity)
