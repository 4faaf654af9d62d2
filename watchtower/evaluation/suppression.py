"""Whether a composite in ALARM may be told, or its suppressor holds it back: CloudWatch's two periods.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm_Suppression.html

* It is not told while the suppressor is in ALARM.
* It is not told within ``wait`` after it went into ALARM, so that the suppressor can go into ALARM first.
* It is not told within ``extension`` after the suppressor left ALARM, so that it can end first.

What ends the composite ends the period: the next time it goes into ALARM, it waits again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.model import SuppressedBy, Suppression

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.sources.composite import Suppressor


def suppression(
    suppressor: Suppressor, before: Suppression | None, *, in_alarm: bool, now: datetime
) -> Suppression | None:
    """What holds back a composite that is in ALARM and untold at ``now``; None when it may be told.

    ``before`` is what held it back until now, None when it has just gone into ALARM; ``in_alarm`` speaks of the
    suppressor.
    """
    if in_alarm:
        return Suppression(SuppressedBy.ALARM, alert=suppressor.alert)
    if before is not None and before.by is SuppressedBy.ALARM:
        by, ends = SuppressedBy.EXTENSION, None
    elif before is not None:
        by, ends = before.by, before.until
    else:
        by, ends = SuppressedBy.WAIT, None
    latest = now + timedelta(seconds=_length(suppressor, by))
    # A period that ends later than it can was begun before the clock was set back, or before it was shortened.
    until = latest if ends is None else min(ends, latest)
    return Suppression(by, until, suppressor.alert) if now < until else None


def _length(suppressor: Suppressor, by: SuppressedBy) -> float:
    return suppressor.wait if by is SuppressedBy.WAIT else suppressor.extension


def held_back_by(suppressor: Suppressor, held: Suppression) -> str:
    """The suppression in words."""
    name = suppressor.alert
    if held.until is None:
        return f"suppressed by {name}, which is in ALARM"
    length = format_duration(_length(suppressor, held.by))
    until = f"held back until {held.until:%H:%M:%S} UTC"
    if held.by is SuppressedBy.WAIT:
        return f"{until}: {name} has {length} to go into ALARM"
    return f"{until}: {name} left ALARM, and an extension of {length} follows"
