"""What the dashboards and Prometheus's rules ask for: every query of them, and the metrics in it with their labels."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "dashboards"
ALERTS = FOLDER / "watchtower.rules.yml"
#: What stands for Grafana's own variables, so that a parser of PromQL can read the query.
_GRAFANA = {"$__rate_interval": "5m", "$__range": "1h"}


@dataclass(frozen=True)
class Query:
    """An expression, and where it stands."""

    where: str
    text: str

    def __str__(self) -> str:
        return self.where

    @property
    def plain(self) -> str:
        """The expression as Prometheus is asked it."""
        text = self.text
        for variable, value in _GRAFANA.items():
            text = text.replace(variable, value)
        return text

    def selectors(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Each metric that is asked for, with the values its matchers name by label."""
        found: list[promql_parser.VectorSelector] = []

        def visit(node: Any) -> bool:
            if isinstance(node, promql_parser.MatrixSelector):
                found.append(node.vector_selector)
            elif isinstance(node, promql_parser.VectorSelector):
                found.append(node)
            return True

        promql_parser.walk(promql_parser.parse(self.plain), visit)
        for selector in found:
            assert selector.name, f"{self.where}: a selector without a metric's name cannot be checked: {self.text}"
            yield selector.name, {one.name: one.value for one in selector.matchers.matchers}

    def metrics(self) -> set[str]:
        return {name for name, _ in self.selectors()}


def dashboards() -> dict[str, Any]:
    """The dashboards by file name, as they stand there."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def alerts() -> list[dict[str, Any]]:
    """Prometheus's alert rules about Watchtower."""
    return [rule for group in YAML(typ="safe").load(ALERTS)["groups"] for rule in group["rules"]]


def queries() -> list[Query]:
    """All of them: of panels, of variables, of alert rules."""
    return [*_of_dashboards(), *(Query(rule["alert"], rule["expr"]) for rule in alerts())]


def _of_dashboards() -> Iterator[Query]:
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield Query(f"{name}: {panel['title']} {target['refId']}", target["expr"])
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                read = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
                assert read, variable
                yield Query(f"{name}: ${variable['name']}", f"count by ({read[2]}) ({read[1]})")


def asked() -> set[str]:
    """Every metric that any of them asks for."""
    return {name for query in queries() for name in query.metrics()}


#: What only appears where somebody has an objective or a certificate, and the demo has neither. The rest it must show.
NOT_IN_THE_DEMO = {
    "watchtower_burn_rate",
    "watchtower_error_budget_remaining_ratio",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
}
#: What Prometheus itself makes of each scrape.
PROMETHEUS = {"up"}


def exported(scrape: str) -> set[str]:
    """The series' names in a scrape; a family that has told its type and no series yet is there too."""
    names = set(re.findall(r"^([a-zA-Z_:][\w:]*)[{ ]", scrape, re.MULTILINE))
    for name, kind in re.findall(r"^# TYPE (\S+) (\w+)$", scrape, re.MULTILINE):
        names |= {f"{name}{end}" for end in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}
    return names
