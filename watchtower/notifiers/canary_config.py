"""How a channel's canary is configured: how often, and where it rings nobody."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from watchtower.durations import format_duration
from watchtower.schema import Duration, Model

#: Seconds; a vendor is not to be tested more often than it is used.
LEAST_EVERY = 60.0


def _seldom(every: float) -> float:
    if every < LEAST_EVERY:
        raise ValueError(f"{format_duration(every)} is too often; at least {format_duration(LEAST_EVERY)}")
    return every


class CanaryConfig(Model):
    """``canary: {every: 6h}``; each vendor adds where it goes."""

    every: Annotated[Duration, AfterValidator(_seldom)] = 21_600.0
