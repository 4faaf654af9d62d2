"""What the logs source remembers: filters for a start without a listing, and log groups, whose end is to be noticed."""

from __future__ import annotations

import zlib
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import orjson

from watchtower.inventory.log_filters import MetricFilter

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """The filters that rules of the unit use, and by rule the log groups that were there."""

    filters: frozenset[MetricFilter]
    groups: Mapping[str, frozenset[str]]


def encode(memory: Memory) -> bytes:
    """The blob of a memory, the same for equal memories."""
    content = {
        "version": _VERSION,
        "filters": [astuple(each) for each in sorted(memory.filters)],
        "groups": {rule: sorted(groups) for rule, groups in sorted(memory.groups.items())},
    }
    return zlib.compress(orjson.dumps(content), level=1)


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; an unreadable one or one of another version is an empty memory."""
    try:
        content = orjson.loads(zlib.decompress(blob)) if blob else {}
        if content.get("version") == _VERSION:
            filters = frozenset(_filter(*row) for row in content["filters"])
            return Memory(filters, {rule: frozenset(groups) for rule, groups in content["groups"].items()})
    except (zlib.error, ValueError, KeyError, TypeError):
        pass
    return Memory(frozenset(), {})


def _filter(
    log_group: str, name: str, pattern: str, namespace: str, metric: str, dimensions: list[str]
) -> MetricFilter:
    return MetricFilter(log_group, name, pattern, namespace, metric, tuple(dimensions))
