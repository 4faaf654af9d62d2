"""What is remembered of each distinct probe, as the blob that is committed with the tick."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson

from watchtower.sources.probe.kinds.http.content import Content, compare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.probe.result import Result

_VERSION = 5
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot's result: ``slot`` is its start in epoch seconds; what was not measured is None."""

    slot: int
    success: float
    duration: float | None
    certificate_days: float | None
    content: float | None = None

    def value(self, name: str) -> float | None:
        """The value that a rule asks for by name."""
        return {
            "success": self.success,
            "duration": self.duration,
            "certificate_days": self.certificate_days,
            "content": self.content,
        }[name]


@dataclass(frozen=True, slots=True)
class Memory:
    """By the probe's key: its entries, oldest first, and the content that counts as accepted.

    ``names`` says whose the probes are: a target that moves to another unit takes what is known of it along.
    ``worked`` are the keys of the canaries that have ever answered. ``unconfirmed`` are the keys that failed for the
    first time at the slot ``unconfirmed_at``, and are to be looked at again.
    """

    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    accepted: Mapping[str, Content] = field(default_factory=dict)
    worked: frozenset[str] = frozenset()
    unconfirmed: frozenset[str] = frozenset()
    unconfirmed_at: int = 0
    names: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> tuple[Entry, ...]:
        """The entries of one probe."""
        return self.entries.get(key, ())


def entry_of(slot: int, result: Result, now: float, accepted: Content | None = None) -> Entry:
    """What is kept of a result that is known; ``now`` in epoch seconds. What nothing was accepted before, is now."""
    days = None if result.expires is None else round((result.expires - now) / _DAY, 4)
    duration = None if result.duration is None else round(result.duration, 6)
    content = None if result.content is None else round(compare(accepted or result.content, result.content)[0], 4)
    return Entry(slot, 1.0 if result.success else 0.0, duration, days, content)


def remember(memory: Memory, fresh: Mapping[str, Entry], wanted: Mapping[str, str], since: int) -> Memory:
    """Add the fresh entries, replacing those of the same slot; forget what is before ``since``, and unwanted probes.

    ``wanted`` are the names of the targets by the probe's key.
    """
    remembered = {}
    for key in wanted:
        new = fresh.get(key)
        kept = [old for old in memory.of(key) if old.slot >= since and (new is None or old.slot != new.slot)]
        entries = sorted([*kept, *([new] if new else [])], key=lambda entry: entry.slot)
        if entries:
            remembered[key] = tuple(entries)
    accepted = {key: content for key, content in memory.accepted.items() if key in wanted}
    names = {key: name for key, name in wanted.items() if key in remembered or key in accepted}
    return replace(memory, entries=remembered, accepted=accepted, names=names)


def learn(memory: Memory, results: Mapping[str, Result]) -> Memory:
    """Accept the first content that is seen of a probe; a later one is compared with it, and never replaces it."""
    seen = {key: result.content for key, result in results.items() if result.content is not None}
    return replace(memory, accepted={**seen, **memory.accepted})


def encode(memory: Memory) -> bytes:
    """The blob of a memory."""
    rows = {key: [_row(entry) for entry in entries] for key, entries in memory.entries.items()}
    accepted = {key: (content.title, content.language, content.text) for key, content in memory.accepted.items()}
    known = {
        "v": _VERSION,
        "probes": rows,
        "accepted": accepted,
        "worked": sorted(memory.worked),
        "unconfirmed": [memory.unconfirmed_at, sorted(memory.unconfirmed)],
        "names": dict(memory.names),
    }
    return zlib.compress(orjson.dumps(known, option=orjson.OPT_SORT_KEYS))


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; one that another version wrote is forgotten, which costs a streak and no alert."""
    if not blob:
        return Memory()
    try:
        read = orjson.loads(zlib.decompress(blob))
        if read["v"] != _VERSION:
            return Memory()
        return Memory(
            {key: tuple(Entry(*row) for row in rows) for key, rows in read["probes"].items()},
            {key: _content(*parts) for key, parts in read["accepted"].items()},
            frozenset(read["worked"]),
            frozenset(read["unconfirmed"][1]),
            read["unconfirmed"][0],
            read["names"],
        )
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def _content(title: str | None, language: str | None, text: list[int] | None) -> Content:
    return Content(title, language, None if text is None else tuple(text))


def _row(entry: Entry) -> tuple[int, float, float | None, float | None, float | None]:
    return entry.slot, entry.success, entry.duration, entry.certificate_days, entry.content
