"""A route that names channels by the labels of its groups: everybody is told, also those who were forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, alert, ok, policy, told
from watchtower.incidents.config import RouteConfig
from watchtower.incidents.routing import compile_routes
from watchtower.incidents.templated import rendered
from watchtower.model import Priority

if TYPE_CHECKING:
    from watchtower.incidents.flush import Policy

P1 = Priority.P1
SHOP, BANK = (replace(CHAT, name=f"tenant-{name}", destination=f"#{name}") for name in ("shop", "bank"))
TENANT = "tenant-{{ labels.tenant }}"
GROUPED: dict[str, Any] = {"name": "tenants", "match": ['tenant=~".+"'], "group_by": ["alert", "tenant"]}
REST: dict[str, Any] = {"name": "rest", "channels": ["ops"]}


def tenants(*channels: str, **more: Any) -> Policy:
    return policy({**GROUPED, "channels": list(channels), **more}, REST, channels=(PAGER, CHAT, AUDIT, SHOP, BANK))


def of(tenant: str, **more: Any) -> Any:
    return alert(labels={"tenant": tenant}, **more)


def reasons(memory: Memory, outcome: str) -> list[str]:
    return [each.reason for each in memory.plan.decisions if each.outcome == outcome]


def test_each_group_is_told_on_the_channels_that_its_labels_name() -> None:
    memory = Memory(tenants(TENANT, "audit"))
    plan = memory.flush(of("shop"), of("bank"))
    assert sorted(told(plan.deliveries)) == [
        "P3 trigger audit",
        "P3 trigger audit",
        "P3 trigger tenant-bank",
        "P3 trigger tenant-shop",
    ]
    memory.send_all()
    plan = memory.flush(ok(labels={"tenant": "shop"}))
    assert sorted(told(plan.deliveries)) == ["P3 resolve audit", "P3 resolve tenant-shop"]


def test_a_tenant_without_a_channel_is_told_on_the_others_of_the_route_and_why_says_so() -> None:
    memory = Memory(tenants(TENANT, "audit"))
    plan = memory.flush(of("zoo"))
    assert told(plan.deliveries) == ["P3 trigger audit"]
    assert reasons(memory, "not delivered") == ["there is no channel tenant-zoo; told on audit"]
    assert plan.deliveries[0].notice.reason == "P3 alert RdsCpuHigh began; there is no channel tenant-zoo"


def test_a_route_whose_only_channel_is_missing_tells_those_of_the_last_route() -> None:
    memory = Memory(tenants(TENANT))
    plan = memory.flush(of("zoo", priority=P1))
    assert told(plan.deliveries) == ["P1 trigger ops"]
    assert reasons(memory, "not delivered") == ["there is no channel tenant-zoo; told on ops"]
    memory.send_all()
    assert told(memory.flush(ok(labels={"tenant": "zoo"})).deliveries) == ["P1 resolve ops"]


def test_an_escalation_calls_who_belongs_to_the_group_and_nobody_who_was_told_already() -> None:
    memory = Memory(tenants("audit", escalate={"after": "15m", "channels": [TENANT]}))
    memory.flush(of("shop", priority=P1))
    memory.send_all()
    assert told(memory.flush(after=900).deliveries) == ["P1 escalation tenant-shop"]
    twice = Memory(tenants(TENANT, escalate={"after": "15m", "channels": [TENANT, "audit"]}))
    twice.flush(of("shop", priority=P1))
    twice.send_all()
    assert told(twice.flush(after=900).deliveries) == ["P1 escalation audit"]


def test_an_incident_keeps_its_channels_when_the_template_is_edited_and_finds_new_ones_when_they_are_gone() -> None:
    memory = Memory(tenants(TENANT))
    memory.flush(of("shop"))
    memory.send_all()
    memory.policy = replace(tenants("audit"), channels={"ops": CHAT, "audit": AUDIT})
    assert told(memory.flush(of("shop", priority=P1), after=60).deliveries)[0] == "P1 trigger audit"
    memory.policy = replace(tenants(TENANT), channels={"ops": CHAT})
    assert told(memory.flush(of("bank")).deliveries) == ["P3 trigger ops"]


@pytest.mark.parametrize(
    ("labels", "name"),
    [({"tenant": "shop"}, "tenant-shop"), ({}, "tenant-"), ({"tenant": "a b"}, "tenant-a b")],
)
def test_a_label_that_is_missing_is_empty(labels: dict[str, str], name: str) -> None:
    [route] = compile_routes([RouteConfig.model_validate({**GROUPED, "channels": [TENANT]})])
    assert rendered(route, labels).channels == (name,)


def test_a_template_that_fails_names_no_channel() -> None:
    failing = "{{ labels.tenant.split('-')[7] }}"
    memory = Memory(tenants(failing))
    assert told(memory.flush(of("shop")).deliveries) == ["P3 trigger ops"]
