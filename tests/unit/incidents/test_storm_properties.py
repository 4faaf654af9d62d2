"""Where a second incident is a storm already, every promise about pages and their ends still holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, policy
from tests.unit.incidents.test_properties import Flushes

if TYPE_CHECKING:
    from watchtower.incidents.flush import Policy

EACH: dict[str, object] = {"name": "rest", "channels": ["oncall", "ops"], "group_by": ["alert", "db"]}
LEAD = replace(PAGER, name="lead", destination="key-lead")

STORMY = [
    replace(each, most_pages=1)
    for each in (
        policy(EACH),
        policy({**EACH, "channels": ["oncall"], "group_wait": "30s"}),
        policy({**EACH, "name": "urgent", "match": ['priority=~"P1|P2"']}, {**EACH, "channels": ["ops", "audit"]}),
        policy({**EACH, "channels": ["oncall", "lead"]}, channels=(PAGER, CHAT, AUDIT, LEAD)),
    )
]


class Storms(Flushes):
    """The same nights, most of them stormy."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(STORMY[0])

    @rule(policy=st.sampled_from(STORMY))
    def reload(self, policy: Policy) -> None:
        self.memory.policy = policy


TestStorms = Storms.TestCase
TestStorms.settings = settings(stateful_step_count=30)
