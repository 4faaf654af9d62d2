"""``watchtower status``: the running daemon's page, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATH = "/api/v1/status"


def status_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The daemon, what is open, each channel, what was given up."""
    ready = "ready" if told["ready"] else f"not ready: {told['reason']}"
    yield f"watchtower {told['version']}, environment {told['environment'] or '-'}: {ready}"
    yield f"up {_lasting(told['uptime_seconds'])}, {told['rules']} rules{_reload(told)}, store {told['store'] or '-'}"
    late = [loop["name"] for loop in told["loops"] if loop["late"]]
    yield f"loops: {len(told['loops'])}{', late: ' + ', '.join(late) if late else ', none late'}"
    tiers = [f"{count} {tier}" for tier, count in told["incidents"].items() if count]
    yield f"open incidents: {', '.join(tiers) or 'none'}"
    for channel in told["channels"]:
        yield _channel(channel)
    yield from _letters(told)


def _reload(told: Mapping[str, Any]) -> str:
    loaded = f" loaded {_moment(told['loaded_at'])}" if told["loaded_at"] else ""
    reload = told["reload"]
    if reload["ok"]:
        return loaded
    return f"{loaded}; a reload was REFUSED {_moment(reload['refused_at'])} ({reload['faults']} faults)"


def _channel(channel: Mapping[str, Any]) -> str:
    parts = [channel["state"]]
    if channel["rests_until"]:
        parts.append(f"after {channel['failures']} failures, tried again {_moment(channel['rests_until'])}")
    waiting = [f"{count} {tier}" for tier, count in channel["waiting"].items()]
    if waiting:
        parts.append(f"waiting: {', '.join(waiting)}, the oldest for {_lasting(channel['oldest_seconds'])}")
    if channel["resolves_owed"]:
        overdue = f" ({channel['resolves_overdue']} overdue)" if channel["resolves_overdue"] else ""
        parts.append(f"resolves owed: {channel['resolves_owed']}{overdue}")
    if channel["dead_letters"]:
        parts.append(f"given up: {channel['dead_letters']}")
    parts.append(
        f"last accepted {_moment(channel['last_accepted'])}" if channel["last_accepted"] else "nothing accepted yet"
    )
    if channel["unreachable"]:
        parts.append(f"nothing leads to {', '.join(map(_printable, channel['unreachable']))} any more")
    gone = "" if channel["configured"] else " (not configured any more)"
    return f"channel {_printable(channel['name'])}{gone}: {'; '.join(parts)}"


def _letters(told: Mapping[str, Any]) -> Iterator[str]:
    shown, all_of_them = told["dead_letters"], sum(channel["dead_letters"] for channel in told["channels"])
    if not shown:
        return
    more = f", the newest {len(shown)}" if all_of_them > len(shown) else ""
    yield f"given up ({all_of_them}{more}):"
    for letter in shown:
        what = f"{letter['event']} to {letter['channel']}: {letter['title']}"
        yield _printable(f"  {_moment(letter['when'])}  {what} [{letter['why']}] (incident {letter['incident'][:8]})")


def _lasting(seconds: float | None) -> str:
    return format_duration(int(seconds)) if seconds and seconds >= 1 else "0s"


def _moment(stamp: str | None) -> str:
    return f"{stamp[:10]} {stamp[11:19]} UTC" if stamp else "-"


def _printable(text: str) -> str:
    """What a vendor or a label says must not move our cursor."""
    return "".join(character if character.isprintable() else " " for character in text)
