"""Whether what the simulated vendors received is what the scenario promises: judged from their side, not ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.aws.sns import Published
    from watchtower.demo.pagerduty import PagerDutyIncident
    from watchtower.demo.scenario import Promise, Scenario
    from watchtower.demo.slack import SlackMessage


@dataclass(frozen=True, slots=True)
class Told:
    """One incident as the audit topic heard of it; times are virtual seconds after the start."""

    incident: str
    rule: str
    priority: str
    labels: Mapping[str, str]
    paged_at: float
    resolved_at: float | None
    triggers: int
    resolves: int
    page: str = ""

    def fits(self, promise: Promise) -> bool:
        """Whether this incident is about the promised alert; a promised label may be a part of the real one."""
        return self.rule == promise.alert and all(
            value in self.labels.get(name, "") for name, value in promise.labels.items()
        )


def told(published: Sequence[Published], start: float) -> list[Told]:
    """The incidents that reached the audit topic, in the order in which they began."""
    by_incident: dict[str, list[Published]] = {}
    for message in published:
        by_incident.setdefault(message.attributes["incident"], []).append(message)
    return [_told(incident, messages, start) for incident, messages in by_incident.items()]


def _told(incident: str, messages: Sequence[Published], start: float) -> Told:
    first = messages[0]
    ends = [message.at for message in messages if message.attributes["event"] == "resolve"]
    return Told(
        incident=incident,
        rule=first.attributes["rule"],
        priority=first.attributes["priority"],
        labels=_labels(first.message),
        paged_at=first.at - start,
        resolved_at=ends[-1] - start if ends else None,
        triggers=sum(message.attributes["event"] == "trigger" for message in messages),
        resolves=len(ends),
        page=first.message,
    )


def _labels(message: str) -> dict[str, str]:
    _, _, listed = message.partition("Labels:\n")
    pairs = (line.split(" = ", 1) for line in listed.split("\n\n")[0].splitlines() if " = " in line)
    return {name.strip(): value.strip() for name, value in pairs}


def verdicts(
    scenario: Scenario,
    incidents: Sequence[Told],
    pages: Sequence[PagerDutyIncident],
    messages: Sequence[SlackMessage],
) -> list[tuple[bool, str]]:
    """Each promise and whether it was kept, in sentences for the terminal."""
    found = [_kept(promise, incidents) for promise in scenario.promises]
    found.append(_nothing_else(scenario, incidents))
    urgent = sum(1 for one in incidents if one.priority in ("P1", "P2"))
    rang = sum(page.rang for page in pages)
    found.append((rang == urgent == len(pages), f"PagerDuty rang {rang} times for {urgent} urgent incidents"))
    still = [page.key for page in pages if page.open]
    found.append((not still, f"{len(pages) - len(still)} of {len(pages)} PagerDuty incidents are resolved"))
    shown = [message for message in messages if message.visible and not message.broadcast]
    # A group whose tier rises onto another route has ended on the old one: its message says where it moved.
    settled = [message for message in shown if "RESOLVED" in message.text or "MOVED" in message.text]
    count = f"{len(settled)} of {len(shown)} Slack messages show how their incident ended"
    found.append((len(settled) == len(shown) == len(incidents), f"{count}; {len(incidents)} incidents"))
    return found


def _kept(promise: Promise, incidents: Sequence[Told]) -> tuple[bool, str]:
    mine = [one for one in incidents if one.fits(promise)]
    heard = [one.priority for one in mine]
    wanted = [str(priority) for priority in promise.priorities]
    words = f"{promise.alert} is told as {', '.join(wanted)} once each and resolved"
    if heard != wanted or any(one.triggers != 1 for one in mine):
        return False, f"{words}: heard {', '.join(heard) or 'nothing'}"
    if promise.evidence not in mine[-1].page:
        return False, f"{words}: without its evidence"
    if mine[-1].paged_at > promise.paged_by:
        return False, f"{words}: late, after {mine[-1].paged_at / 60:.1f} minutes"
    if any(one.resolves != 1 or (one.resolved_at or 0) > promise.resolved_by for one in mine):
        return False, f"{words}: not resolved once and in time"
    return True, words


def _nothing_else(scenario: Scenario, incidents: Sequence[Told]) -> tuple[bool, str]:
    extra = [one for one in incidents if not any(one.fits(promise) for promise in scenario.promises)]
    names = ", ".join(sorted({f"{one.rule} ({one.priority})" for one in extra}))
    return not extra, f"nobody is told anything else{': ' + names if names else ''}"
