"""What the source remembers between polls: the series it found, so that a listing that fails cannot lose them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from watchtower.inventory.discovery import MetricKey
from watchtower.sources.cloudwatch.owners import Owners

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watchtower.inventory.discovery import Values

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """``listed``: series by metric. By the hash of an ask: the open values its tags chose, and who has a resource."""

    listed: Mapping[MetricKey, Collection[Values]] = field(default_factory=dict)
    tagged: Mapping[str, Collection[Values]] = field(default_factory=dict)
    owners: Mapping[str, Owners] = field(default_factory=dict)


def encode(memory: Memory) -> bytes | None:
    """The blob of a memory, the same for equal memories; None when there is nothing to remember."""
    if not memory.listed and not memory.tagged:
        return None
    content = {
        "version": _VERSION,
        "listed": sorted([k.namespace, k.metric, k.names, sorted(v)] for k, v in memory.listed.items()),
        "tagged": {name: sorted(values) for name, values in sorted(memory.tagged.items())},
        "owners": {name: [sorted(one.had), sorted(one.gone)] for name, one in sorted(memory.owners.items())},
    }
    return zlib.compress(orjson.dumps(content), level=1)


def decode(blob: bytes | None, account: str, region: str) -> Memory:
    """The memory of a blob; an unreadable one or one of another version is an empty memory."""
    try:
        content = orjson.loads(zlib.decompress(blob)) if blob else {}
    except (zlib.error, ValueError):
        return Memory()
    if content.get("version") != _VERSION:
        return Memory()
    listed = {
        MetricKey(account, region, namespace, metric, tuple(names)): [tuple(values) for values in series]
        for namespace, metric, names, series in content["listed"]
    }
    tagged = {name: [tuple(values) for values in series] for name, series in content["tagged"].items()}
    owners = {
        name: Owners(*(frozenset(tuple(values) for values in part) for part in parts))
        for name, parts in content.get("owners", {}).items()
    }
    return Memory(listed, tagged, owners)
