"""Values survive the way into the database and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import START
from tests.support.stores import change, member, notice
from watchtower.graphspec import GraphLimit, GraphQuery, GraphSpec
from watchtower.lookup import Lookup
from watchtower.model import EMPTY, Event, Notice, NoticeMember, Priority, Transition
from watchtower.store import codec

FIRST, LAST = datetime(1970, 1, 1), datetime(9999, 12, 30)  # noqa: DTZ001

LOOKUP = Lookup("PmsCritical", change().key.identity, 60, 120, START, found=True)
GRAPH = GraphSpec(
    title="CPUUtilization Average",
    period=60,
    limits=(GraphLimit(Priority.P2, "> 95", ((95.00000000000001, None),), of_band=True),),
    points=((1767571200, 91.5), (1767571260, None)),
    unit="%",
    query=GraphQuery("prod", "eu-west-1", "[]", "q0", "e0", 2, "CPUUtilization Average"),
)

moments = st.datetimes(min_value=FIRST, max_value=LAST, timezones=st.just(UTC))


@given(moments)
def test_a_moment_survives_to_the_microsecond(moment: datetime) -> None:
    assert codec.from_micros(codec.to_micros(moment)) == moment


def test_a_moment_of_another_zone_is_the_same_moment_in_utc() -> None:
    there = datetime(2026, 1, 5, 3, tzinfo=timezone(timedelta(hours=3)))
    back = codec.from_micros(codec.to_micros(there))
    assert (back, back.utcoffset()) == (START, timedelta(0))


@pytest.mark.parametrize("value", [datetime(2026, 1, 5), {"at": datetime(2026, 1, 5)}])  # noqa: DTZ001
def test_a_naive_moment_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        codec.dumps(value)
    assert "naive" in str(caught.value.__cause__ or caught.value)


@pytest.mark.parametrize(
    "value",
    [
        change(),
        replace(change(), priority=None, value=None, runbook="https://x"),
        member(),
        notice("i", Event.UPDATE, Priority.P1),
    ],
    ids=["transition", "bare transition", "member", "notice"],
)
def test_every_value_that_is_kept_as_text_survives(value: Any) -> None:
    assert codec.loads(type(value), codec.dumps(value)) == value


@pytest.mark.parametrize("kind", [Transition, NoticeMember, Notice])
def test_the_samples_above_fill_every_field_with_more_than_its_default(kind: type) -> None:
    """A field that no sample fills could be read back as anything."""
    samples: dict[type, Any] = {
        Transition: replace(
            change(), from_priority=Priority.P1, runbook="r", seq=3, notify=False, unsent="u", graph=GRAPH, late=LOOKUP
        ),
        NoticeMember: replace(
            member(),
            runbook="r",
            annotations=change().annotations,
            muted_by="m",
            moves_to="m",
            graph=GRAPH,
            late=LOOKUP,
        ),
        Notice: replace(
            notice("i", Event.UPDATE, Priority.P1),
            reason="r",
            ended_at=START,
            resolved=2,
            label="l",
            acknowledged_by="a",
            acknowledged_at=START,
            moved_to="m",
        ),
    }
    sample = samples[kind]
    assert codec.loads(kind, codec.dumps(sample)) == sample
    for one in fields(kind):
        assert getattr(sample, one.name) not in (None, (), EMPTY, ""), one.name


def test_a_text_of_another_release_is_read_without_what_it_does_not_know() -> None:
    text = codec.dumps(member()).replace('{"alert_id"', '{"invented_later":1,"alert_id"')
    assert codec.loads(NoticeMember, text) == member()


def test_numbers_of_numpy_are_numbers_and_not_a_number_is_nothing() -> None:
    assert codec.dumps({"a": np.float64(1.5), "b": np.int64(2), "c": float("nan")}) == '{"a":1.5,"b":2,"c":null}'


def test_mappings_and_sets_are_kept() -> None:
    assert codec.loads(Mapping[str, Any], codec.dumps({"s": frozenset({"b", "a"}), "l": change().labels})) == {
        "s": ["a", "b"],
        "l": dict(change().labels),
    }


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(TypeError):
        codec.dumps(object())
