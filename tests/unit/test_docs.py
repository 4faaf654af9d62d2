"""What the documentation says is what the code does: its examples are loaded, its tables compared."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

import watchtower
from tests.support.docs import (
    CONFIGURATION,
    OPERATIONS,
    PAGES,
    README,
    ROOT,
    RULES,
    Block,
    anchors,
    blocks,
    code_spans,
    lay_out,
    outcome,
    prose,
    sections,
    tables,
    whole,
)
from tests.support.promql import alerts as prometheus_alerts
from watchtower.aws.config import AccountConfig, AwsConfig, EventsConfig
from watchtower.cli import app
from watchtower.commands.check import check_lines
from watchtower.config import Config, Loaded
from watchtower.config.model import HeartbeatConfig
from watchtower.durations import format_duration
from watchtower.engine.selfwatch import OWN_ALERTS
from watchtower.engine.uptime import RATIO, SECONDS
from watchtower.evaluation.missing_data import Code, evaluate
from watchtower.incidents.config import InhibitConfig, MuteConfig, RouteConfig
from watchtower.inventory.arns import NAMESPACES
from watchtower.live import Metrics
from watchtower.model import TroubleReason
from watchtower.notifiers.pagerduty import SEVERITIES
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.sns import SnsConfig
from watchtower.rulebook.rule import Missing
from watchtower.rulebook.schema import (
    Datapoints,
    FlappingModel,
    LevelModel,
    OverrideModel,
    PeakModel,
    RecoverModel,
    RuleFileModel,
    RuleModel,
    VanishedModel,
)
from watchtower.sources.announced.asg import AsgQuery
from watchtower.sources.announced.ec2_events import Ec2EventsQuery
from watchtower.sources.announced.ecs import EcsQuery
from watchtower.sources.announced.health import HealthQuery
from watchtower.sources.announced.quota import QuotaQuery
from watchtower.sources.announced.ses import SesQuery
from watchtower.sources.balance.peers import SHARE
from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.cloudwatch.naming import RULE_VALUE
from watchtower.sources.cloudwatch.query import CloudWatchQuery, MetricQuery
from watchtower.sources.composite import Suppressor
from watchtower.sources.ecr.query import EcrQuery
from watchtower.sources.heartbeat.query import HeartbeatQuery
from watchtower.sources.inspector.query import InspectorQuery
from watchtower.sources.logs.query import LogsQuery
from watchtower.sources.messages import KINDS as ANNOUNCED
from watchtower.sources.probe.config import Canary, ProbesConfig, ScopeConfig
from watchtower.sources.probe.kinds.dns import Dns
from watchtower.sources.probe.kinds.dns_answers import DnsExpect
from watchtower.sources.probe.kinds.http.expect import Expect
from watchtower.sources.probe.kinds.http.query import Auth, Http
from watchtower.sources.probe.kinds.http.statuses import format_statuses
from watchtower.sources.probe.kinds.icmp import Icmp
from watchtower.sources.probe.kinds.table import KINDS
from watchtower.sources.probe.kinds.tcp import Tcp, TcpExpect
from watchtower.sources.probe.kinds.tls import Tls
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.probe.samples import _HELP as PROBE_METRICS
from watchtower.sources.probe.targets import Target
from watchtower.sources.probe.where import Where
from watchtower.sources.rds.query import RdsBalanceQuery, RdsTopologyQuery
from watchtower.sources.table import SOURCES as SPECS
from watchtower.sources.uptime.query import SloModel
from watchtower.sources.uptime.source import BUDGET_LEFT, BURN_RATE
from watchtower.templates import _FILTERS, _METHODS, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click
    from pydantic.fields import FieldInfo

ALL = [block for page in PAGES for block in blocks(page)]
YAML = [block for block in ALL if block.language == "yaml" and not block.is_rule_tests]


def _commands(group: Any, before: str = "") -> dict[str, click.Command]:
    """Every command by what is typed after `watchtower`."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        words = f"{before}{name}"
        found |= _commands(command, f"{words} ") if hasattr(command, "commands") else {words: command}
    return found


COMMANDS = _commands(typer.main.get_command(app))

