"""What the inspector source remembers: its account's number; of each rule what was counted, known and told."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.sources.inspector.findings import Resource
from watchtower.sources.inspector.news import News, Told
from watchtower.sources.vulnerabilities.past import plain, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.vulnerabilities.past import Past

_VERSION = 2
#: Bytes of a digest, and of the day behind it.
_DIGEST, _DAY = 8, 2


@dataclass(frozen=True, slots=True)
class Standing:
    """One rule's; ``news`` is None for a rule that wants all findings."""

    past: Past = field(default_factory=dict)
    news: News | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """``rules`` by name; ``number`` is the account's, empty while nobody told."""

    rules: Mapping[str, Standing] = field(default_factory=dict)
    number: str = ""


def encode(memory: Memory) -> bytes:
    """The blob of a unit's memory, the same for equal ones."""
    rules = {rule: [plain(one.past), _written(one.news)] for rule, one in memory.rules.items()}
    content = {"version": _VERSION, "rules": rules, "number": memory.number}
    return zlib.compress(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), level=1)


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; an unreadable one is forgotten, and the next look is a first one."""
    try:
        content = orjson.loads(zlib.decompress(blob)) if blob else {}
        if content.get("version") == _VERSION:
            rules = {rule: Standing(read(past), _news(news)) for rule, (past, news) in content["rules"].items()}
            return Memory(rules, str(content["number"]))
    except (zlib.error, ValueError, KeyError, TypeError):
        pass
    return Memory()


def _written(news: News | None) -> Any:
    if news is None:
        return None
    known = b"".join(digest + day.to_bytes(_DAY) for digest, day in sorted(news.known.items()))
    told = {
        digest.hex(): [one.resource.type, one.resource.name, one.resource.account, list(one.arns)]
        for digest, one in news.told.items()
    }
    when = {"looked": news.looked, "turn": news.turn.hex()}
    return {"asked": news.asked, "known": b64encode(known).decode(), "told": told, **when}


def _news(content: Any) -> News | None:
    if content is None:
        return None
    known, size = b64decode(content["known"]), _DIGEST + _DAY
    rows = (known[at : at + size] for at in range(0, len(known), size))
    told = {
        bytes.fromhex(digest): Told(Resource(kind, name, account), tuple(arns))
        for digest, (kind, name, account, arns) in content["told"].items()
    }
    days = {row[:_DIGEST]: int.from_bytes(row[_DIGEST:]) for row in rows}
    return News(content["asked"], days, told, int(content["looked"]), bytes.fromhex(content["turn"]))
