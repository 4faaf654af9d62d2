"""What the commands print, apart from how: data for ``--format json``, lines and rows for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from watchtower.clock import SystemClock
from watchtower.config import worst_case_seconds
from watchtower.durations import format_duration, parse_duration
from watchtower.engine.explain import explain_lines
from watchtower.engine.once import evaluate_once
from watchtower.engine.settings import EngineSettings
from watchtower.matchers import parse_matchers
from watchtower.model import Priority
from watchtower.rulebook.loader import load_rules
from watchtower.ruletest import junit_xml, run_files
from watchtower.service import make_plan, make_sources, open_doors
from watchtower.store.store import Store
from watchtower.web.v2_silences import PostedMatcher, check_matchers, matcher_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from watchtower.config import Config, Loaded
    from watchtower.engine.once import Once
    from watchtower.faults import Fault
    from watchtower.ruletest import FileReport
    from watchtower.store.values import Explanation

# -- check ------------------------------------------------------------------------------------------------------------


def fault_lines(faults: Sequence[Fault]) -> list[str]:
    """One line a fault, sorted by place."""
    return [str(fault) for fault in sorted(faults)]


def fault_rows(faults: Sequence[Fault]) -> dict[str, Any]:
    """The faults as data."""
    return {"faults": [asdict(fault) for fault in sorted(faults)]}


def check_lines(loaded: Loaded) -> Iterator[str]:
    """Warnings, then how long each rule may take from breach to page."""
    yield from fault_lines(loaded.warnings)
    for rule in sorted(loaded.rules, key=lambda rule: rule.name):
        seconds = worst_case_seconds(rule, loaded.config, loaded.rules)
        off = "" if rule.enabled else " (disabled)"
        yield f"{rule.name}: pages at most {format_duration(seconds)} after the breach begins{off}"
    yield f"{_count(loaded.rules, 'rule')}, {_count(loaded.warnings, 'warning')}, no faults"


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def check_report(loaded: Loaded) -> dict[str, Any]:
    """The same as data."""
    return {
        **fault_rows(loaded.warnings),
        "rules": [
            {
                "alert": rule.name,
                "file": rule.file,
                "worst_case_seconds": worst_case_seconds(rule, loaded.config, loaded.rules),
            }
            for rule in sorted(loaded.rules, key=lambda rule: rule.name)
        ],
    }


# -- test -------------------------------------------------------------------------------------------------------------


def run_rule_tests(files: Sequence[Path], junit: Path | None) -> list[FileReport]:
    """Run rule test files; where ``junit`` names a file, it gets JUnit's XML. Raises Unreadable, OSError."""
    reports = run_files(files, SystemClock())
    if junit is not None:
        junit.write_bytes(junit_xml(reports))
    return reports


# -- once -------------------------------------------------------------------------------------------------------------


async def evaluate(loaded: Loaded) -> Once:
    """Poll and judge every rule of the configuration once."""
    clock = SystemClock()
    async with open_doors(loaded.config) as doors:
        sources = make_sources(loaded.config, doors.aws, clock)
        plan = make_plan(loaded, sources)
        try:
            return await evaluate_once(plan, clock.now(), loaded.config.environment, EngineSettings().poll_timeout)
        finally:
            for source in sources.values():
                await source.close()


def once_rows(found: Once) -> list[tuple[str, ...]]:
    """The table's rows."""
    return [
        (
            row.rule,
            row.state,
            " ".join(f"{name}={value}" for name, value in row.labels.items()),
            row.priority,
            "" if row.value is None else f"{row.value:g}",
            row.reason,
        )
        for row in found.rows
    ]


def once_report(found: Once) -> dict[str, Any]:
    """The same as data."""
    return {
        "alerts": [asdict(row) for row in found.rows],
        "troubles": [asdict(one) for one in found.troubles],
    }


# -- why --------------------------------------------------------------------------------------------------------------


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
    now = SystemClock().now()
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


# -- silence ----------------------------------------------------------------------------------------------------------


def silence_body(
    matchers: Sequence[str],
    *,
    lasts: str,
    comment: str,
    author: str,
    start: datetime | None,
    expire_on_resolve: bool,
) -> dict[str, Any]:
    """What is posted to ``/api/v2/silences``; raises ValueError for what the daemon could only refuse.

    The daemon counts ``lasts`` on its own clock, which need not be ours.
    """
    read = parse_matchers(matchers)
    check_matchers(read)
    if parse_duration(lasts) <= 0:
        raise ValueError(f"--for {lasts}: a silence lasts longer than nothing")
    if not comment.strip():
        raise ValueError("--comment is empty: a silence says why")
    body = {
        "matchers": [matcher_json(matcher) for matcher in read],
        "for": lasts,
        "createdBy": author,
        "comment": comment,
        "expire_on_resolve": expire_on_resolve,
    }
    return body if start is None else {**body, "startsAt": start.isoformat()}


def shown_silences(found: Sequence[dict[str, Any]], *, expired: bool) -> list[dict[str, Any]]:
    """Those to be listed, in the daemon's order."""
    return [silence for silence in found if expired or silence["status"]["state"] != "expired"]


def silence_rows(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The table's rows."""
    return [
        tuple(
            _printable(cell)
            for cell in (
                silence["id"],
                silence["status"]["state"],
                _to_the_second(silence["startsAt"]),
                _to_the_second(silence["endsAt"]),
                ", ".join(str(PostedMatcher.model_validate(raw).read()) for raw in silence["matchers"]),
                silence["createdBy"],
                silence["comment"] + (" (expires on resolve)" if silence.get("expire_on_resolve") else ""),
            )
        )
        for silence in found
    ]


def _to_the_second(stamp: str) -> str:
    return f"{stamp[:10]} {stamp[11:19]} UTC"


def _printable(text: str) -> str:
    """A comment of somebody else's must not move our cursor."""
    return "".join(character if character.isprintable() else " " for character in text)
