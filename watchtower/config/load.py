"""From files to a configuration that works as a whole, or to every reason why it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from watchtower.aws.config import label_of_tag
from watchtower.clock import SystemClock
from watchtower.config.checks import check
from watchtower.config.model import Config
from watchtower.config.reading import Reading
from watchtower.errors import ConfigError
from watchtower.faults import Severity
from watchtower.incidents.config import InhibitConfig, MuteConfig, RouteConfig
from watchtower.rulebook.loader import load_rules
from watchtower.schema import Model
from watchtower.yamlfile import load_yaml, readable, validation_faults, without_faulty

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from watchtower.faults import Fault
    from watchtower.rulebook.loader import RuleLoad
    from watchtower.rulebook.rule import Rule
    from watchtower.yamlfile import Document

_Entry = TypeVar("_Entry", bound=Model)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration without a fault, its rules, and what was found questionable (sorted)."""

    config: Config
    rules: tuple[Rule, ...]
    warnings: tuple[Fault, ...]


def load(path: Path, *, mounts: str | None = None) -> Loaded:
    """Read the configuration and the rules it names.

    Raises Unreadable when the file itself cannot be opened, ConfigError with every fault and warning of
    configuration and rules, sorted. ``mounts`` stands for the text of /proc/mounts.
    """
    document = load_yaml(path)
    config, faults = _read(document)
    paths = [path for path in config.rules if path.exists()]  # an absent one is told where it is named
    rules = load_rules(paths, label_tags=_label_tags(document))
    reading = _reading(document, config, rules, mounts)
    found = sorted({*document.faults, *faults, *rules.faults, *check(reading)})
    if any(fault.severity is Severity.ERROR for fault in found):
        raise ConfigError(found)
    return Loaded(config, rules.rules, tuple(found))


def load_for_reading(path: Path) -> Config:
    """The configuration for commands that only read the store: no secret is needed for that.

    Raises Unreadable when the file cannot be opened, ConfigError when it is faulty.
    """
    document = load_yaml(path)
    config, faults = _read(document, read_secrets=False)
    if document.faults or faults:
        raise ConfigError(sorted({*document.faults, *faults}))
    return config


@dataclass(frozen=True, slots=True)
class Beside:
    """A configuration that stands beside rule tests, the rules they test, and every fault of both, sorted."""

    config: Config
    rules: RuleLoad
    faults: tuple[Fault, ...]


def load_beside(path: Path, read_rules: Callable[[Collection[str]], RuleLoad] | None) -> Beside:
    """Read a configuration for what it says of alerts, where it is not going to run.

    Secrets are not read, and what only a running daemon needs is not asked for. ``read_rules`` gives the rules to
    test from the names of the labels that tags become; None takes those of the configuration. Raises Unreadable when
    the file cannot be opened, ConfigError when nothing further in it could be checked.
    """
    document = load_yaml(path)
    config, faults = _read(document, read_secrets=False)
    labels = _label_tags(document)
    if read_rules is None:
        paths = [path for path in config.rules if path.exists()]
        rules = load_rules(paths, label_tags=labels, read_secrets=False)
    else:
        rules = read_rules(labels)
        config = config.model_copy(update={"rules": ()})
    reading = _reading(document, config, rules, "", tested=True)
    found = {*document.faults, *faults, *rules.faults, *check(reading)}
    return Beside(config, rules, tuple(sorted(fault for fault in found if fault.severity is Severity.ERROR)))


def _read(document: Document, *, read_secrets: bool = True) -> tuple[Config, list[Fault]]:
    """The configuration without the keys that are faulty, and their faults."""
    context = {"base_dir": document.path.parent, "read_secrets": read_secrets}
    try:
        return Config.model_validate(document.data, context=context), []
    except ValidationError as error:
        faults = validation_faults(error, document, model=Config)
        sound, _ = readable(Config, document.data, error, by_entry=("channels", "aws"))
    try:
        return Config.model_validate(sound, context=context), faults
    except ValidationError as error:
        return Config.model_validate(without_faulty(sound, error), context=context), faults


def _label_tags(document: Document) -> list[str]:
    """The labels that tags become; a tag that is faulty or stands in a faulty list is no reason to doubt a rule."""
    given = document.get(("aws", "label_tags"))
    return [label_of_tag(str(key)) for key in (given if isinstance(given, list) else ())]


def _reading(
    document: Document, config: Config, rules: RuleLoad, mounts: str | None, *, tested: bool = False
) -> Reading:
    return Reading(
        document,
        config,
        routes=_entries(document, "routes", RouteConfig),
        inhibit=_entries(document, "inhibit", InhibitConfig),
        mute=_entries(document, "mute", MuteConfig),
        rules=rules,
        mounts=mounts,
        now=SystemClock().now(),
        tested=tested,
    )


def _entries(document: Document, key: str, kind: type[_Entry]) -> tuple[tuple[int, _Entry], ...]:
    """The entries of a list that can be read, with their place in it: a faulty one does not hide another's faults."""
    entries = []
    given = document.data.get(key)
    for number, raw in enumerate(given if isinstance(given, list) else ()):
        try:
            entries.append((number, kind.model_validate(raw)))
        except ValidationError:
            continue  # told already, with the whole document
    return tuple(entries)
