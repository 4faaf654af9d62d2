"""Small graphs to look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import inf, nextafter
from typing import Any

from tests.support.clock import START
from tests.support.make import notice
from watchtower.clock import epoch
from watchtower.graphs.figure import Figure, figure
from watchtower.graphs.series import Past, window
from watchtower.graphspec import GraphLimit, GraphSpec
from watchtower.model import Labels, NoticeMember, Priority

SINCE = START + timedelta(hours=14, minutes=3)
BEGAN = int(epoch(SINCE))
NOW = SINCE + timedelta(minutes=4)


def above(priority: Priority, value: float, text: str = "") -> GraphLimit:
    return GraphLimit(priority, text or f"> {value:g}", ((nextafter(value, inf), None),))


def below(priority: Priority, value: float, text: str = "") -> GraphLimit:
    return GraphLimit(priority, text or f"< {value:g}", ((None, nextafter(value, -inf)),))


def spec(*limits: GraphLimit, **more: Any) -> GraphSpec:
    values: dict[str, Any] = {"title": "CPUUtilization Average", "period": 60, "limits": limits}
    return GraphSpec(**{**values, **more})


def member(priority: Priority = Priority.P2, since: datetime = SINCE) -> NoticeMember:
    [made] = notice(tier=priority, at=since).members
    return replace(made, labels=Labels({"alert": "CpuHigh", "account": "prod", "db": "orders"}))


def minutes(*values: float | None) -> Past:
    """One datapoint a minute, the last in the minute before the alert; None is missing."""
    first = BEGAN - 60 * len(values)
    return Past(tuple((first + 60 * n, value) for n, value in enumerate(values) if value is not None))


def shown(past: Past, *limits: GraphLimit, priority: Priority = Priority.P2, **more: Any) -> Figure:
    drawn = spec(*limits, **more)
    made = figure(drawn, member(priority), past, window(drawn, SINCE, NOW))
    assert made is not None
    return made