#: The tables of keys: page, heading, the tables under it in their order, by the model that each describes.
REFERENCE: list[tuple[Path, str, list[type[BaseModel]]]] = [
    (RULES, "The file", [RuleFileModel]),
    (RULES, "A rule", [RuleModel]),
    (RULES, "cloudwatch", [CloudWatchQuery, MetricQuery]),
    (RULES, "logs", [LogsQuery]),
    (RULES, "rds_balance", [RdsBalanceQuery]),
    (RULES, "balance", [BalanceQuery]),
    (RULES, "rds_topology", [RdsTopologyQuery]),
    (RULES, "ecr", [EcrQuery]),
    (RULES, "inspector", [InspectorQuery]),
    (RULES, "ec2_events", [Ec2EventsQuery]),
    (RULES, "asg", [AsgQuery]),
    (RULES, "quota", [QuotaQuery]),
    (RULES, "health", [HealthQuery]),
    (RULES, "ecs", [EcsQuery]),
    (RULES, "ses", [SesQuery]),
    (RULES, "probe", [ProbeQuery, Target]),
    (RULES, "Targets that follow a list", [Where]),
    (RULES, "http", [Http, Auth, Expect]),
    (RULES, "tcp", [Tcp, TcpExpect]),
    (RULES, "tls", [Tls]),
    (RULES, "dns", [Dns, DnsExpect]),
    (RULES, "icmp", [Icmp]),
    (RULES, "heartbeat", [HeartbeatQuery]),
    (RULES, "composite", [Suppressor]),
    (RULES, "when", [LevelModel]),
    (RULES, "recover", [RecoverModel]),
    (RULES, "overrides", [OverrideModel]),
    (RULES, "vanished", [VanishedModel]),
    (RULES, "flapping", [FlappingModel]),
    (RULES, "slo", [SloModel]),
    (RULES, "peak", [PeakModel]),
    (CONFIGURATION, "The keys", [Config]),
    (CONFIGURATION, "aws", [AwsConfig, AccountConfig]),
    (CONFIGURATION, "Events", [EventsConfig]),
    (CONFIGURATION, "mute", [MuteConfig]),
    (CONFIGURATION, "inhibit", [InhibitConfig]),
    (CONFIGURATION, "PagerDuty", [PagerDutyConfig]),
    (CONFIGURATION, "Slack", [SlackConfig]),
    (CONFIGURATION, "SNS", [SnsConfig]),
    (CONFIGURATION, "routes", [RouteConfig]),
    (CONFIGURATION, "heartbeat", [HeartbeatConfig]),
    (CONFIGURATION, "probes", [ProbesConfig, Canary, ScopeConfig]),
]
MODELS = [(page, heading, model) for page, heading, models in REFERENCE for model in models]


# -- examples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [block for block in YAML if not block.faulty], ids=str)
def test_an_example_has_no_faults(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcome(lay_out(block, tmp_path, monkeypatch))
    assert isinstance(found, Loaded), found
    written = re.findall(r"^ *- alert:|^  slo:", block.text, re.MULTILINE)
    packs = re.findall(r"rules/(\w+)\.yaml", block.text) if not block.is_rules else []
    assert {rule.group for rule in found.rules} >= set(packs)
    own = [rule for rule in found.rules if rule.group not in packs]
    assert len(own) == (len(written) or (0 if packs else 1)), "an objective makes a second rule"


@pytest.mark.parametrize("block", [block for block in YAML if block.faulty], ids=str)
def test_a_mistake_prints_what_stands_below_it(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = ALL[ALL.index(block) + 1]
    assert printed.language == "text"
    assert outcome(lay_out(block, tmp_path, monkeypatch)) == printed.text.splitlines()


def test_checking_the_readmes_configuration_prints_what_the_operations_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rules of the first and of the probe's example in place of the packs, as that page says."""
    [config] = [block for block in blocks(README) if block.language == "yaml"]
    shop, sites = (
        next(block for block in YAML if f"- alert: {name}\n" in block.text) for name in ("ShopLatencyHigh", "SiteDown")
    )
    path = lay_out(config, tmp_path, monkeypatch)
    (tmp_path / "rules" / "shop.yaml").write_text(whole(shop)[1])
    (tmp_path / "rules" / "web.yaml").write_text(whole(sites)[1])
    path.write_text(re.sub(r"rules: \[.*\]", "rules: [rules/shop.yaml, rules/web.yaml]", path.read_text()))
    loaded = outcome(path)
    assert isinstance(loaded, Loaded)
    printed = "\n".join(check_lines(loaded)).replace(f"{tmp_path}/", "")
    [shown] = [block.text for block in blocks(OPERATIONS) if block.text.startswith("$ watchtower check")]
    assert shown == f"$ watchtower check --config watchtower.yaml\n{printed}\n"


SOURCES_PAGE = ROOT / "docs" / "sources.md"
JSON = [json.loads(block.text) for block in ALL if block.language == "json"]


def test_a_policy_is_one_that_aws_reads() -> None:
    policies = [document for document in JSON if "Statement" in document]
    assert {policy["Version"] for policy in policies} == {"2012-10-17"}


def test_the_event_pattern_asks_for_what_is_heeded() -> None:
    [pattern] = [document for document in JSON if "detail-type" in document]
    assert set(pattern["source"]) == {source for source, _ in ANNOUNCED}
    assert set(pattern["detail-type"]) == {kind for _, kind in ANNOUNCED}


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.needs])
def test_a_source_names_the_calls_that_it_must_be_allowed(name: str) -> None:
    heading = {"probe": "Targets of probes", "cloudwatch": "balance"}.get(name, name)
    [rows] = tables(sections(SOURCES_PAGE)[heading])
    listed = {action for row in rows[1:] for action in re.findall(r"\w+:\w+", row[0])} - {"sts:GetCallerIdentity"}
    assert set(SPECS[name].needs) - {"tag:GetResources"} == listed - {"tag:GetResources"}


