"""Silences as Alertmanager's API writes them: read, checked, changed and listed; pure.

Shapes: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from watchtower.durations import parse_duration
from watchtower.incidents.silences import Silence
from watchtower.matchers import Matcher, Operator
from watchtower.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ORDER = {"active": 1, "pending": 2, "expired": 3}


class PostedMatcher(BaseModel):
    """One matcher of a posted silence; ``isEqual`` false negates it."""

    model_config = ConfigDict(strict=True)

    name: str
    value: str
    is_regex: bool = Field(alias="isRegex")
    is_equal: bool = Field(default=True, alias="isEqual")

    def read(self) -> Matcher:
        """The matcher; raises ValueError with a sentence."""
        if not self.name:
            raise ValueError("a matcher has an empty label name")
        if "\x00" in self.name + self.value:
            raise ValueError(f"the matcher of {self.name!r} holds a NUL, which no label does")
        if self.is_regex:
            operator = Operator.MATCHES if self.is_equal else Operator.MATCHES_NOT
        else:
            operator = Operator.EQUAL if self.is_equal else Operator.NOT_EQUAL
        return Matcher(self.name, operator, self.value)


class PostedSilence(BaseModel):
    """The body of ``POST /api/v2/silences``: a new silence, or with ``id`` a change of one.

    Beyond Alertmanager's fields: ``for`` (a duration such as ``2h``) stands in the place of ``endsAt``, and
    ``expire_on_resolve`` ends the silence with the last alert it held back. ``maintenance``: to be down meanwhile is no
    downtime. ``startsAt`` may be left out. Unknown keys are ignored, as Alertmanager does.
    """

    model_config = ConfigDict(strict=True)

    id: str | None = None
    matchers: list[PostedMatcher]
    starts_at: AwareDatetime | None = Field(default=None, alias="startsAt")
    ends_at: AwareDatetime | None = Field(default=None, alias="endsAt")
    lasts: str | None = Field(default=None, alias="for")
    created_by: str = Field(alias="createdBy")
    comment: str
    expire_on_resolve: bool = False
    maintenance: bool = False


def read_silence(body: bytes) -> PostedSilence:
    """The posted silence; raises Problem 400 naming every field that is wrong."""
    try:
        return PostedSilence.model_validate_json(body)
    except ValidationError as error:
        raise Problem(400, "; ".join(_told(fault) for fault in error.errors(include_url=False))) from None


def _told(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])


# -- a change ---------------------------------------------------------------------------------------------------------


def decide(posted: PostedSilence, old: Silence | None, now: datetime, new_id: str) -> Silence:
    """The silence to keep. Its id is ``old``'s when that one could be changed in place; raises Problem 400.

    As Alertmanager does, what has begun keeps its matchers and its beginning: a change of these makes a new silence,
    and the old one is to be expired.
    """
    matchers = _matchers(posted)
    _said(posted.created_by, "createdBy", "who asks for it")
    _said(posted.comment, "comment", "why")
    starts_at = _starts_at(posted, old, now)
    in_place = old is not None and _changes_in_place(old, matchers, starts_at, now)
    if old is not None and in_place:
        starts_at = old.starts_at if old.active(now) else starts_at
    else:
        starts_at = max(starts_at, now)
    ends_at = _ends_at(posted, starts_at)
    _check_times(starts_at, ends_at, now)
    wanted = Silence(
        id=new_id,
        matchers=matchers,
        starts_at=starts_at,
        ends_at=ends_at,
        updated_at=now,
        created_by=posted.created_by.strip(),
        comment=posted.comment.strip(),
        expire_on_resolve=_kept(posted, old, "expire_on_resolve"),
        maintenance=_kept(posted, old, "maintenance"),
    )
    return replace(wanted, id=old.id) if old is not None and in_place else wanted


def check_matchers(matchers: Sequence[Matcher]) -> None:
    """Raise ValueError when these would silence everything: none, or each of them fits a label that is missing."""
    if not matchers:
        raise ValueError("a silence has at least one matcher")
    if not any(_asks_for_something(matcher) for matcher in matchers):
        raise ValueError("at least one matcher must not match the empty string")


def _asks_for_something(matcher: Matcher) -> bool:
    """As Alertmanager has it, a negative matcher asks for something whatever its value."""
    return matcher.operator.negative or not matcher.matches({})


def _matchers(posted: PostedSilence) -> tuple[Matcher, ...]:
    try:
        matchers = tuple(matcher.read() for matcher in posted.matchers)
        check_matchers(matchers)
    except ValueError as error:
        raise Problem(400, str(error)) from None
    return matchers


def _said(text: str, field: str, what: str) -> None:
    if not text.strip():
        raise Problem(400, f"{field} is empty: a silence says {what}")


def _starts_at(posted: PostedSilence, old: Silence | None, now: datetime) -> datetime:
    if posted.starts_at is not None:
        return _utc(posted.starts_at)
    return old.starts_at if old is not None else now


def _ends_at(posted: PostedSilence, starts_at: datetime) -> datetime:
    if (posted.ends_at is None) is (posted.lasts is None):
        raise Problem(400, "a silence has either endsAt or for")
    if posted.ends_at is not None:
        return _utc(posted.ends_at)
    try:
        return starts_at + timedelta(seconds=parse_duration(posted.lasts or ""))
    except OverflowError:
        raise Problem(400, f"for: {posted.lasts} is too long") from None
    except ValueError as error:
        raise Problem(400, f"for: {error}") from None


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Problem(400, f"{moment.isoformat()} is beyond what a calendar holds") from None


def _check_times(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if ends_at <= now:
        raise Problem(400, f"the silence would end at {stamp(ends_at)}, which is past; it is {stamp(now)}")
    if ends_at <= starts_at:
        raise Problem(400, f"the silence would end at {stamp(ends_at)}, before it starts at {stamp(starts_at)}")


def _changes_in_place(old: Silence, matchers: tuple[Matcher, ...], starts_at: datetime, now: datetime) -> bool:
    if sorted(map(str, old.matchers)) != sorted(map(str, matchers)):
        return False
    state = state_of(old, now)
    if state == "active":
        return int(starts_at.timestamp()) == int(old.starts_at.timestamp())
    return state == "pending" and starts_at >= now


def _kept(posted: PostedSilence, old: Silence | None, name: str) -> bool:
    """Clients that do not know the field send a change without it: then it stays as it was."""
    return bool(getattr(posted if old is None or name in posted.model_fields_set else old, name))


# -- a look -----------------------------------------------------------------------------------------------------------


def stamp(moment: datetime) -> str:
    """A moment as RFC 3339 has it, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def state_of(silence: Silence, now: datetime) -> str:
    """``pending``, ``active`` or ``expired``."""
    if now >= silence.ends_at:
        return "expired"
    return "active" if now >= silence.starts_at else "pending"


