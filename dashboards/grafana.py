"""Panels and dashboards as values, and Grafana's Classic JSON made of them, as Grafana 10 and later read it.

https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Where the pages of docs/ are served; replace it in all files of this folder by your own address.
DOCS = "https://docs.example.com/watchtower"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
#: Columns of Grafana's grid.
GRID = 24


@dataclass(frozen=True)
class Panel:
    """One panel: its queries by their legend, and the section of docs/ that says what to do about what it shows."""

    title: str
    text: str
    queries: dict[str, str]
    doc: str
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 7
    limits: dict[str, float] = field(default_factory=dict)
    base: str = "green"
    stack: bool = False


@dataclass(frozen=True)
class Dashboard:
    """Rows of panels; ``pick`` names the variables, each with the query that finds its values."""

    uid: str
    title: str
    text: str
    rows: dict[str, tuple[Panel, ...]]
    pick: dict[str, str]
    doc: str = "operations.md#dashboards"


def stat(title: str, text: str, query: str, doc: str, unit: str = "short", **limits: float) -> Panel:
    """One number, coloured from green by its limits."""
    return Panel(title, text, {"": query}, doc, unit, "stat", width=4, height=4, limits=limits)


def table(title: str, text: str, query: str, doc: str, unit: str = "short") -> Panel:
    """What is true now, a line a series."""
    return Panel(title, text, {"": query}, doc, unit, "table", width=12)


def classic(dashboard: Dashboard) -> dict[str, Any]:
    """The whole of a dashboard; ``id`` is null because each Grafana gives its own, and goes by the ``uid``."""
    return {
        "id": None,
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.text,
        "tags": ["watchtower"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "Watchtower", "tags": ["watchtower"], "asDropdown": True, "keepTime": True},
            {"type": "link", "title": "Docs", "url": f"${{docs}}/{dashboard.doc}", "targetBlank": True},
        ],
        "templating": {"list": [*_given(), *(_picked(name, query) for name, query in dashboard.pick.items())]},
        "panels": _placed(dashboard.rows),
    }


def _given() -> list[dict[str, Any]]:
    here = {"text": DOCS, "value": DOCS}
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0},
        {"name": "docs", "label": "Docs", "type": "constant", "query": DOCS, "current": here, "hide": 2},
    ]


def _picked(name: str, query: str) -> dict[str, Any]:
    """A variable that is all of its values at first; all matches series without the label, too."""
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }


def _placed(rows: dict[str, tuple[Panel, ...]]) -> list[dict[str, Any]]:
    """Panels from left to right below the titles of their rows; numbered in this order."""
    placed: list[dict[str, Any]] = []
    top = 0
    for title, panels in rows.items():
        placed.append(
            {"type": "row", "title": title, "collapsed": False, "gridPos": _at(0, top, GRID, 1), "panels": []}
        )
        left, top, tallest = 0, top + 1, 0
        for panel in panels:
            if left + panel.width > GRID:
                left, top, tallest = 0, top + tallest, 0
            placed.append(_panel(panel) | {"gridPos": _at(left, top, panel.width, panel.height)})
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return [{"id": number, **panel} for number, panel in enumerate(placed, 1)]


def _at(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def _panel(panel: Panel) -> dict[str, Any]:
    steps = [{"color": panel.base, "value": None}, *({"color": c, "value": v} for c, v in panel.limits.items())]
    drawn = {"fillOpacity": 20 if panel.stack else 5, "stacking": {"mode": "normal" if panel.stack else "none"}}
    defaults = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": SOURCE,
        "links": [{"title": "What it means", "url": f"${{docs}}/{panel.doc}", "targetBlank": True}],
        "fieldConfig": {
            "defaults": defaults | ({"custom": drawn} if panel.kind == "timeseries" else {}),
            "overrides": [],
        },
        "options": _OPTIONS[panel.kind],
        "transformations": _COLUMNS if panel.kind == "table" else [],
        "targets": [
            _target(panel.kind, name, legend, query)
            for name, (legend, query) in zip("ABCDEF", panel.queries.items(), strict=False)
        ],
    }


_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"colorMode": "background", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}},
    "table": {"showHeader": True},
}
_COLUMNS = [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]


def _target(kind: str, name: str, legend: str, query: str) -> dict[str, Any]:
    now = kind == "table"
    return {
        "refId": name,
        "datasource": SOURCE,
        "expr": query,
        "legendFormat": legend,
        "instant": now,
        "range": not now,
        "format": "table" if now else "time_series",
    }