def test_the_policy_has_every_action_of_every_source() -> None:
    [reading] = [one for one in JSON if any(each.get("Sid") == "ReadMetrics" for each in one.get("Statement", ()))]
    actions = [each["Action"] for each in reading["Statement"]]
    allowed = {one for each in actions for one in ([each] if isinstance(each, str) else each)}
    needed = {action for name, spec in SPECS.items() for action in spec.needs if name != "probe"}
    assert needed <= allowed


def test_the_manifest_of_the_slack_app_asks_for_the_scopes_that_are_explained() -> None:
    [manifest] = [document for document in JSON if "oauth_config" in document]
    asked = set(manifest["oauth_config"]["scopes"]["bot"])
    [rows] = [rows for rows in tables(sections(CONFIGURATION)["Slack"]) if rows[0][0] == "scope"]
    explained = {scope for row in rows[1:] for scope in re.findall(r"`(\w+:\w+)`", row[0])}
    assert asked == explained


# -- keys --------------------------------------------------------------------------------------------------------------


def key_tables(page: Path, heading: str) -> list[list[list[str]]]:
    return [rows for rows in tables(sections(page)[heading]) if rows[0][:2] == ["key", "default"]]


def described(page: Path, heading: str, model: type[BaseModel]) -> dict[str, str]:
    """The keys of a model's table, each with its default."""
    [models] = [models for where, name, models in REFERENCE if (where, name) == (page, heading)]
    rows = key_tables(page, heading)[models.index(model)]
    return {key.strip("`"): default for key, default, *_ in rows[1:]}


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


@pytest.mark.parametrize(("page", "heading", "model"), MODELS, ids=lambda value: getattr(value, "__name__", None))
def test_every_key_is_in_its_table_or_said_to_come_later(page: Path, heading: str, model: type[BaseModel]) -> None:
    later = words(code_spans(sections(page)["Not supported yet"]))
    listed = set(described(page, heading, model))
    assert listed <= set(fields(model)), "the page has a key that the code does not know"
    assert set(fields(model)) - listed <= later


@pytest.mark.parametrize(("page", "heading", "model"), MODELS, ids=lambda value: getattr(value, "__name__", None))
def test_a_default_is_the_one_the_code_has(page: Path, heading: str, model: type[BaseModel]) -> None:
    told = described(page, heading, model)
    wrong = {
        key: default
        for key, default in told.items()
        if (known := default_of(fields(model)[key])) is not None and known not in default
    }
    assert wrong == {}


def default_of(field: FieldInfo) -> str | None:
    """A default as the pages write it; None where the code leaves the key out (what that means is prose)."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, [], ""):
        return None
    return None if isinstance(value, BaseModel) else f"`{written(value)}`"


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Datapoints):
        return f"{value.needed} of {value.of}"
    if isinstance(value, float):
        return format_duration(value)
    if isinstance(value, tuple) and isinstance(value[0], tuple):
        return format_statuses(value)
    return f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)


def models_below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and every model that its fields hold."""
    yield model
    for field in model.model_fields.values():
        pending = [field.annotation]
        while pending:
            one = pending.pop()
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from models_below(one)
            pending.extend(part for part in get_args(one) if not isinstance(part, str))


@pytest.mark.parametrize(("page", "model"), [(RULES, RuleFileModel), (RULES, RuleModel), (CONFIGURATION, Config)])
def test_every_key_however_deep_is_on_its_page(page: Path, model: type[BaseModel]) -> None:
    said = words(code_spans(prose(page)))
    asked = set().union(*(keys_below(kind) for kind in KINDS.values())) if page == CONFIGURATION else set()
    assert keys_below(model) - asked - said == set(), "what a canary asks is on the page of the rules"


def keys_below(model: type[BaseModel]) -> set[str]:
    return {key for below in models_below(model) for key in fields(below)}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


# -- figures and words -------------------------------------------------------------------------------------------------


