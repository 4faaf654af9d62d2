"""The dashboards and Prometheus's rules: made by their modules, asking for what is exported, explained by pages."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from dashboards.build import ALL, file_of, text_of
from dashboards.grafana import DOCS
from tests.support.docs import OPERATIONS, ROOT, anchors, code_spans, sections, tables
from tests.support.promql import (
    ALERTS,
    NOT_IN_THE_DEMO,
    PROMETHEUS,
    Query,
    alerts,
    asked,
    dashboards,
    exported,
    queries,
)
from watchtower.engine.selfwatch import OWN_ALERTS
from watchtower.engine.uptime import RATIO, SECONDS
from watchtower.live import Metrics
from watchtower.sources.balance.peers import SHARE
from watchtower.sources.cloudwatch.naming import RULE_VALUE, metric_name
from watchtower.sources.probe.samples import _HELP as PROBE_METRICS
from watchtower.sources.uptime.source import BUDGET_LEFT, BURN_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboards.grafana import Dashboard

QUERIES = queries()
#: Every panel that shows something, with the dashboard's file.
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in dashboards().items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]
COMPUTED = {RULE_VALUE, SHARE, RATIO, SECONDS, BURN_RATE, BUDGET_LEFT}
PACKS = [rule for pack in (ROOT / "rules").glob("*.yaml") for rule in YAML(typ="safe").load(pack)["rules"]]


@cache
def own_metrics() -> dict[str, set[str]]:
    """The series of our own registry, with their labels."""
    found: dict[str, set[str]] = {}
    collectors = [one for one in vars(Metrics()).values() if hasattr(one, "collect") and not hasattr(one, "register")]
    for collector in collectors:
        labels = {*getattr(collector, "_labelnames", ()), getattr(collector, "_label", "le")}
        for family in collector.collect():
            ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            found |= {family.name + end: labels for end in ends}
    return found


def polled_metrics() -> set[str]:
    """The names under which the shipped packs' plain metrics are scraped."""
    plain = [rule["cloudwatch"] for rule in PACKS if "metric" in rule.get("cloudwatch", {})]
    return {metric_name(one["namespace"], one["metric"], one["statistic"]) for one in plain}


@pytest.mark.parametrize("dashboard", ALL, ids=lambda dashboard: dashboard.uid)
def test_a_dashboard_is_what_its_module_makes(dashboard: Dashboard) -> None:
    made = file_of(dashboard).read_text(encoding="utf-8")
    assert made == text_of(dashboard), "run .venv/bin/python -m dashboards.build"


def test_no_dashboard_is_left_over_and_none_changes_its_address() -> None:
    """Grafana knows a dashboard, its links and its stars by the uid."""
    assert {name: one["uid"] for name, one in dashboards().items()} == {
        "overview.json": "watchtower-overview",
        "cloudwatch.json": "watchtower-cloudwatch",
        "probes.json": "watchtower-probes",
        "balance.json": "watchtower-balance",
        "images.json": "watchtower-images",
        "itself.json": "watchtower-itself",
    }


@pytest.mark.parametrize("dashboard", dashboards().values(), ids=list(dashboards()))
def test_a_dashboard_can_be_imported_anywhere(dashboard: dict[str, Any]) -> None:
    """Without an id of some Grafana, and with the data source as a variable."""
    assert dashboard["id"] is None
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    assert set(re.findall(r'"uid": "([^"]+)"', str(dashboard).replace("'", '"'))) == {
        dashboard["uid"],
        "${datasource}",
    }
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("dashboard", dashboards().values(), ids=list(dashboards()))
def test_panels_stand_beside_each_other_and_not_upon(dashboard: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panels_growth_is_measured_over_what_grafana_can_see(panel: dict[str, Any]) -> None:
    """A fixed window shorter than the resolution loses what happens between two points."""
    windows = set(re.findall(r"\[([^\]]+)\]", " ".join(target["expr"] for target in panel["targets"])))
    assert windows <= {"$__rate_interval", "1h"}


def links() -> Iterator[str]:
    """Whatever leads from here to a page of docs/."""
    text = "".join(path.read_text(encoding="utf-8") for path in map(file_of, ALL)) + ALERTS.read_text()
    yield from re.findall(rf"(?:\$\{{docs\}}|{re.escape(DOCS)})/([^\"\s]+)", text)


@pytest.mark.parametrize("link", sorted(set(links())))
def test_a_link_leads_to_a_section_that_exists(link: str) -> None:
    page, _, anchor = link.partition("#")
    assert anchor in anchors(ROOT / "docs" / page)


def test_every_panel_and_every_alert_has_such_a_link() -> None:
    assert all("${docs}/" in str(panel.values[0]) for panel in PANELS)
    assert all(rule["annotations"]["runbook_url"].startswith(f"{DOCS}/") for rule in alerts())


def test_every_metric_that_is_asked_for_is_exported() -> None:
    """Those of the demo's estate are found in its scrape by the demo's own test."""
    known = own_metrics().keys() | PROBE_METRICS.keys() | COMPUTED | PROMETHEUS | polled_metrics()
    assert asked() - known == set()
    assert asked() >= NOT_IN_THE_DEMO | {"watchtower_ticks_total", "probe_success", "aws_rds_cpuutilization_average"}


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_selects_by_labels_that_its_metrics_have(query: Query) -> None:
    own = own_metrics()
    for name, matchers in query.selectors():
        assert set(matchers) - own.get(name, set(matchers)) <= {"job", "instance", "le"}, name


def test_the_rules_that_queries_name_are_shipped() -> None:
    shipped = {rule["alert"] for rule in PACKS} | {"$alert", "Watchtower.*"}
    selectors = [matchers for query in QUERIES for _, matchers in query.selectors()]
    assert {value for matchers in selectors for value in matchers.get("alert", "$alert").split("|")} - shipped == set()


def test_each_of_our_own_metrics_is_on_a_dashboard() -> None:
    """A metric that nobody looks at is forgotten, also by whoever changes what it counts."""
    hidden = {name.removesuffix("_total") for name in own_metrics()} - {name.removesuffix("_total") for name in asked()}
    assert {name for name in hidden if not name.endswith(("_sum", "_count"))} == set()


def test_a_query_with_a_mistake_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        Query("here", "sum(rate(watchtower_ticks_total[5m])").metrics()
    assert Query("here", "a / on (b) rate(c[$__rate_interval]) unless d offset 5m").metrics() == {"a", "c", "d"}
    assert exported('# TYPE a_total counter\n# TYPE b histogram\nc{d="e"} 1\n') == {
        *("a_total", "b_bucket", "b_sum", "b_count", "c")
    }


# Prometheus's rules


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_of_prometheus_says_how_urgent_it_is_and_what_is_wrong(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]


def test_no_alert_of_prometheus_bears_the_name_of_one_of_ours() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert OWN_ALERTS.isdisjoint(names)
    assert len(set(names)) == len(names)


def test_every_alert_of_prometheus_fires_in_promtools_test() -> None:
    tests = (ROOT / "tests" / "data" / "prometheus_rules.test.yaml").read_text()
    assert set(re.findall(r'alertname="(\w+)"', tests)) == {rule["alert"] for rule in alerts()}


def test_the_page_lists_every_dashboard_and_every_alert_with_its_severity() -> None:
    [_, *shown], [_, *told] = tables(sections(OPERATIONS)["Dashboards"])
    assert [code_spans(row[0]) for row in shown] == [file_of(dashboard).name for dashboard in ALL]
    severities = [(rule["alert"], rule["labels"]["severity"]) for rule in alerts()]
    assert [(code_spans(row[0]), row[1]) for row in told] == severities
