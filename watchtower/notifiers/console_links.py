"""Where AWS's console shows what an alert is about.

The console keeps its state behind ``#`` in a notation of its own, which nobody documents: ``~`` opens a value, ``'``
a text, ``(`` a list or an object, and every other sign is ``*`` and its code.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from watchtower.notifiers.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

#: The console's host by the beginning of a region's name.
_HOSTS = (("cn-", "console.amazonaws.cn"), ("us-gov-", "console.amazonaws-us-gov.com"), ("", "console.aws.amazon.com"))
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
#: AWS writes its dimensions in capitals; labels of rules and tags are small by convention.
_DIMENSION = re.compile(r"[A-Z][A-Za-z0-9_-]{0,254}")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")

#: What Logs Insights is asked, and for how long before and after the alert began.
_NEWEST = "fields @timestamp, @message | sort @timestamp desc | limit 200"
_AROUND = timedelta(minutes=30)


def console_link(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str | None:
    """The console's page for an alert: its metrics, or its log group; None where there is none.

    An alert does not carry its query, so its metrics are searched for by their dimensions, and by ``namespace`` and
    ``metric`` where the rule's labels or annotations name them.
    """
    region = labels.get("region", "")
    if _REGION.fullmatch(region) is None:
        return None
    if labels.get("log_group"):
        return _page(region, f"logsV2:log-groups/log-group/{_log_group(labels['log_group'])}")
    words = _search(labels, annotations) if labels.get("source") == "cloudwatch" else ""
    return _page(region, f"metricsV2?graph=~(region~'{region})&query=~'{_text(words)}") if words else None


def insights_link(labels: Mapping[str, str], begun: datetime) -> str | None:
    """Logs Insights with the newest lines of an alert's log group, from half an hour before to half an hour after."""
    region, group = labels.get("region", ""), one_line(labels.get("log_group", ""))
    if _REGION.fullmatch(region) is None or not group:
        return None
    start, end = (_text(f"{begun.astimezone(UTC) + by:%Y-%m-%dT%H:%M:%S.000Z}") for by in (-_AROUND, _AROUND))
    asked = f"~(end~'{end}~start~'{start}~timeType~'ABSOLUTE~tz~'UTC~editorString~'{_text(_NEWEST)}"
    return _page(region, f"logsV2:logs-insights?queryDetail={asked}~source~(~'{_text(group)}))")


def _search(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    said = {**annotations, **labels}
    named = [one_line(said[name]) for name in ("namespace", "metric") if said.get(name)]
    dimensions = [f'{name}="{one_line(value)}"' for name, value in labels.items() if _DIMENSION.fullmatch(name)]
    return " ".join([*named, *(word for word in dimensions if word.count('"') == 2 and not word.endswith('""'))])


def _page(region: str, fragment: str) -> str:
    host = next(host for beginning, host in _HOSTS if region.startswith(beginning))
    return f"https://{region}.{host}/cloudwatch/home?region={region}#{fragment}"


def _log_group(name: str) -> str:
    """Quoted twice, the second time with ``$`` for the percent sign."""
    return quote(quote(one_line(name), safe=""), safe="").replace("%", "$")


def _text(words: str) -> str:
    return "".join(char if char in _PLAIN else _coded(char) for char in words)


def _coded(char: str) -> str:
    units = char.encode("utf-16-be").hex()
    codes = [units[at : at + 4] for at in range(0, len(units), 4)]
    return "".join(f"*{code[2:]}" if code.startswith("00") else f"**{code}" for code in codes)
