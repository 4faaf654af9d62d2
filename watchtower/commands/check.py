"""What ``watchtower check`` prints: faults, warnings, and how long each rule may take from breach to page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from watchtower.config import worst_case_seconds
from watchtower.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.config import Loaded
    from watchtower.faults import Fault


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
