"""From rule files to rules: every fault of every file at once, then frozen values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from watchtower.errors import ConfigError
from watchtower.rulebook.checks import check
from watchtower.rulebook.composite import composite_faults
from watchtower.rulebook.draft import Draft
from watchtower.rulebook.peak import peak_faults, peaks_of
from watchtower.rulebook.rule import Flapping, Rule, Vanished
from watchtower.rulebook.schema import RuleFileModel, RuleModel
from watchtower.rulebook.slo import burn_rule, slo_faults
from watchtower.schema import Model
from watchtower.yamlfile import load_yaml, readable, validation_faults, without_faulty

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from watchtower.faults import Fault
    from watchtower.yamlfile import Document, Location

_Model = TypeVar("_Model", bound=Model)

#: Datapoints looked at beyond the longest N, so that a late one can be replaced by an older (as CloudWatch does).
SPARE_SLOTS = 2

#: What breached longer ago pages nobody: half an hour, or three periods where they are longer (in seconds).
OLDEST_PAGE = 1800.0
PERIODS_TO_PAGE = 3

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class RuleLoad:
    """What the files gave: ``rules`` are those without a fault; ``drafts`` are all that could be told apart."""

    rules: tuple[Rule, ...]
    faults: tuple[Fault, ...]
    drafts: tuple[Draft, ...] = ()


def load_rules(
    paths: Sequence[Path],
    *,
    inline: Sequence[Document] = (),
    label_tags: Collection[str] = (),
    read_secrets: bool = True,
) -> RuleLoad:
    """Read files and directories of rules; ``label_tags`` are the labels that the configuration takes from tags.

    ``inline`` are rule files that stand inside another file. ``read_secrets`` is false where nobody has them. Never
    raises for what is wrong in a file: that is in ``faults``, sorted.
    """
    drafts: list[Draft] = []
    documents, faults = _documents(paths)
    for document in (*documents, *inline):
        found, wrong = _drafts(document, read_secrets=read_secrets)
        drafts.extend(found)
        faults.extend([*document.faults, *wrong])
    for draft in drafts:
        faults.extend(check(draft, label_tags))
    faults.extend(_same_names(drafts))
    faults.extend([*composite_faults(drafts, label_tags), *slo_faults(drafts), *peak_faults(drafts)])
    faults = sorted(set(faults))
    return RuleLoad(_rules(drafts, faults), tuple(faults), tuple(drafts))


def _documents(paths: Iterable[Path]) -> tuple[list[Document], list[Fault]]:
    documents: list[Document] = []
    faults: list[Fault] = []
    for path in rule_files(paths):
        try:
            document = load_yaml(path)
        except ConfigError as error:
            faults.extend(error.faults)
            continue
        if "tests" not in document.data:  # a rule test file may lie beside the rules it tests
            documents.append(document)
    return documents, faults


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The files behind paths, each once: a directory gives its ``*.yaml`` and ``*.yml`` at any depth, sorted.

    Hidden directories are left out: a mounted ConfigMap keeps a second copy of every file in one.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        for file in _below(path) if path.is_dir() else [path]:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _below(directory: Path) -> list[Path]:
    found = [path for pattern in ("*.yaml", "*.yml") for path in directory.rglob(pattern) if path.is_file()]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(directory).parts))


def _drafts(document: Document, *, read_secrets: bool) -> tuple[list[Draft], list[Fault]]:
    context = {"base_dir": document.path.parent, "read_secrets": read_secrets}
    file, faults = _read(RuleFileModel, document, (), document.data, context)
    if "rules" not in document.data:
        faults.append(document.fault((), "`rules` is missing in the file"))
    drafts = []
    for number, raw in enumerate(file.rules):
        loc: Location = ("rules", number)
        if not isinstance(raw, dict):
            faults.append(document.fault(loc, "a rule is a mapping that begins with `- alert: Name`"))
            continue
        model, wrong = _read(RuleModel, document, loc, raw, context)
        faults.extend(wrong)
        drafts.append(Draft(document, loc, raw, model, file))
    return drafts, faults


def _read(
    kind: type[_Model], document: Document, at: Location, raw: dict[str, Any], context: Mapping[str, Any]
) -> tuple[_Model, list[Fault]]:
    """The model without the keys that are faulty, and their faults."""
    try:
        return kind.model_validate(raw, context=context), []
    except ValidationError as error:
        faults = validation_faults(error, document, model=kind, at=at)
        rest, _ = readable(kind, raw, error, by_entry=("when",))
        sound = without_faulty(raw, error, by_entry=("when",))
    try:
        return kind.model_validate(rest, context=context), faults
    except ValidationError:
        return kind.model_validate(sound, context=context), faults


def _same_names(drafts: Iterable[Draft]) -> list[Fault]:
    first: dict[str, Draft] = {}
    faults = []
    for draft in drafts:
        if draft.name is None or first.setdefault(draft.name, draft) is draft:
            continue
        other = first[draft.name]
        line, column = other.document.position((*other.loc, "alert"))
        place = f"{other.document.path}:{line}:{column}"
        faults.append(draft.fault(("alert",), f"the alert `{draft.name}` exists already at {place}"))
    return faults


def _rules(drafts: Iterable[Draft], faults: Iterable[Fault]) -> tuple[Rule, ...]:
    """The rules of all drafts, when nothing at all is wrong in their file."""
    faulty = {fault.file for fault in faults}
    sound = [(_rule(draft), draft) for draft in drafts if str(draft.document.path) not in faulty]
    rules = [replace(rule, peaks=peaks_of(rule, draft)) for rule, draft in sound]
    return (*rules, *(burn_rule(rule, rule.slo) for rule in rules if rule.slo is not None))


def _rule(draft: Draft) -> Rule:
    model, spec = draft.model, draft.spec
    if spec is None or draft.name is None:
        raise ValueError(f"{draft.document.path}: a rule without a name or source passed its checks")
    period = spec.period_of(draft.query)
    return Rule(
        name=draft.name,
        group=draft.group,
        source=spec.name,
        query=draft.query,
        period=period,
        levels=draft.levels,
        missing=model.missing,
        recover=draft.recover,
        slots=model.evaluation_range or draft.longest + SPARE_SLOTS,
        labels=draft.labels,
        annotations=model.annotations,
        summary=model.summary,
        runbook=model.runbook,
        accounts=model.accounts,
        regions=model.regions,
        enabled=model.enabled,
        notify=model.notify,
        file=str(draft.document.path),
        line=draft.document.position(draft.loc)[0],
        step=sliding_step(period, draft.longest) if model.window == "sliding" else 0,
        max_page_age=model.max_page_age or max(OLDEST_PAGE, PERIODS_TO_PAGE * period),
        overrides=draft.overrides,
        vanished=Vanished(model.vanished.after, model.vanished.do),
        flapping=Flapping(model.flapping.high, model.flapping.low) if model.flapping else None,
        expect_series=model.expect_series,
        slo=model.slo,
    )


def sliding_step(period: int, datapoints: int) -> int:
    """Seconds between two evaluations over a sliding window, as CloudWatch's own alarms have them.

    Every minute; for periods below a minute every 10 seconds; every hour once period and N span more than a day.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
    """
    if period < _MINUTE:
        return min(10, period)
    return 60 * _MINUTE if period * datapoints > 24 * 60 * _MINUTE else _MINUTE
