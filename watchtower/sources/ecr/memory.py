"""What the ecr source remembers: repositories, what each series counted, and since when scans are on their way."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from watchtower.sources.vulnerabilities.past import plain, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.vulnerabilities.past import Past

_VERSION = 2


@dataclass(frozen=True, slots=True)
class Memory:
    """``past`` by rule; ``waiting`` is by digest the poll (epoch seconds) at which its scan was first on its way.

    ``number`` is the account's; empty while no rule needed it, or nobody told.
    """

    repositories: frozenset[str] = frozenset()
    past: Mapping[str, Past] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    number: str = ""


def encode(memory: Memory) -> bytes:
    """The blob of a memory, the same for equal memories."""
    content = {
        "version": _VERSION,
        "repositories": sorted(memory.repositories),
        "past": {rule: plain(past) for rule, past in memory.past.items()},
        "waiting": dict(memory.waiting),
        "number": memory.number,
    }
    return zlib.compress(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), level=1)


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; one that is unreadable or of another version is forgotten, which costs a streak."""
    try:
        content = orjson.loads(zlib.decompress(blob)) if blob else {}
        if content.get("version") == _VERSION:
            past = {rule: read(rows) for rule, rows in content["past"].items()}
            waiting, number = dict(content["waiting"]), str(content["number"])
            return Memory(frozenset(content["repositories"]), past, waiting, number)
    except (zlib.error, ValueError, KeyError, TypeError):
        pass
    return Memory()
