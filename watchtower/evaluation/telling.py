"""Transitions in words: what people are told when an alert changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.errors import TemplateError
from watchtower.evaluation.labels import Facts, render_all
from watchtower.model import NOTIFY_FALSE, State, Transition

if TYPE_CHECKING:
    from watchtower.model import AlertState
    from watchtower.rulebook.rule import Rule


def change(
    before: AlertState | None,
    after: AlertState,
    summary: str,
    datapoints: tuple[tuple[int, float | None], ...] = (),
    evidence: tuple[str, ...] = (),
) -> Transition:
    """The transition between two remembered states; nobody remembers an alert that was OK."""
    return Transition(
        key=after.key,
        labels=after.labels,
        from_state=before.state if before else State.OK,
        to_state=after.state,
        from_priority=before.priority if before else None,
        priority=after.priority,
        value=after.value,
        reason=after.reason,
        at=after.updated_at,
        summary=summary,
        datapoints=datapoints,
        evidence=evidence,
        firing=after.firing,
    )


def told_by(rule: Rule, transition: Transition, said: str = "") -> tuple[Transition, tuple[str, ...]]:
    """The transition with the rule's own texts, and notes on those that failed.

    ``summary`` of the transition given is what stands when the rule has none. A summary that cannot be
    rendered sends the alert's name and identity labels instead: a broken template never costs a page. ``said`` is
    the source's own reason (a probe's "status 503"): where there is one, it is the templates' ``reason``.
    """
    facts = Facts(
        transition.labels,
        transition.value,
        said or transition.reason,
        transition.priority or transition.from_priority,
        transition.to_state,
    )
    annotations, notes = render_all(rule.annotations, facts)
    if annotations:
        facts = replace(facts, annotations=annotations)
    summary, summary_notes = transition.summary, tuple[str, ...]()
    if rule.summary is not None:
        try:
            summary = facts.render(rule.summary)
        except TemplateError as error:
            summary, summary_notes = str(transition.key), (f"the summary shows the labels instead: {error}",)
    runbook, runbook_notes = render_all({"runbook": rule.runbook} if rule.runbook else {}, facts)
    told = replace(
        transition,
        summary=summary,
        annotations=annotations,
        runbook=runbook.get("runbook") or None,
        rule_file=rule.file,
        rule_line=rule.line,
        notify=rule.notify,
        unsent="" if rule.notify else NOTIFY_FALSE,
    )
    return told, (*notes, *summary_notes, *runbook_notes)
