"""What the database sources remember: the members, since when readers count, and what was counted before."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.inventory.databases import DbMember
from watchtower.model import Labels
from watchtower.sources.rds.clusters import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VERSION = 1

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """``standings`` and ``points`` (faults by slot) are kept by cluster."""

    members: frozenset[DbMember] = frozenset()
    standings: Mapping[str, Standing] = field(default_factory=dict)
    points: Mapping[str, Points] = field(default_factory=dict)

    @property
    def clusters(self) -> frozenset[str]:
        """The names of all clusters it knows."""
        return frozenset(member.cluster for member in self.members)


def encode(memory: Memory) -> bytes:
    """The blob of a memory, the same for equal memories."""
    content = {
        "version": _VERSION,
        "members": sorted(map(_row, memory.members)),
        "standings": {name: [one.writer, one.since] for name, one in memory.standings.items()},
        "points": memory.points,
    }
    return zlib.compress(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), level=1)


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; one that another version wrote is forgotten, which costs a streak and no alert."""
    try:
        content = orjson.loads(zlib.decompress(blob)) if blob else {}
        if content.get("version") != _VERSION:
            return Memory()
        return Memory(
            frozenset(map(_member, content["members"])),
            {name: Standing(writer, since) for name, (writer, since) in content["standings"].items()},
            {name: tuple((slot, value) for slot, value in points) for name, points in content["points"].items()},
        )
    except (zlib.error, ValueError, KeyError, TypeError):
        return Memory()


_PLAIN = tuple(each.name for each in fields(DbMember) if each.name != "tags")


def _row(member: DbMember) -> list[Any]:
    return [*(getattr(member, name) for name in _PLAIN), [list(pair) for pair in member.tags.pairs]]


def _member(row: Sequence[Any]) -> DbMember:
    plain: dict[str, Any] = dict(zip(_PLAIN, row[:-1], strict=True))
    return DbMember(**plain, tags=Labels([(name, value) for name, value in row[-1]]))
