"""From a rule test file to a suite, or to every reason why it cannot be run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from watchtower.clock import epoch
from watchtower.config import Config, load_beside
from watchtower.errors import ConfigError, Unreadable
from watchtower.incidents.flush import Policy
from watchtower.incidents.quiet import compile_quiet
from watchtower.incidents.routing import compile_routes
from watchtower.notifiers.table import NOTIFIERS
from watchtower.rulebook.loader import load_rules, rule_files
from watchtower.ruletest.reading import Around, read_test
from watchtower.ruletest.schema import RuleTestFileModel
from watchtower.ruletest.suite import Setting, Suite
from watchtower.yamlfile import load_yaml, mistyped, validation_faults, without_faulty

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from watchtower.faults import Fault
    from watchtower.rulebook.loader import RuleLoad
    from watchtower.ruletest.suite import RuleTest
    from watchtower.yamlfile import Document

#: Where a series names no account and region, and no configuration does.
DEFAULT_PLACE = ("test", "us-east-1")


def load_suite(path: Path) -> Suite:
    """Read a rule test file, its rules and its configuration.

    Raises Unreadable when the file itself cannot be opened, ConfigError with every fault of all of them, sorted.
    """
    document = load_yaml(path)
    file, faults = _read(document)
    reading = _Reading(document, file)
    faults += [*document.faults, *reading.required(), *reading.absent()]
    found, wrong = reading.rules_and_config()
    faults += wrong
    tests: list[RuleTest] = []
    if found is not None:
        around = _around(document, file, *found)
        for number in range(len(file.tests)):
            test, wrong = read_test(around, number)
            faults += wrong
            tests += [test] if test is not None else []
    if faults or found is None:
        raise ConfigError(sorted(set(faults)))
    return Suite(str(path), _setting(around, found[1]), tuple(tests))


def _read(document: Document) -> tuple[RuleTestFileModel, list[Fault]]:
    """The file without the keys that are faulty, and their faults."""
    try:
        return RuleTestFileModel.model_validate(document.data), []
    except ValidationError as error:
        faults = validation_faults(error, document, model=RuleTestFileModel)
        return RuleTestFileModel.model_validate(without_faulty(document.data, error)), faults


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file and what it names: rules, its own or in files, and a configuration."""

    document: Document
    file: RuleTestFileModel

    def required(self) -> Iterator[Fault]:
        given, known = self.document.data, RuleTestFileModel.model_fields
        if not any(key in given for key in ("rules", "groups", "config")) and not mistyped(given, known, ("rules",)):
            message = "which rules are tested? give `rules: [PATH]`, or rules of the test's own under `groups:`"
            yield self.document.fault((), message)
        if "tests" not in given and not mistyped(given, known, ("tests",)):
            yield self.document.fault((), "`tests` is missing in the file")
        elif given.get("tests") in ([], None):
            yield self.document.fault(("tests",), "`tests` is empty", key=True)

    def absent(self) -> Iterator[Fault]:
        for number, path in enumerate(self.file.rules):
            whole = self._beside(path)
            if not whole.exists():
                yield self.document.fault(("rules", number), f"there is no file or directory {whole}")
            elif not rule_files([whole]):
                yield self.document.fault(("rules", number), f"the directory {whole} holds no *.yaml file")
        for number in range(len(self.file.groups or ())):
            if self.document.part(("groups", number)) is None:
                yield self.document.fault(("groups", number), "a group is a mapping with group, labels and rules")

    def rules_and_config(self) -> tuple[tuple[RuleLoad, Config | None] | None, list[Fault]]:
        """The rules and the configuration, None when it could not be read, and all that is wrong in both."""
        own = "rules" in self.document.data or "groups" in self.document.data
        if self.file.config is None:
            rules = self._rules(())
            return (rules, None), list(rules.faults)
        try:
            beside = load_beside(self._beside(self.file.config), self._rules if own else None)
        except Unreadable:
            path = self._beside(self.file.config)
            return None, [self.document.fault(("config",), f"the configuration {path} cannot be read")]
        except ConfigError as error:
            return None, list(error.faults)
        return (beside.rules, beside.config), list(beside.faults)

    def _rules(self, label_tags: Collection[str]) -> RuleLoad:
        paths = [whole for path in self.file.rules if (whole := self._beside(path)).exists()]
        parts = (self.document.part(("groups", number)) for number in range(len(self.file.groups or ())))
        inline = [part for part in parts if part is not None]
        return load_rules(paths, inline=inline, label_tags=label_tags, read_secrets=False)

    def _beside(self, path: Path) -> Path:
        return self.document.path.parent / path


def _around(document: Document, file: RuleTestFileModel, rules: RuleLoad, config: Config | None) -> Around:
    account, region = _place(config)
    return Around(
        document=document,
        rules={rule.name: rule for rule in rules.rules},
        named={draft.name for draft in rules.drafts if draft.name is not None} | {rule.name for rule in rules.rules},
        channels=config.channels if config is not None else None,
        start=int(epoch(file.start)),
        account=account,
        region=region,
    )


def _place(config: Config | None) -> tuple[str, str]:
    for account in config.aws.accounts if config is not None else ():
        return account.name, account.regions[0]
    return DEFAULT_PLACE


def _setting(around: Around, config: Config | None) -> Setting:
    shared = config or Config()
    return Setting(
        rules=around.rules,
        start=around.start,
        environment=shared.environment,
        account=around.account,
        region=around.region,
        policy=_policy(config) if config is not None else None,
    )


def _policy(config: Config) -> Policy:
    channels = {name: NOTIFIERS[one.type].traits(name, one) for name, one in config.channels.items()}
    return Policy(
        config.environment, compile_routes(config.routes), channels, compile_quiet(config.mute, config.inhibit)
    )
