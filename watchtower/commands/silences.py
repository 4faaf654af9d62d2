"""What ``watchtower silence`` posts and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.durations import parse_duration
from watchtower.matchers import Matcher, Operator, parse_matchers
from watchtower.web.v2_silences import PostedMatcher, check_matchers, matcher_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


def silence_body(
    matchers: Sequence[str],
    *,
    lasts: str,
    comment: str,
    author: str,
    start: datetime | None,
    expire_on_resolve: bool,
) -> dict[str, Any]:
    """What is posted to ``/api/v2/silences``; raises ValueError for what the daemon could only refuse.

    The daemon counts ``lasts`` on its own clock, which need not be ours.
    """
    read = parse_matchers(matchers)
    check_matchers(read)
    if parse_duration(lasts) <= 0:
        raise ValueError(f"--for {lasts}: a silence lasts longer than nothing")
    if not comment.strip():
        raise ValueError("--comment is empty: a silence says why")
    body = {
        "matchers": [matcher_json(matcher) for matcher in read],
        "for": lasts,
        "createdBy": author,
        "comment": comment,
        "expire_on_resolve": expire_on_resolve,
    }
    return body if start is None else {**body, "startsAt": start.isoformat()}


def maintenance_body(target: str, *, lasts: str, comment: str, author: str) -> dict[str, Any]:
    """What is posted for the maintenance of a target; raises ValueError as :func:`silence_body` does."""
    if not target:
        raise ValueError("a target has a name")
    meant = str(Matcher("target", Operator.EQUAL, target))
    body = silence_body([meant], lasts=lasts, comment=comment, author=author, start=None, expire_on_resolve=False)
    return {**body, "maintenance": True}


def maintains(silence: Mapping[str, Any], target: str) -> bool:
    """Whether it is this target's alone."""
    return [str(PostedMatcher.model_validate(raw).read()) for raw in silence["matchers"]] == [
        str(Matcher("target", Operator.EQUAL, target))
    ]


def shown_silences(found: Sequence[dict[str, Any]], *, expired: bool) -> list[dict[str, Any]]:
    """Those to be listed, in the daemon's order."""
    return [silence for silence in found if expired or silence["status"]["state"] != "expired"]


def silence_rows(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The table's rows."""
    return [
        tuple(
            _printable(cell)
            for cell in (
                silence["id"],
                silence["status"]["state"],
                _to_the_second(silence["startsAt"]),
                _to_the_second(silence["endsAt"]),
                ", ".join(str(PostedMatcher.model_validate(raw).read()) for raw in silence["matchers"]),
                silence["createdBy"],
                silence["comment"]
                + (" (expires on resolve)" if silence.get("expire_on_resolve") else "")
                + (" (maintenance)" if silence.get("maintenance") else ""),
            )
        )
        for silence in found
    ]


def _to_the_second(stamp: str) -> str:
    return f"{stamp[:10]} {stamp[11:19]} UTC"


def _printable(text: str) -> str:
    """A comment of somebody else's must not move our cursor."""
    return "".join(character if character.isprintable() else " " for character in text)
