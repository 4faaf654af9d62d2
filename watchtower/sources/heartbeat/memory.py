"""What is remembered of heartbeats, as the blob that is committed with the tick; the pings themselves are rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.heartbeat.schedule import Gap

_VERSION = 1
#: Times without us that are remembered, the newest of them.
GAPS = 50

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """``heard``: until when we could be reached. ``since``: by target, from when on it is waited for.

    ``points`` are each rule's values by slot. All times are epoch seconds.
    """

    heard: float | None = None
    gaps: tuple[Gap, ...] = ()
    since: Mapping[str, float] = field(default_factory=dict)
    points: Mapping[str, Points] = field(default_factory=dict)


def encode(memory: Memory) -> bytes:
    """The blob of a memory."""
    known = {"v": _VERSION, "heard": memory.heard, "gaps": memory.gaps}
    return orjson.dumps({**known, "since": dict(memory.since), "points": dict(memory.points)})


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; one that another version wrote is forgotten: everybody is given a period more."""
    try:
        read = orjson.loads(blob) if blob else {}
        if read.get("v") != _VERSION:
            return Memory()
        gaps = tuple((float(since), float(until)) for since, until in read["gaps"])
        points = {rule: tuple((int(at), float(value)) for at, value in row) for rule, row in read["points"].items()}
        return Memory(read["heard"], gaps, read["since"], points)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Memory()
