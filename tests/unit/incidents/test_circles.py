"""Inhibitions in a circle: whoever fired first is told, and holds back the others."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import START
from tests.unit.incidents.memory import Memory, alert, ok, policy
from watchtower.incidents.circles import circles, first_of_circles
from watchtower.incidents.config import InhibitConfig
from watchtower.incidents.inhibition import Inhibition, compile_inhibitions
from watchtower.incidents.model import FiringAlert
from watchtower.model import Event, Labels, Transition


def rules(*pairs: str, **more: object) -> tuple[Inhibition, ...]:
    """``a>b`` is an inhibition of b by a."""
    sides = [pair.split(">") for pair in pairs]
    return compile_inhibitions(
        [
            InhibitConfig.model_validate({"source": [f"alert={one}"], "target": [f"alert={other}"], **more})
            for one, other in sides
        ]
    )


def firing(name: str, since: float = 0, ended: float | None = None, **labels: str) -> FiringAlert:
    over = None if ended is None else START + timedelta(seconds=ended)
    return FiringAlert(name, name, Labels({"alert": name, **labels}), START + timedelta(seconds=since), over)


def test_of_two_that_hold_each_other_back_the_first_is_told() -> None:
    both = rules("Db>Api", "Api>Db")
    assert first_of_circles(both, [firing("Db", 60), firing("Api", 0)]) == {"Api": frozenset({"Db"})}
    assert first_of_circles(both, [firing("Db", 0), firing("Api", 60)]) == {"Db": frozenset({"Api"})}


def test_where_they_fire_at_one_moment_their_names_decide_whatever_the_order() -> None:
    for order in permutations([firing("Db"), firing("Api"), firing("Web")]):
        assert first_of_circles(rules("Db>Api", "Api>Web", "Web>Db"), order) == {"Api": frozenset({"Db", "Web"})}


@pytest.mark.parametrize(
    ("pairs", "alerts"),
    [
        pytest.param(("Db>Api",), [firing("Db"), firing("Api")], id="one way"),
        pytest.param(("Db>Api", "Api>Db"), [firing("Db")], id="one of them only"),
        pytest.param(("Db>Api", "Api>Db"), [firing("Db"), firing("Api", ended=60)], id="one has ended"),
        pytest.param(("Db>Api", "Api>Web"), [firing("Db"), firing("Api"), firing("Web")], id="a chain"),
        pytest.param(("Db|Api>Db|Api",), [firing("Db"), firing("Api")], id="both sides of one rule"),
    ],
)
def test_without_a_circle_nobody_is_freed(pairs: tuple[str, ...], alerts: list[FiringAlert]) -> None:
    assert first_of_circles(rules(*pairs), alerts) == {}


def test_alerts_without_equal_labels_are_in_no_circle() -> None:
    alerts = [firing("Db", shard="a"), firing("Api", shard="b")]
    assert first_of_circles(rules("Db>Api", "Api>Db", equal=["shard"]), alerts) == {}


def test_two_circles_that_share_nobody_have_a_first_each() -> None:
    alerts = [firing(name) for name in ("A", "B", "C", "D")]
    found = first_of_circles(rules("A>B", "B>A", "C>D", "D>C", "B>C"), alerts)
    assert found == {"A": frozenset("B"), "C": frozenset("D")}


def test_a_long_circle_does_not_exhaust_the_stack() -> None:
    around = {number: [(number + 1) % 20_000] for number in range(20_000)}
    [found] = circles(around)
    assert len(found) == 20_000


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7)), max_size=8))
def test_who_leads_to_each_other_is_in_one_circle_and_nobody_else(graph: dict[int, set[int]]) -> None:
    def reach(node: int) -> set[int]:
        seen, todo = set[int](), [node]
        while todo:
            todo += (new := graph.get(todo.pop(), set()) - seen)
            seen |= new
        return seen

    nodes = {*graph, *(to for onward in graph.values() for to in onward)}
    wanted = {
        frozenset({node, *(other for other in reach(node) if node in reach(other))})
        for node in nodes
        if any(other != node and node in reach(other) for other in reach(node))
    }
    assert {frozenset(found) for found in circles(graph)} == wanted


# --- the flush -------------------------------------------------------------------------------------------

CIRCLE: list[dict[str, object]] = [
    {"source": ["alert=Db"], "target": ["alert=Api"]},
    {"source": ["alert=Api"], "target": ["alert=Db"]},
]


def rung(memory: Memory, *changes: Transition, after: float = 0) -> list[str]:
    """The alerts that ring at the pager."""
    pages = (each for each in memory.flush(*changes, after=after).deliveries if each.event is Event.TRIGGER)
    return [page.notice.title.split()[1].rstrip(":") for page in pages if page.channel == "oncall"]


def test_one_of_two_that_breach_at_one_evaluation_is_told_and_the_other_when_it_ended() -> None:
    memory = Memory(policy(inhibit=CIRCLE))
    assert rung(memory, alert("Db"), alert("Api")) == ["Api"]
    assert rung(memory, after=300) == []
    assert rung(memory, ok("Api"), after=60) == ["Db"]


def test_the_first_of_a_circle_is_held_back_by_whoever_stands_outside_of_it() -> None:
    outside: dict[str, object] = {"source": ["alert=Host"], "target": ["alert=~Db|Api"]}
    memory = Memory(policy(inhibit=[*CIRCLE, outside]))
    assert rung(memory, alert("Db"), alert("Api"), alert("Host")) == ["Host"]


def test_a_source_outside_of_the_circle_holds_back_beside_one_of_it_under_the_same_rule() -> None:
    either: list[dict[str, object]] = [
        {"source": ["alert=~Db|Host"], "target": ["alert=Api"]},
        {"source": ["alert=Api"], "target": ["alert=Db"]},
    ]
    memory = Memory(policy(inhibit=either))
    assert rung(memory, alert("Db"), alert("Api"), alert("Host")) == ["Host"]
