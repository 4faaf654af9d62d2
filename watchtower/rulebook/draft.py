"""A rule as it was read, with its place in the file: what the checks look at before it becomes a Rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from watchtower.matchers import parse_matchers
from watchtower.model import Priority
from watchtower.rulebook.rule import Level, Override, Recover
from watchtower.sources.composite import CompositeQuery
from watchtower.sources.table import SOURCES, SourceSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.faults import Fault
    from watchtower.rulebook.schema import Datapoints, LevelModel, RuleFileModel, RuleModel
    from watchtower.templates import Template
    from watchtower.yamlfile import Document, Location


@dataclass(frozen=True)
class Draft:
    """One rule of a file; ``model`` lacks the keys that were faulty, ``raw`` has them all."""

    document: Document
    loc: Location
    raw: Mapping[str, Any]
    model: RuleModel
    file: RuleFileModel

    def fault(self, loc: Location, message: str, *, key: bool = False) -> Fault:
        """A fault at a place inside this rule."""
        return self.document.fault((*self.loc, *loc), message, key=key)

    @property
    def name(self) -> str | None:
        """The alert's name, when the rule has a usable one."""
        return self.model.alert

    @property
    def group(self) -> str:
        """The file's group; by default the file's name."""
        return self.file.group or self.document.path.stem

    @cached_property
    def sources(self) -> list[str]:
        """The source keys the rule has, in its own order; there must be exactly one."""
        return [key for key in self.raw if key in SOURCES]

    @cached_property
    def spec(self) -> SourceSpec | None:
        """The rule's source, when it has exactly one."""
        return SOURCES.get(self.sources[0]) if len(self.sources) == 1 else None

    @cached_property
    def query(self) -> Any:
        """The source's query, None when it was faulty."""
        found = getattr(self.model, self.spec.name) if self.spec else None
        return self._composite(found) if isinstance(found, CompositeQuery) else found

    def _composite(self, query: CompositeQuery) -> CompositeQuery | None:
        """The expression with the keys beside it; None when one of these was faulty."""
        if any(key in self.raw and key not in self.model.model_fields_set for key in ("by", "suppressor")):
            return None
        return query.model_copy(update={"by": self.model.by, "suppressor": self.model.suppressor})

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The levels that could be read, most urgent first."""
        return levels_of(self.model.when, self.model.datapoints)

    @cached_property
    def overrides(self) -> tuple[Override, ...]:
        """The overrides, each with all levels its series have: those it names, and the rule's for the others."""
        return tuple(
            Override(
                parse_matchers(one.match),
                levels_of({**self.model.when, **one.when}, one.datapoints or self.model.datapoints),
            )
            for one in self.model.overrides
        )

    @property
    def longest(self) -> int:
        """The longest N of all levels and of the recovery."""
        levels = [level for levels in (self.levels, *(one.levels for one in self.overrides)) for level in levels]
        return max([1, *(level.of for level in levels), *([self.recover.of] if self.recover else [])])

    @cached_property
    def recover(self) -> Recover | None:
        """Hysteresis, when the rule has any."""
        given = self.model.recover
        return Recover(given.when, *_counts(given.datapoints)) if given else None

    @property
    def labels(self) -> dict[str, Template]:
        """The file's labels with the rule's laid over them."""
        return {**self.file.labels, **self.model.labels}

    def templates(self) -> Iterator[tuple[Location, object]]:
        """Every template of an alert's texts as it is written, with its place in the file; faulty ones too."""
        for name in ("summary", "runbook"):
            yield (*self.loc, name), self.raw.get(name)
        for loc, _, text in _entries((*self.loc, "annotations"), self.raw.get("annotations")):
            yield loc, text

    def label_templates(self) -> Iterator[tuple[Location, object]]:
        """The same of every template that makes a label of this rule's alerts."""
        for loc, _, text in self._labels():
            yield loc, text

    def own_labels(self) -> Iterator[tuple[Location, str]]:
        """The names of the labels that file and rule add, with their places; faulty ones too."""
        for loc, name, _ in self._labels():
            yield loc, name

    def _labels(self) -> Iterator[tuple[Location, str, object]]:
        yield from _entries(("labels",), self.document.data.get("labels"))
        yield from _entries((*self.loc, "labels"), self.raw.get("labels"))
        yield from _level_entries((*self.loc, "when"), self.raw.get("when"))
        overrides = self.raw.get("overrides")
        for number, override in enumerate(overrides if isinstance(overrides, list) else ()):
            if isinstance(override, dict):
                yield from _level_entries((*self.loc, "overrides", number, "when"), override.get("when"))


def _level_entries(loc: Location, when: object) -> Iterator[tuple[Location, str, object]]:
    for priority, level in when.items() if isinstance(when, dict) else ():
        if isinstance(level, dict):
            yield from _entries((*loc, priority, "labels"), level.get("labels"))


def levels_of(when: Mapping[Any, LevelModel], datapoints: Datapoints) -> tuple[Level, ...]:
    """The levels of these conditions, most urgent first; ``datapoints`` for those that name none."""
    return tuple(
        Level(Priority[name], level.when, *_counts(level.datapoints or datapoints), level.labels)
        for name, level in sorted(when.items())
    )


def _entries(loc: Location, labels: object) -> Iterator[tuple[Location, str, object]]:
    for name, text in labels.items() if isinstance(labels, dict) else ():
        yield (*loc, name), name, text


def _counts(datapoints: Datapoints) -> tuple[int, int]:
    return datapoints.needed, datapoints.of
