"""A graph follows the first page that a place of chat gets of an incident, and is owed to nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, alert, ok, policy, silence, told
from watchtower.graphspec import GraphLimit, GraphSpec
from watchtower.model import Delivery, DeliveryState, Event, Priority, Transition

P1, P2, P3, P4, P5 = Priority
SPEC = GraphSpec("CPUUtilization Average", 60, (GraphLimit(P3, "> 80", ((80.1, None),)),), ((0, 90.0),))
SHOWN = replace(CHAT, graphs=True)


def night(**more: Any) -> Memory:
    return Memory(policy(channels=(PAGER, SHOWN, AUDIT), **more))


def drawable(*args: Any, **more: Any) -> Transition:
    return replace(alert(*args, **more), graph=SPEC)


def graphs_of(deliveries: tuple[Delivery, ...]) -> list[Delivery]:
    return [each for each in deliveries if each.event is Event.GRAPH]


def test_after_the_first_page_in_chat_comes_a_graph_on_a_lane_and_under_a_key_of_its_own() -> None:
    plan = night().flush(drawable())
    assert told(plan.deliveries) == ["P3 trigger oncall", "P3 trigger ops", "P3 graph ops/graph"]
    page, graph = plan.deliveries[1:]
    assert graph.after == page.id
    assert graph.dedup_key == f"{page.dedup_key}:graph"
    assert graph.destination == page.destination
    [member] = graph.notice.members
    assert member.graph == SPEC


def test_a_page_carries_no_graph() -> None:
    pages = [each for each in night().flush(drawable()).deliveries if each.event is Event.TRIGGER]
    assert [member.graph for page in pages for member in page.notice.members] == [None, None]


def test_who_is_drawn_is_the_most_urgent_that_has_numbers() -> None:
    memory = night()
    plan = memory.flush(alert("SiteDown", priority=P1), drawable("RdsCpuHigh", priority=P2))
    assert [graph.notice.members[0].name for graph in graphs_of(plan.deliveries)] == ["RdsCpuHigh"]


def test_without_numbers_there_is_none() -> None:
    assert graphs_of(night().flush(alert()).deliveries) == []


def test_a_rise_and_an_update_bring_no_second_one() -> None:
    memory = night()
    memory.flush(drawable())
    memory.send_all()
    assert graphs_of(memory.flush(drawable(priority=P1), after=5).deliveries) == []
    assert graphs_of(memory.flush(drawable(labels={"db": "2"}, priority=P1), after=120).deliveries) == []


def test_what_ended_at_once_has_none() -> None:
    assert graphs_of(night().flush(drawable(priority=P1), ok(priority=P1)).deliveries) == []


def test_with_a_page_that_is_taken_back_goes_its_graph_and_comes_again_with_the_next() -> None:
    memory = night()
    [graph] = graphs_of(memory.flush(drawable()).deliveries)
    memory.hush(silence(until=60))
    plan = memory.flush(after=1)
    assert graph.id in {row for row, _ in plan.withdrawn}
    again = memory.flush(after=60)
    assert len(graphs_of(again.deliveries)) == 1


def test_a_page_overtaken_by_a_rise_hands_its_graph_on() -> None:
    memory = night()
    memory.flush(drawable(priority=P4))
    plan = memory.flush(drawable(priority=P3), after=5)
    assert len(graphs_of(plan.deliveries)) == 1


def test_who_stands_in_for_a_pager_shows_one_too() -> None:
    memory = Memory(policy({"channels": ["oncall"]}, channels=(PAGER, SHOWN), fallback={"oncall": "ops"}))
    memory.flush(drawable(priority=P1))
    plan = memory.flush(after=61)
    assert told(plan.deliveries) == ["P1 trigger ops", "P1 graph ops/graph"]


def test_a_graph_that_is_given_up_is_told_to_nobody_else() -> None:
    memory = Memory(policy({"channels": ["ops"]}, channels=(PAGER, SHOWN), fallback={"ops": "oncall"}))
    [graph] = graphs_of(memory.flush(drawable(priority=P1)).deliveries)
    memory.send_all()
    memory.rows[graph.id] = replace(memory.rows[graph.id], state=DeliveryState.DEAD)
    assert memory.flush(after=120).deliveries == ()
