"""Graphs: one delivery after the first page that a place of chat gets of an incident, on a lane of its own.

Text first, always: a graph waits until its page was accepted and nothing else waits for the channel. Its lane has its
own lease, pace and failures, so that an upload that hangs delays no page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.lanes import channel_of, lane
from watchtower.incidents.notices import urgent_first
from watchtower.model import DeliveryState, Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.incidents.deliveries import Books, Desk
    from watchtower.incidents.model import DeliveryBrief, Incident
    from watchtower.incidents.said import Said
    from watchtower.model import Delivery, NoticeMember


def graphed(said: Said, books: Books, desk: Desk) -> Said:
    """With the first page that a place gets of an incident, a graph of who leads it."""
    gone = {row_id for row_id, _ in said.withdrawn}
    rows = [row for row in books.rows if row.id not in gone]
    return said.adding(said.incident, graphs(said.incident, rows, said.deliveries, desk))


def graphs(
    incident: Incident, rows: Iterable[DeliveryBrief], pages: Iterable[Delivery], desk: Desk
) -> tuple[Delivery, ...]:
    """One for each page to a place that has none of this incident, and none of which a page came before."""
    lead = _lead(incident)
    if lead is None or incident.ended_at is not None:
        return ()
    seen = {channel_of(row.channel) for row in rows if row.event in PAGES and row.state is not DeliveryState.WITHDRAWN}
    firsts = {page.channel: page for page in reversed([*pages]) if page.event in PAGES}
    shown = [page for name, page in firsts.items() if name not in seen and _shows(name, desk)]
    return tuple(_after(page, lead, desk) for page in shown)


def _lead(incident: Incident) -> NoticeMember | None:
    """Who is drawn: the first of those that people are told of and that have numbers."""
    firing = (one for one in urgent_first(incident.members) if one.firing and not one.muted_by)
    return next((one for one in firing if one.graph is not None), None)


def _shows(channel: str, desk: Desk) -> bool:
    traits = desk.channels.get(channel)
    return traits is not None and traits.graphs


def _after(page: Delivery, lead: NoticeMember, desk: Desk) -> Delivery:
    """The row, with a key of its own so that nothing of the page's key waits for it."""
    return replace(
        page,
        id=desk.new_id(),
        channel=lane(page.channel),
        event=Event.GRAPH,
        dedup_key=f"{page.dedup_key}:graph",
        notice=replace(page.notice, event=Event.GRAPH, members=(lead,)),
        reason=f"what {lead.name} looks like, after its page",
        after=page.id,
        fallback_of=None,
    )
