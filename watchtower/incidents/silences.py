"""A silence: matchers and an end. It holds back triggers, never the resolve of a trigger that was delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.matchers import matches_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.matchers import Matcher


@dataclass(frozen=True, slots=True)
class Silence:
    """What somebody asked to be quiet about, until when, and why.

    ``expire_on_resolve`` ends it with the last alert it held back. ``maintenance``: the time of its targets is planned.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str
    comment: str
    expire_on_resolve: bool = False
    maintenance: bool = False

    def active(self, now: datetime) -> bool:
        """Whether it holds at ``now``; the end is exclusive."""
        return self.starts_at <= now < self.ends_at

    def covers(self, labels: Mapping[str, str], now: datetime) -> bool:
        """Whether it holds back an alert with these labels at ``now``."""
        return self.active(now) and matches_all(self.matchers, labels)
