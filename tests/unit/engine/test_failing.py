"""When a source that fails is told, how urgent that is, and what a stop of Watchtower makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import START
from tests.support.make import claimed, health, rule, unit
from watchtower.engine.failing import blinded_rules, in_doubt, source_concerns, still_failing
from watchtower.engine.plan import Plan
from watchtower.model import (
    AlertKey,
    Answer,
    Labels,
    Observation,
    PollResult,
    Priority,
    Trouble,
    TroubleReason,
    Truth,
)
from watchtower.sources.base import Ask

if TYPE_CHECKING:
    from watchtower.engine.concern import Concern
    from watchtower.store.values import UnitHealth


PLAN = Plan(
    {
        "Cpu": rule("Cpu", Priority.P1, Priority.P3),
        "Disk": rule("Disk", Priority.P2),
        "Idle": rule("Idle", Priority.P5),
    },
    {},
)
PLACE = {"source": "cloudwatch", "account": "prod", "region": "eu-west-1"}
KEY = AlertKey("WatchtowerSourceFailing", Labels(PLACE))


def later(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


def found(seconds: float, *units: UnitHealth) -> list[Concern]:
    return list(source_concerns(units, PLAN, later(seconds)))


def failing(asked: float, **changes: Any) -> UnitHealth:
    """It has failed since the start, brought no answer, and is due again about then."""
    values: dict[str, Any] = {
        "failing_since": START,
        "failures": 9,
        "failure": "rate exceeded (throttled)",
        "due_at": later(asked),
        "blinded": ("Cpu", "Disk"),
        "silent": True,
    }
    return health(**{**values, **changes})


def well(asked: float, **changes: Any) -> UnitHealth:
    return health(id="well", last_tick=1, due_at=later(asked), **changes)


def test_a_source_that_fails_for_less_than_five_minutes_is_nobodys_business() -> None:
    assert found(299, failing(299)) == []


def test_after_five_minutes_a_failing_source_is_a_p3() -> None:
    [concern] = found(300, failing(300))

    assert (concern.name, concern.priority) == ("WatchtowerSourceFailing", Priority.P3)
    assert dict(concern.identity) == PLACE
    assert concern.summary.startswith("cloudwatch prod eu-west-1 has not answered for 5m:")
    assert concern.reason == "rate exceeded (throttled)"


@pytest.mark.parametrize(
    ("blinded", "priority"),
    [
        (("Cpu", "Idle"), Priority.P1),
        (("Disk",), Priority.P2),
        (("Idle",), Priority.P3),
        (("Gone",), Priority.P3),
        ((), Priority.P3),
    ],
)
def test_after_fifteen_minutes_it_is_as_urgent_as_the_rules_that_it_blinds(
    blinded: tuple[str, ...], priority: Priority
) -> None:
    assert [concern.priority for concern in found(899, failing(899, blinded=blinded))] == [Priority.P3]
    assert [concern.priority for concern in found(900, failing(900, blinded=blinded))] == [priority]


def test_what_was_blinded_only_just_now_makes_it_no_more_urgent() -> None:
    long, new = failing(900, blinded=("Disk",)), failing(900, id="new", failing_since=later(800), blinded=("Cpu",))

    assert [concern.priority for concern in found(900, new, long)] == [Priority.P2]


def test_many_units_of_one_place_are_one_alert_that_tells_of_the_oldest_failure() -> None:
    units = [failing(400, id=str(n), failing_since=later(50 - 10 * n), failure=f"reason {n}") for n in range(5)]

    [concern] = found(400, *units)

    assert "6m30s" in concern.summary
    assert concern.reason == "reason 4"


def test_two_regions_that_fail_are_two_alerts() -> None:
    assert len(found(400, failing(400), failing(400, region="us-east-1"))) == 2


# -- in part -----------------------------------------------------------------------------------------------------------


def test_where_one_unit_is_well_the_source_answers_in_part() -> None:
    [concern] = found(400, failing(400), well(430))

    assert concern.summary == (
        "cloudwatch prod eu-west-1 answers only in part, for 6m40s: 2 rules cannot be seen, or not wholly, "
        "and what is not seen keeps its state"
    )
    assert concern.reason == "Cpu, Disk: rate exceeded (throttled)"


def test_a_unit_that_brought_some_answers_answers_in_part() -> None:
    [concern] = found(400, failing(400, silent=False, blinded=("Idle",), failure="no permission (forbidden)"))

    assert "answers only in part" in concern.summary
    assert "1 rule cannot be seen" in concern.summary
    assert concern.reason == "Idle: no permission (forbidden)"


def test_a_failure_that_blinds_no_rule_says_so() -> None:
    [concern] = found(400, failing(400, silent=False, blinded=()))

    assert concern.summary.endswith("all rules are seen in spite of it")
    assert concern.reason == "rate exceeded (throttled)"


def test_of_many_blinded_rules_the_first_are_named() -> None:
    plan = Plan({f"R{n}": rule(f"R{n}", Priority.P3) for n in range(7)}, {})
    [concern] = source_concerns([failing(400, silent=False, blinded=tuple(plan.rules))], plan, later(400))

    assert concern.reason == "R0, R1, R2, R3, R4 and 2 more: rate exceeded (throttled)"


def test_an_answer_from_before_the_failure_is_none() -> None:
    """The unit of an hour's period was well before; nobody knows whether it still is."""
    [concern] = found(400, failing(400), well(3000, period=3600))

    assert "has not answered" in concern.summary