def test_the_table_of_missing_data_is_what_the_evaluation_says() -> None:
    [rows] = [rows for rows in tables(sections(RULES)["Missing data"]) if rows[0][0] == "range"]
    treatments = [Missing(cell.strip("`")) for cell in rows[0][1:]]
    assert treatments == list(Missing)
    for shown, *said in rows[1:]:
        slots = shown.strip("`").split()
        present = np.array([[slot != "-" for slot in slots]])
        breaching = np.array([[slot == "X" for slot in slots]])
        codes = [evaluate(present, breaching, needed=2, of=3, missing=one).codes[0] for one in treatments]
        assert said == [Code(int(code)).name.replace("RETAIN", "kept") for code in codes], shown


def test_the_templates_page_names_what_a_template_may_use() -> None:
    said = words(code_spans(sections(RULES)["Templates"]))
    assert {*NAMES, *_FILTERS, *_METHODS, "duration"} - said == set()


def test_the_severities_are_those_that_pagerduty_gets() -> None:
    [rows] = [rows for rows in tables(sections(RULES)["when"]) if rows[0][0] == "priority"]
    assert {row[0]: row[2] for row in rows[1:]} == {str(priority): said for priority, said in SEVERITIES.items()}


def test_every_namespace_whose_tags_can_be_read_is_named() -> None:
    assert [name for name in NAMESPACES if name not in sections(RULES)["cloudwatch"]] == []


def test_every_reason_of_a_failed_poll_is_explained() -> None:
    assert set(TroubleReason) <= words(code_spans(prose(OPERATIONS)))


# -- operations --------------------------------------------------------------------------------------------------------


def own_metrics() -> set[str]:
    kinds = {"counter": "_total"}
    counted = {metric.name + kinds.get(metric.type, "") for metric in Metrics().registry.collect()}
    return counted | {RULE_VALUE, SHARE, RATIO, SECONDS, BURN_RATE, BUDGET_LEFT}


def test_every_metric_is_explained_and_none_is_made_up() -> None:
    assert own_metrics() - words(code_spans(prose(OPERATIONS))) == set()
    named = {name for page in PAGES for name in re.findall(r"\bwatchtower_[a-z_]*[a-z]\b", page.read_text())}
    assert named - own_metrics() - {"watchtower_delivery"} == set()


def test_every_metric_of_probes_is_explained() -> None:
    assert set(PROBE_METRICS) <= words(code_spans(prose(OPERATIONS)))


def test_every_own_alert_is_explained_and_none_is_made_up() -> None:
    named = set(re.findall(r"\bWatchtower[A-Z]\w+", "".join(page.read_text() for page in PAGES)))
    assert named - {"WatchtowerTest"} - {rule["alert"] for rule in prometheus_alerts()} == OWN_ALERTS


def log_events() -> set[str]:
    """The first argument of every log call of the package."""
    package = ROOT / "watchtower"
    assert package == type(ROOT)(watchtower.__file__).parent
    calls = [
        node
        for module in package.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "log"
        and isinstance(call.args[0], ast.Constant)
    }


def test_every_log_event_is_explained_and_none_is_made_up() -> None:
    [rows] = [rows for rows in tables(sections(OPERATIONS)["Logs"]) if rows[0][0] == "event"]
    assert {row[0].strip("`") for row in rows[1:]} == log_events()


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_with_an_example(name: str) -> None:
    result = CliRunner().invoke(app, [*name.split(), "--help"])
    assert result.exit_code == 0
    assert f"Example: watchtower {name}" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_on_the_operations_page(name: str) -> None:
    [rows] = [rows for rows in tables(sections(OPERATIONS)["Commands"]) if rows[0][0] == "command"]
    [row] = [row for row in rows[1:] if row[0].startswith(f"`watchtower {name}")]
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    assert options - set(re.findall(r"--[a-z-]+", " ".join(row))) == set()


def _split(name: str, rest: str) -> tuple[str, str]:
    """A command of two words and what stands behind it."""
    second, _, others = rest.strip().partition(" ")
    return (f"{name} {second}", others) if f"{name} {second}" in COMMANDS else (name, rest)


def test_commands_in_the_text_exist() -> None:
    text = "".join(page.read_text() for page in PAGES)
    lines = re.findall(r"^ *\$ watchtower ([a-z-]+)(.*)$", text, re.MULTILINE) + re.findall(
        r"`watchtower ([a-z-]+)([^`]*)`", text
    )
    assert lines
    for name, rest in (_split(*line) for line in lines):
        assert name in COMMANDS, name
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest.split("#")[0])) <= known | {"--help"}, (name, rest)


# -- the pages themselves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_opens_with_the_two_commands() -> None:
    opening = blocks(README)[0]
    shown = re.findall(r"^\$ make (\w+)", opening.text, re.MULTILINE)
    assert shown == ["demo", "test"]
    assert opening.line == 3
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"make ([a-z-]+)", code_spans(prose(README)))
    assert {*shown, *named} <= set(targets)
