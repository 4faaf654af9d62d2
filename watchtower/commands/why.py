"""What ``watchtower why`` reads and prints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from watchtower.clock import SystemClock
from watchtower.engine.explain import explain_lines, present
from watchtower.matchers import parse_matchers
from watchtower.model import Priority
from watchtower.rulebook.loader import load_rules
from watchtower.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.config import Config
    from watchtower.store.values import Explanation


def parse_alert(text: str) -> tuple[str, dict[str, str]]:
    """``Name{a="b"}`` into the rule's name and the labels to narrow by; raises ValueError."""
    name, brace, rest = text.strip().partition("{")
    if not name:
        raise ValueError(f'{text!r} names no alert; write it like Name or Name{{label="x"}}')
    if not brace:
        return name, {}
    matchers = parse_matchers(["{" + rest])
    if any(matcher.operator != "=" for matcher in matchers):
        raise ValueError(f'{text!r}: only name="value" can narrow an alert')
    return name, {matcher.name: matcher.value for matcher in matchers}


#: What an incident's id begins with.
_INCIDENT = re.compile(r"[0-9a-f]{6,8}(-[0-9a-f-]*)?")


async def explain(url: str, asked: str) -> list[Explanation]:
    """Read the store beside the running daemon, which may have stopped; raises ValueError for what cannot be meant."""
    name, labels = parse_alert(asked)
    store = await Store.open_readonly(url, clock=SystemClock())
    try:
        found = await store.explain(name, labels)
        if not found and _INCIDENT.fullmatch(name):
            return await store.explain_incident(name)
        return found
    finally:
        await store.close()


def nothing_known(config: Config, asked: str) -> str:
    """Why there is nothing to explain."""
    name, _ = parse_alert(asked)
    if name in {draft.name for draft in load_rules(config.rules).drafts}:
        return f"{asked}: the rule is in the configuration, but no daemon evaluates it: is it disabled, or new?"
    if _INCIDENT.fullmatch(name):
        return f"{asked}: no such incident or alert in the store"
    return f"{asked}: no such alert in the store, and no rule named {name} in the configuration"


def explanation_lines(found: Sequence[Explanation], asked: str) -> Iterator[str]:
    """One alert after the other, an empty line between them."""
    now = present(found, SystemClock().now())
    for number, one in enumerate(found):
        if number:
            yield ""
        yield from explain_lines(one, asked, now)


def explanation_report(found: Explanation, asked: str) -> dict[str, Any]:
    """The same as data; labels as plain objects."""
    return {"asked": asked, **_plain(asdict(found))}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Priority) else value
