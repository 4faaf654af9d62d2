"""The newest results of each distinct probe, as the blob that is committed with the tick."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watchtower.sources.probe.result import Result

_VERSION = 1
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot's result: ``slot`` is its start in epoch seconds; what was not measured is None."""

    slot: int
    success: float
    duration: float | None
    certificate_days: float | None

    def value(self, name: str) -> float | None:
        """The value that a rule asks for by name."""
        return {"success": self.success, "duration": self.duration, "certificate_days": self.certificate_days}[name]


#: Entries by the probe's key, oldest first.
Memory = dict[str, tuple[Entry, ...]]


def entry_of(slot: int, result: Result, now: float) -> Entry:
    """What is kept of a result that is known; ``now`` in epoch seconds."""
    days = None if result.expires is None else round((result.expires - now) / _DAY, 4)
    duration = None if result.duration is None else round(result.duration, 6)
    return Entry(slot, 1.0 if result.success else 0.0, duration, days)


def remember(memory: Memory, fresh: Mapping[str, Entry], wanted: Collection[str], since: int) -> Memory:
    """Add the fresh entries, replacing those of the same slot; forget unwanted probes and what is before ``since``."""
    remembered = {}
    for key in wanted:
        new = fresh.get(key)
        kept = [old for old in memory.get(key, ()) if old.slot >= since and (new is None or old.slot != new.slot)]
        entries = sorted([*kept, *([new] if new else [])], key=lambda entry: entry.slot)
        if entries:
            remembered[key] = tuple(entries)
    return remembered


def encode(memory: Memory) -> bytes:
    """The blob of a memory."""
    rows = {key: [_row(entry) for entry in entries] for key, entries in memory.items()}
    return zlib.compress(orjson.dumps({"v": _VERSION, "probes": rows}, option=orjson.OPT_SORT_KEYS))


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; one that another version wrote is forgotten, which costs a streak and no alert."""
    if not blob:
        return {}
    try:
        read = orjson.loads(zlib.decompress(blob))
        if read["v"] != _VERSION:
            return {}
        return {key: tuple(Entry(*row) for row in rows) for key, rows in read["probes"].items()}
    except (zlib.error, ValueError, KeyError, TypeError):
        return {}


def _row(entry: Entry) -> tuple[int, float, float | None, float | None]:
    return entry.slot, entry.success, entry.duration, entry.certificate_days
