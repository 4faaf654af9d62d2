"""When a blind prober is told, how urgently, and when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import START
from tests.support.make import health, rule, unit
from watchtower.engine.blindness import still_blind
from watchtower.engine.plan import Plan
from watchtower.engine.selfwatch import concerns
from watchtower.model import Priority, TroubleReason

if TYPE_CHECKING:
    from watchtower.engine.concern import Concern
    from watchtower.store.values import UnitHealth

PLAN = Plan({"Down": rule("Down", Priority.P1), "Slow": rule("Slow", Priority.P4)}, {"u": unit(id="u")})


def blind(**changes: Any) -> UnitHealth:
    values = {
        "id": "probe/30/0",
        "source": "probe",
        "failing_since": START,
        "reasons": (TroubleReason.BLIND,),
        "failure": "prober blind",
        "blinded": ("Down",),
        "last_tick": 1,
    }
    return health(**{**values, **changes})


def found(seconds: float, *units: UnitHealth) -> list[Concern]:
    now = START + timedelta(seconds=seconds)
    fresh = [health(**{name: getattr(one, name) for name in one.__slots__} | {"due_at": now}) for one in units]
    return concerns(fresh, (), {}, PLAN, now, 999)


def test_a_moment_of_blindness_is_not_told() -> None:
    assert found(19, blind()) == []


def test_blindness_is_one_alert_for_all_units() -> None:
    [concern] = found(20, blind(), blind(id="probe/30/1"), blind(id="probe/60/0"))
    assert (concern.name, concern.reason) == ("WatchtowerProberBlind", "prober blind")


def test_hours_of_blindness_are_never_told_as_a_failing_source_too() -> None:
    assert [concern.name for concern in found(7200, blind())] == ["WatchtowerProberBlind"]


def test_a_prober_that_is_blind_and_in_other_trouble_is_told_both() -> None:
    both = blind(reasons=(TroubleReason.BLIND, TroubleReason.INTERNAL))
    assert {concern.name for concern in found(600, both)} == {"WatchtowerProberBlind", "WatchtowerSourceFailing"}


@pytest.mark.parametrize(("rules", "priority"), [(("Down",), Priority.P2), (("Slow",), Priority.P3), ((), Priority.P3)])
def test_it_is_as_urgent_as_what_is_not_seen_but_wakes_nobody_as_a_user_would(
    rules: tuple[str, ...], priority: Priority
) -> None:
    [concern] = found(60, blind(blinded=rules))
    assert concern.priority is priority


def test_a_unit_that_nobody_asks_is_late_not_blind() -> None:
    now = START + timedelta(seconds=600)
    assert [one.name for one in concerns([blind(due_at=START)], (), {}, PLAN, now, 999)] == ["WatchtowerTickLate"]


def test_it_does_not_end_before_all_were_asked_again_and_saw() -> None:
    assert still_blind([blind(due_at=START), health(source="probe", last_tick=1)])
    assert still_blind([health(source="probe", last_tick=None)])
    assert not still_blind([health(source="probe", last_tick=1), health()])
