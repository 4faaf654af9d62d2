"""What ``watchtower once`` evaluates and prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from watchtower.clock import SystemClock
from watchtower.composition import make_plan, make_sources, open_doors
from watchtower.engine.once import evaluate_once
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from watchtower.config import Loaded
    from watchtower.engine.once import Once


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
