"""Lanes: where what follows a page waits, beside the text of its channel.

A lane is a channel to the store and to the senders, with a lease, a pace and failures of its own: what hangs there
delays no page. No channel is named so.
"""

from __future__ import annotations

_GRAPHS, _EVIDENCE = "/graph", "/evidence"


def lane(channel: str) -> str:
    """Where the graphs of a channel wait."""
    return channel + _GRAPHS


def evidence_lane(channel: str) -> str:
    """Where evidence that was late waits."""
    return channel + _EVIDENCE


def lanes(channel: str) -> tuple[str, str]:
    """All lanes of a channel."""
    return lane(channel), evidence_lane(channel)


def is_lane(name: str) -> bool:
    """Whether it is no channel, but where something of one's waits."""
    return name.endswith((_GRAPHS, _EVIDENCE))


def channel_of(name: str) -> str:
    """The channel of a lane; a channel is its own."""
    return name.removesuffix(_GRAPHS).removesuffix(_EVIDENCE)
