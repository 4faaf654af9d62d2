"""Who else is called while nobody has an incident in hand: escalation to others, reminders to chat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.lifecycle import audible, escalation_at, escalation_channels, over, repeat_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from watchtower.incidents.deliveries import Books, Desk
    from watchtower.incidents.model import Incident
    from watchtower.incidents.said import Said


def escalated(said: Said, books: Books, desk: Desk) -> Said:
    """Page those who come next when nobody acknowledged in time, and again those whose page was taken back.

    What they were told at a lower tier is resolved once they have the new page.
    """
    incident = said.incident
    if not _calls(incident):
        return said
    names, reason = _due(incident, books, desk.now)
    if not names:
        return said
    pages = desk.escalations(incident, books, names, reason)
    heard = replace(incident, escalated_at=incident.escalated_at or desk.now)
    left_out = [name for name in names if name not in desk.channels]
    news = [("escalated", f"{reason}: {_listed(page.channel for page in pages)}")] if pages else []
    if left_out:
        news.append(("not escalated", f"{_listed(left_out)}: not configured any more"))
    news += [("not escalated", f"{name} leads to the same place as {to}") for name, to in desk.echoes(names).items()]
    return said.adding(heard, (*pages, *desk.replaced(incident, books, pages, reason)), news=tuple(news))


def _due(incident: Incident, books: Books, now: datetime) -> tuple[Collection[str], str]:
    """Who is called now, and why; nobody most of the time."""
    when, names = escalation_at(incident), escalation_channels(incident)
    if when is not None and incident.called_at is not None:
        waited = format_duration((when - incident.called_at).total_seconds())
        return (names if now >= when else ()), f"not acknowledged within {waited}"
    missed = books.unescalated() if incident.escalated_at is not None else frozenset()
    return [name for name in names if name in missed], "not acknowledged, and nothing holds it back any more"


def reminded(said: Said, books: Books, desk: Desk) -> Said:
    """Remind chat of what still fires and nobody has in hand; it never rings a phone."""
    incident, when = said.incident, repeat_at(said.incident)
    if when is None or desk.now < when or not _calls(incident):
        return said
    every = format_duration(float(incident.settings["repeat"]))
    reason = f"still firing and not acknowledged (repeat: {every})"
    reminders = desk.reminders(incident, books, reason)
    news = (("repeated", f"{reason}: {_listed(each.channel for each in reminders)}"),) if reminders else ()
    return said.adding(replace(incident, repeated_at=desk.now), reminders, news=news)


def _calls(incident: Incident) -> bool:
    """Whether anybody may be called: it was told, fires, nothing holds it back, and nobody has it in hand."""
    told = incident.told_tier is not None and incident.acknowledged_at is None
    return told and not over(incident) and audible(incident)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
