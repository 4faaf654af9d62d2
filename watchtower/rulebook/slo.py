"""A rule with an objective makes a second rule, which tells when its error budget burns too fast."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.model import Priority
from watchtower.rulebook.conditions import Condition
from watchtower.rulebook.rule import Farewell, Level, Missing, Vanished
from watchtower.sources.table import SOURCES
from watchtower.sources.uptime.burn import PAGE, TICKET
from watchtower.sources.uptime.query import BurnQuery
from watchtower.sources.uptime.source import PERIOD
from watchtower.templates import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchtower.faults import Fault
    from watchtower.rulebook.draft import Draft
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.uptime.query import SloModel

#: Sources whose `success` is uptime.
_JUDGED = ("probe", "heartbeat")


def burn_name(name: str) -> str:
    """What the second rule is called."""
    return f"{name}Burn"


def burn_rule(rule: Rule, slo: SloModel) -> Rule:
    """The second rule; it stands where the first does, carries its labels, and vanishes with its targets."""
    levels = ((slo.page, PAGE), (slo.ticket, TICKET))
    targets = {one.target: dict(one.labels) for one in getattr(rule.query, "all_targets", ())}
    identity = tuple(sorted(SOURCES[rule.source].identity_of(rule.query)))
    return replace(
        rule,
        name=burn_name(rule.name),
        source="uptime",
        query=BurnQuery(rule=rule.name, slo=slo, interval=rule.period, identity=identity, targets=targets),
        period=PERIOD,
        levels=tuple(
            Level(Priority[priority], Condition.parse(f">= {value:g}"), 1, 1, {}) for priority, value in levels
        ),
        missing=Missing.MISSING,
        recover=None,
        slots=1,
        annotations={},
        summary=Template("{{ labels.target }} burns its error budget: {{ reason }}"),
        step=0,
        max_page_age=1800.0,
        overrides=(),
        vanished=Vanished(2, Farewell.RESOLVE),
        expect_series=0,
        slo=None,
        peaks=(),
    )


def slo_faults(drafts: Iterable[Draft]) -> Iterator[Fault]:
    """Objectives of what has no uptime, and second rules whose name is taken."""
    drafts = list(drafts)
    names = {draft.name: draft for draft in drafts if draft.name}
    for draft in drafts:
        if "slo" not in draft.raw:
            continue
        if draft.spec is not None and draft.spec.name not in _JUDGED:
            message = f"`slo` is for {' and '.join(_JUDGED)}; a {draft.spec.name} has no uptime"
            yield draft.fault(("slo",), message, key=True)
        elif draft.query is not None and getattr(draft.query, "value", "success") != "success":
            yield draft.fault(("slo",), f"`slo` needs success, and this rule asks for {draft.query.value}", key=True)
        if draft.name and burn_name(draft.name) in names:
            message = f"`slo` makes the alert `{burn_name(draft.name)}`, which exists already; rename that one"
            yield draft.fault(("slo",), message, key=True)