# -- nobody asks -------------------------------------------------------------------------------------------------------


def test_a_failing_unit_that_nobody_asks_says_nothing_of_its_source() -> None:
    assert found(1200, failing(1079)) == []
    assert found(1200, failing(1080)) != []


def test_a_unit_that_nobody_asks_does_not_answer_either() -> None:
    [concern] = found(1200, failing(1200), failing(1000, id="late", silent=False))

    assert "has not answered" in concern.summary


def test_an_alert_is_in_doubt_while_a_unit_failed_when_it_was_asked_last() -> None:
    assert in_doubt([failing(0), well(0)]) == {KEY}


def test_an_alert_is_in_doubt_while_a_unit_was_never_asked() -> None:
    assert in_doubt([health(), well(0)]) == {KEY}


def test_where_all_units_are_well_nothing_is_in_doubt() -> None:
    assert in_doubt([well(0), failing(0, region="us-east-1")]) == {
        AlertKey(KEY.rule, Labels({**PLACE, "region": "us-east-1"}))
    }


def test_a_failure_goes_on_while_the_unit_is_asked() -> None:
    before = claimed(failing_since=START, failures=3, due_at=later(300))

    assert still_failing(before, later(420)) is before


def test_a_failure_that_nobody_saw_go_on_begins_anew() -> None:
    before = claimed(failing_since=START, failures=3, due_at=later(300))

    after = still_failing(before, later(421))

    assert (after.failing_since, after.failures) == (None, 3)


# -- what a poll in trouble does not see -------------------------------------------------------------------------------

ASKS = tuple(Ask(name, None, 60, 3, Priority.P1) for name in ("Cpu", "Disk", "Idle"))
TROUBLE = Trouble("cloudwatch", "prod", "eu-west-1", TroubleReason.PARTIAL, "detail")


def blinded(*answers: Answer, troubles: tuple[Trouble, ...] = (TROUBLE,)) -> tuple[str, ...]:
    return blinded_rules(unit(asks=ASKS), PollResult(answers, troubles=troubles))


def answer(name: str, *truths: Truth, complete: bool = True) -> Answer:
    series = (Observation(Labels({"host": str(n)}), truth=truth) for n, truth in enumerate(truths))
    return Answer(name, tuple(series), complete)


def test_a_poll_without_any_answer_blinds_all_rules_of_the_unit() -> None:
    assert blinded() == ("Cpu", "Disk", "Idle")


@pytest.mark.parametrize("truth", [Truth.NOT_FETCHED, Truth.FORBIDDEN])
def test_a_rule_is_blinded_by_one_series_that_was_not_seen(truth: Truth) -> None:
    seen = (answer("Cpu", Truth.VALUE, Truth.NO_DATA, Truth.IMMATURE), answer("Idle"))

    assert blinded(*seen, answer("Disk", Truth.VALUE, truth)) == ("Disk",)


def test_a_rule_whose_series_could_not_be_listed_is_blinded() -> None:
    assert blinded(answer("Cpu", Truth.VALUE), answer("Disk", complete=False), answer("Idle")) == ("Disk",)


def test_a_poll_without_trouble_blinds_nobody() -> None:
    assert blinded(answer("Disk", Truth.IMMATURE, complete=False), troubles=()) == ()
