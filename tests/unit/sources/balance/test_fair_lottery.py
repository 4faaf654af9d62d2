"""What the reader endpoint does by chance must tell nobody, and what it does wrong must be told: simulated."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.nights import rule_named
from tests.unit.evaluation.making import MINUTE, START
from watchtower.clock import from_epoch
from watchtower.evaluation.judge import judge
from watchtower.model import AlertKey, AlertState, Answer, Labels, Observation
from watchtower.sources.balance.score import score
from watchtower.sources.rds.balance import K

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from watchtower.rulebook.rule import Rule

#: DNS answers are drawn anew every five minutes.
REDRAWN = 5
CONNECTIONS, CPU = K["DatabaseConnections"], K["CPUUtilization"]
#: Minutes until AWS has published a datapoint.
DELAY = 2


@cache
def imbalance() -> Rule:
    """The shipped rule, whatever it measures."""
    return rule_named("ReaderImbalance")


def drawn(readers: int, each: int, hours: int, chances: Sequence[float] | None = None) -> NDArray[np.float64]:
    """Connections by minute, shape (minutes, readers): ``each`` times ``readers`` of them, by the chances."""
    lottery = np.random.default_rng(readers)
    odds = chances or [1 / readers] * readers
    return np.repeat(lottery.multinomial(each * readers, odds, size=hours * 60 // REDRAWN), REDRAWN, axis=0).astype(
        float
    )


def told(scores: NDArray[np.float64]) -> list[int]:
    """The minutes at which a cluster goes into ALARM; ``scores`` has shape (clusters, minutes)."""
    points = [tuple((START + MINUTE * at, float(value)) for at, value in enumerate(row)) for row in scores]
    names = [Labels({"cluster": f"c{number}"}) for number in range(len(points))]
    states: dict[AlertKey, AlertState] = {}
    found = []
    slots = imbalance().slots
    for minute in range(1, scores.shape[1] + 1):
        tick = START + minute * MINUTE
        seen = tuple(Observation(n, p[max(0, minute - slots) : minute]) for n, p in zip(names, points, strict=True))
        answer = Answer(imbalance().name, seen)
        outcome = judge(
            imbalance(), answer, states, tick=tick, period=MINUTE, now=from_epoch(tick + 120), environment="test"
        )
        states.update((state.key, state) for state in outcome.states)
        found += [minute] * sum(change.priority is not None for change in outcome.transitions)
    return found


@pytest.mark.parametrize("readers", [2, 3, 5, 10])
def test_a_thousand_hours_of_fair_chance_tell_nobody(readers: int) -> None:
    """Two hundred and fifty clusters for four hours each; the lottery is fair and nothing else."""
    scores = score(drawn(readers, 10, 1000), "excess", CONNECTIONS)
    assert scores.max() > 0.1, "chance is at work"
    assert told(scores.reshape(250, 240)) == []


def test_a_reader_that_is_given_seventy_of_a_hundred_connections_is_found_within_half_an_hour() -> None:
    scores = score(drawn(3, 50, 200, [0.7, 0.15, 0.15]), "excess", CONNECTIONS)
    found = told(scores.reshape(400, 30))
    assert len(found) == 400
    assert max(found) + DELAY <= 30


def test_the_published_pair_of_readers_is_found_within_half_an_hour() -> None:
    """A talk showed two readers of one class at 15.57 and 4.99 % of CPU."""
    scores = score(np.array([[15.57, 4.99]] * 30), "excess", CPU)
    [found] = told(scores.reshape(1, 30))
    assert found + DELAY <= 30


@pytest.mark.parametrize("readers", [2, 3, 5, 10])
def test_by_chance_no_reader_is_idle(readers: int) -> None:
    """Each draw alone: a reader with less than a tenth of the mean is not drawn once in a thousand hours."""
    assert score(drawn(readers, 20, 1000), "idle", CONNECTIONS).max() <= 0.9


def test_the_measures_that_explode_near_zero_would_have_told_of_nothing() -> None:
    """Why they are for graphs: the same fair lottery breaches the usual 1.5 again and again."""
    ratios = score(drawn(3, 10, 100), "max_over_mean", CONNECTIONS)
    assert (ratios >= 1.5).mean() > 0.05