def silence_json(silence: Silence, now: datetime) -> dict[str, Any]:
    """A silence as the API shows it."""
    return {
        "id": silence.id,
        "status": {"state": state_of(silence, now)},
        "updatedAt": stamp(silence.updated_at),
        "matchers": [matcher_json(matcher) for matcher in silence.matchers],
        "startsAt": stamp(silence.starts_at),
        "endsAt": stamp(silence.ends_at),
        "createdBy": silence.created_by,
        "comment": silence.comment,
        "expire_on_resolve": silence.expire_on_resolve,
        "maintenance": silence.maintenance,
    }


def matcher_json(matcher: Matcher) -> dict[str, Any]:
    """A matcher as the API writes it."""
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.operator.regex,
        "isEqual": not matcher.operator.negative,
    }


def carries(silence: Silence, wanted: Sequence[Matcher]) -> bool:
    """Whether the silence has each of these matchers itself; that is how Alertmanager filters silences."""
    own = {_identity(matcher) for matcher in silence.matchers}
    return all(_identity(matcher) in own for matcher in wanted)


def _identity(matcher: Matcher) -> tuple[str, Operator, str]:
    return matcher.label, matcher.operator, matcher.value


def in_order(silences: Iterable[Silence], now: datetime) -> list[Silence]:
    """Active ones first, the next to end ahead; then those to come, the next to begin; then the newest ended."""

    def key(silence: Silence) -> tuple[int, float, str]:
        state = state_of(silence, now)
        when = silence.starts_at if state == "pending" else silence.ends_at
        return _ORDER[state], -when.timestamp() if state == "expired" else when.timestamp(), silence.id

    return sorted(silences, key=key)
