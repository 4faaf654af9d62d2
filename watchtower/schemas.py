"""`watchtower schema`: JSON Schema of everything people write, for editors and for whoever generates such files.

It says what every key is; what keys say together (an unreachable route, a recovery that can never hold) is told by
`watchtower check`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind, models_json_schema

from watchtower.config import Config
from watchtower.durations import format_duration
from watchtower.rulebook.schema import AlertName, RuleFileModel, RuleModel
from watchtower.ruletest.schema import RuleTestFileModel, RuleTestModel
from watchtower.schema import DURATION_PATTERN
from watchtower.sources.table import SOURCES
from watchtower.terminal import SchemaKind

if TYPE_CHECKING:
    from pydantic_core import core_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _whole_rule(schema: dict[str, Any]) -> None:
    """A rule has a name, conditions and exactly one source."""
    schema["required"] = ["alert", "when"]
    schema["properties"]["when"]["minProperties"] = 1
    schema["oneOf"] = [{"required": [name]} for name in SOURCES]


class Rule(RuleModel):
    """One alert rule: what is asked, and when it is worth telling somebody."""

    model_config = ConfigDict(json_schema_extra=_whole_rule)

    alert: AlertName


class RuleFile(RuleFileModel):
    """A rule file: one group of rules."""

    model_config = ConfigDict(json_schema_extra={"required": ["rules"]})

    rules: list[Rule]


class ConfigFile(Config):
    """The configuration, watchtower.yaml."""

    model_config = ConfigDict(json_schema_extra={"required": ["rules", "channels", "routes"]})


class RuleTestFile(RuleTestFileModel):
    """A rule test file."""

    model_config = ConfigDict(json_schema_extra={"required": ["tests"]})

    groups: Annotated[list[RuleFile] | None, Field(min_length=1)] = None
    tests: Annotated[list[RuleTestModel], Field(min_length=1)]


_MODELS: dict[SchemaKind, type[RuleFileModel | Config | RuleTestFileModel]] = {
    SchemaKind.rules: RuleFile,
    SchemaKind.config: ConfigFile,
    SchemaKind.tests: RuleTestFile,
}


class _Generator(GenerateJsonSchema):
    """Properties without a title of their own, defaults as people write them."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic asks
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if "default" in found:
            _as_written(found)
        return found


def _as_written(schema: JsonSchemaValue) -> None:
    """A default of seconds is written as a duration; one that has another form in the file is left out."""
    default = schema["default"]
    if any(part.get("pattern") == DURATION_PATTERN for part in schema.get("anyOf", ())):
        schema["default"] = format_duration(default) if isinstance(default, float) else default
    if default is None or isinstance(default, list | dict):
        del schema["default"]


def json_schema(kind: SchemaKind = SchemaKind.any) -> dict[str, Any]:
    """The schema (draft 2020-12) of one kind of file, or of any of them."""
    models = list(_MODELS.values()) if kind is SchemaKind.any else [_MODELS[kind]]
    places, definitions = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Generator, ref_template="#/$defs/{model}"
    )
    refs = [places[model, "validation"] for model in models]
    whole = {"anyOf": refs} if kind is SchemaKind.any else refs[0]
    return {"$schema": DIALECT, "title": "Watchtower", **whole, "$defs": _plain(_used(whole, definitions["$defs"]))}


def _used(root: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions that something refers to."""
    used: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        for name in re.findall(r"'#/\$defs/(\w+)'", str(waiting.pop())):
            if name not in used:
                used[name] = definitions[name]
                waiting.append(definitions[name])
    return dict(sorted(used.items()))


def _plain(value: Any) -> Any:
    """Descriptions in Markdown, as editors show them."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.replace("``", "`") if isinstance(value, str) else value
