"""Faults of heartbeats beside each other: a target has one token, and a token is one target's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.sources.heartbeat.query import HeartbeatQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.config.reading import Reading
    from watchtower.faults import Fault
    from watchtower.secrets import Secret


def check_heartbeats(reading: Reading) -> Iterator[Fault]:
    """Rules may share a target with its token; nothing else is shared, or one run would speak for another."""
    targets: dict[Secret, str] = {}
    tokens: dict[str, Secret] = {}
    for draft in reading.rules.drafts:
        query = draft.query
        if not isinstance(query, HeartbeatQuery) or query.token is None or query.target is None:
            continue
        place = ("heartbeat", "token")
        if targets.setdefault(query.token, query.target) != query.target:
            yield draft.fault(
                place, f"the token from {query.token.origin} is the one of `{targets[query.token]}` already"
            )
        elif tokens.setdefault(query.target, query.token) != query.token:
            known = tokens[query.target].origin
            yield draft.fault(place, f"`{query.target}` pings with the token from {known} already; a target has one")
