"""Inhibition after the clock was set back: who cannot know how long ago something was, does not hold a page back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import START
from watchtower.incidents.config import InhibitConfig
from watchtower.incidents.inhibition import Sources, compile_inhibitions
from watchtower.incidents.model import FiringAlert
from watchtower.model import Labels

TARGET = {"alert": "Connections", "cluster": "a"}
[RULE] = compile_inhibitions(
    [
        InhibitConfig.model_validate(
            {
                "source": ["alert=Failover"],
                "target": ["alert=Connections"],
                "equal": ["cluster"],
                "wait": "30s",
                "extension": "5m",
            }
        )
    ]
)


def at(seconds: float) -> FiringAlert:
    """A failover that ended so long after the start."""
    ended = START + timedelta(seconds=seconds)
    return FiringAlert("f", "Failover", Labels({"alert": "Failover", "cluster": "a"}), START, ended)


@pytest.mark.parametrize(("ended", "held"), [(-10, True), (-400, False), (30, True), (3600, False), (86_400, False)])
def test_an_extension_ends_with_a_step_back(ended: float, held: bool) -> None:
    """Half a minute ahead is another worker's clock."""
    since = START - timedelta(hours=1)
    found = Sources.of(RULE, [at(ended)], START).holding(TARGET, since, START)
    assert (found is not None) is held


@pytest.mark.parametrize(("began", "held"), [(-10, True), (-40, False), (20, True), (3600, False), (86_400, False)])
def test_a_wait_ends_with_a_step_back(began: float, held: bool) -> None:
    since = START + timedelta(seconds=began)
    found = Sources.of(RULE, [], START).holding(TARGET, since, START)
    assert (found is not None) is held
