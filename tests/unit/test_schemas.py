"""JSON Schema of what people write: all that ships is held against it, and mistakes that a schema can see are seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.docs import PAGES, Block, blocks, whole
from watchtower.durations import parse_duration
from watchtower.schemas import json_schema
from watchtower.sources.table import SOURCES
from watchtower.terminal import SchemaKind
from watchtower.yamlfile import load_yaml, parse_yaml

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"

#: Every file of ours that somebody may copy, by what it is.
SHIPPED = [
    *((SchemaKind.rules, path) for path in sorted((ROOT / "rules").glob("*.yaml"))),
    *((SchemaKind.rules, path) for path in sorted((ROOT / "watchtower" / "demo" / "rules").glob("*.yaml"))),
    *((SchemaKind.config, path) for path in sorted((ROOT / "docker").glob("watchtower*.yaml"))),
    *((SchemaKind.tests, path) for path in sorted((ROOT / "rules" / "tests").glob("*.yaml"))),
    *((SchemaKind.tests, path) for path in sorted((DATA / "rule_tests").glob("*.yaml"))),
]
EXAMPLES = [
    block for page in PAGES for block in blocks(page) if block.language == "yaml" and not block.faulty
]  # fmt: skip


@cache
def validator(kind: SchemaKind) -> Draft202012Validator:
    return Draft202012Validator(json_schema(kind))


def wrong(kind: SchemaKind, data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in validator(kind).iter_errors(data)]


@pytest.mark.parametrize("kind", SchemaKind)
def test_the_schema_is_itself_sound(kind: SchemaKind) -> None:
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_every_file_that_ships_is_as_the_schema_says(kind: SchemaKind, path: Path) -> None:
    data = load_yaml(path).data
    assert wrong(kind, data) == []
    assert wrong(SchemaKind.any, data) == []


def test_there_are_files_of_every_kind() -> None:
    assert {kind for kind, _ in SHIPPED} == set(SchemaKind) - {SchemaKind.any}


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_every_example_of_the_documentation_is_as_the_schema_says(block: Block) -> None:
    if "tests" in block.keys:
        assert wrong(SchemaKind.tests, parse_yaml(block.text, block.page).data) == []
        return
    config, rules = whole(block)
    assert wrong(SchemaKind.config, parse_yaml(config, block.page).data) == []
    assert wrong(SchemaKind.rules, parse_yaml(rules, block.page).data) == []


@pytest.mark.parametrize(
    "name",
    [
        "mistyped_key",
        "mistyped_query_key",
        "mistyped_level_key",
        "mistyped_recover_key",
        "mistyped_source",
        "no_alert_name",
        "no_source",
        "no_when",
        "empty_when",
        "two_sources",
        "unknown_priority",
        "condition_is_a_number",
        "unparsable_condition",
        "period_without_unit",
        "datapoints_is_a_number",
        "rules_missing",
    ],
)
def test_a_mistake_in_rules_that_a_schema_can_see_is_seen(name: str) -> None:
    assert wrong(SchemaKind.rules, load_yaml(DATA / "bad_rules" / f"{name}.yaml").data)


@pytest.mark.parametrize(
    "name",
    [
        "bad_duration",
        "channel_without_type",
        "mistyped_channel_key",
        "mistyped_route_key",
        "mistyped_section",
        "route_without_channels",
        "rules_is_text",
        "secret_as_literal",
        "three_keys_missing",
        "unknown_channel_type",
    ],
)
def test_a_mistake_in_a_configuration_that_a_schema_can_see_is_seen(name: str) -> None:
    assert wrong(SchemaKind.config, load_yaml(DATA / "bad_config" / f"{name}.yaml").data)


@pytest.mark.parametrize(
    "text",
    [
        "rules: [a.yaml]",
        "tests: []",
        "tests: [{name: t}]",
        "tests: [{name: t, series: [{valuess: 1}]}]",
        "tests: [{name: t, series: [], expect: [{at: 5, state: OK}]}]",
        "tests: [{name: t, series: [], expect: [{at: 5m, state: ok}]}]",
        "tests: [{name: t, series: [], notifications: [{at: 5m, channel: ops, event: page}]}]",
        "groups: [{rules: [{alert: A}]}]\ntests: [{name: t, series: []}]",
    ],
)
def test_a_mistake_in_rule_tests_that_a_schema_can_see_is_seen(text: str) -> None:
    assert wrong(SchemaKind.tests, parse_yaml(text, Path("t.yaml")).data)


def test_every_source_is_offered() -> None:
    offered = json_schema(SchemaKind.rules)["$defs"]["Rule"]["properties"]
    assert set(SOURCES) <= set(offered)


def test_defaults_are_written_as_a_person_would() -> None:
    definitions = json_schema()["$defs"]
    for name, definition in definitions.items():
        for key, schema in definition.get("properties", {}).items():
            if "default" in schema:
                whole_schema = {**schema, "$defs": definitions}
                assert Draft202012Validator(whole_schema).is_valid(schema["default"]), f"{name}.{key}"
    period = definitions["CloudWatchQuery"]["properties"]["period"]
    assert parse_duration(period["default"]) == 60


def test_nothing_is_defined_that_nothing_refers_to() -> None:
    schema = json_schema()
    text = str(schema)
    assert all(f"#/$defs/{name}'" in text for name in schema["$defs"])
