"""What is remembered of targets that follow a list, as the blob that is committed with the tick."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.sources.probe.targets import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """``targets`` are those of each rule that follows a list.

    ``heeded`` says until when people's words were heeded, by target, in epoch seconds.
    """

    targets: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    heeded: Mapping[str, float] = field(default_factory=dict)
    probes: bytes = b""


def encode(memory: Memory) -> bytes:
    """The blob of a memory: what is known of targets, and the probes' own memory behind it."""
    targets = {rule: [[one.target, dict(one.labels)] for one in found] for rule, found in memory.targets.items()}
    known = {"v": _VERSION, "targets": targets, "heeded": dict(memory.heeded)}
    head = orjson.dumps(known, option=orjson.OPT_SORT_KEYS)
    return len(head).to_bytes(4) + head + memory.probes


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; one that another version wrote is forgotten, which costs a streak and no alert."""
    try:
        size = int.from_bytes((blob or b"")[:4])
        read: Any = orjson.loads((blob or b"")[4 : 4 + size]) if blob else {}
        if read.get("v") != _VERSION:
            return Memory()
        targets = {rule: tuple(_target(*one) for one in found) for rule, found in read["targets"].items()}
        return Memory(targets, read["heeded"], (blob or b"")[4 + size :])
    except (ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def _target(name: str, labels: Mapping[str, str]) -> Target:
    return Target(target=name, labels=labels)
