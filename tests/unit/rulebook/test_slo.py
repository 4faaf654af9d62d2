"""An objective makes a second rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import Labels, Priority
from watchtower.rulebook.loader import load_rules
from watchtower.sources.uptime.query import BurnQuery

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
group: sites
labels: {service: web}
rules:
- alert: SiteDown
  probe:
    http: {url: "https://{{ target }}/"}
    targets: [{target: a.example.com, labels: {tenant: shop}}, b.example.com]
  when: {P1: down}
  slo: {objective: 99.9, ticket: P3}
  runbook: https://runbooks.example.com/site
- alert: Other
  probe: {http: {url: "https://c.example.com/"}}
  when: {P3: down}
"""


def test_a_rule_with_an_objective_is_two(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(FILE)
    loaded = load_rules([file])
    assert loaded.faults == ()
    assert [rule.name for rule in loaded.rules] == ["SiteDown", "Other", "SiteDownBurn"]

    burn = loaded.rules[-1]
    assert (burn.source, burn.period, burn.group, burn.line) == ("uptime", 60, "sites", 5)
    assert [(level.priority, level.condition.text) for level in burn.levels] == [
        (Priority.P2, ">= 2"),
        (Priority.P3, ">= 1"),
    ]
    assert set(burn.labels) == {"service"}
    assert isinstance(burn.query, BurnQuery)
    assert (burn.query.rule, burn.query.identity) == ("SiteDown", ("kind", "target"))
    assert burn.query.targets == {"a.example.com": {"tenant": "shop"}, "b.example.com": {}}
    assert burn.summary is not None
    assert burn.summary.render(labels=Labels({"target": "a"}), reason="slowly") == "a burns its error budget: slowly"


def test_a_rule_without_one_is_one(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(FILE.replace("  slo: {objective: 99.9, ticket: P3}\n", ""))
    assert [rule.name for rule in load_rules([file]).rules] == ["SiteDown", "Other"]
