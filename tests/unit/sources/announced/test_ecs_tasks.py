"""Which one-off tasks ended badly, and which of them are news."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from watchtower.sources.announced.ecs_tasks import Ended, judge, news, not_known, read, unclear, well

ARN = "arn:aws:ecs:eu-west-1:111122223333:task/main/1"
STOPPED = datetime(2026, 1, 5, tzinfo=UTC)


def task(codes: dict[str, int | None], **more: Any) -> dict[str, Any]:
    containers = [{"name": name} | ({} if code is None else {"exitCode": code}) for name, code in codes.items()]
    return {
        "taskArn": ARN,
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/report:7",
        "group": "family:report",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedAt": STOPPED,
        "containers": containers,
        **more,
    }


def failure(codes: dict[str, int | None], essential: dict[str, bool] | None = None, **more: Any) -> str:
    found = read(task(codes, **more), "main", essential or {})
    assert found is not None
    return found.failure


BOTH = {"app": True, "proxy": True}
SIDE = {"app": True, "proxy": False}


@pytest.mark.parametrize(
    ("codes", "essential", "expected"),
    [
        ({"app": 0}, {}, ""),
        ({"app": 1}, {}, "container app ended with 1"),
        ({"app": 137}, {}, "container app ended with 137"),
        ({"app": 137}, {"app": False}, "container app ended with 137"),
        ({"app": 0, "proxy": 143}, SIDE, ""),
        ({"app": 0, "proxy": 137}, SIDE, ""),
        ({"app": 0, "proxy": 137}, BOTH, "container proxy ended with 137"),
        ({"app": 0, "proxy": 137}, {}, "container proxy ended with 137"),
        ({"app": 137, "proxy": 0}, SIDE, "container app ended with 137"),
        ({"app": 143, "proxy": 0}, BOTH, "container app ended with 143"),
        ({"app": 137, "logs": 0}, {}, "container app ended with 137"),
        ({"app": 0, "proxy": 2}, SIDE, "container proxy ended with 2"),
        ({"app": 1, "proxy": 137}, SIDE, "container app ended with 1, container proxy ended with 137"),
        ({"app": None}, {}, ""),
    ],
)
def test_a_killed_container_counts_unless_it_is_known_to_stand_beside_one_that_ended_well(
    codes: dict[str, int | None], essential: dict[str, bool], expected: str
) -> None:
    assert failure(codes, essential) == expected


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({"app": 137, "logs": 0}, True),
        ({"app": 0, "proxy": 143}, True),
        ({"app": 137}, False),
        ({"app": 0, "proxy": 2}, False),
        ({"app": 0, "proxy": 0}, False),
        ({"app": 137, "proxy": 143}, False),
    ],
)
def test_the_task_definition_is_asked_only_where_it_can_decide(codes: dict[str, int | None], expected: bool) -> None:
    assert unclear(task(codes)) is expected


@pytest.mark.parametrize("code", ["SpotInterruption", "TerminationNotice"])
def test_a_task_whose_machine_was_taken_away_did_not_end_well_without_exit_codes_either(code: str) -> None:
    said = "Host EC2 (instance i-1) terminated."
    assert failure({"app": None}, stopCode=code, stoppedReason=said) == f"was interrupted: {said}"
    assert failure({"app": 143, "logs": 0}, stopCode=code, stoppedReason=said) == f"was interrupted: {said}"
    assert failure({"app": 0}, stopCode=code, stoppedReason=said) == ""


def test_a_task_that_somebody_stopped_did_not_fail() -> None:
    assert failure({"app": 137}, stopCode="UserInitiated") == ""


def test_a_task_that_could_not_start_failed_without_any_exit_code() -> None:
    said = "CannotPullContainerError: image not found"
    assert failure({"app": None}, stopCode="TaskFailedToStart", stoppedReason=said) == f"did not start: {said}"


def test_a_container_that_ran_out_of_memory_failed_whatever_its_code() -> None:
    containers = [
        {"name": "app", "exitCode": 0},
        {"name": "job", "exitCode": 137, "reason": "OutOfMemoryError: killed"},
    ]
    assert failure({}, containers=containers) == "container job ran out of memory"


@pytest.mark.parametrize("own", [{"group": "service:web"}, {"startedBy": "ecs-svc/123"}])
def test_a_task_of_a_service_is_no_one_off(own: dict[str, str]) -> None:
    found = read(task({"app": 1}, **own), "main", {})
    assert found is not None
    assert not found.one_off


def test_a_task_that_is_still_stopping_is_read_later() -> None:
    assert read(task({"app": 1}, lastStatus="STOPPING"), "main", {}) is None


def ended(name: str, at: int, *, bad: bool = True, one_off: bool = True, cluster: str = "main") -> Ended:
    return Ended(f"arn/{name}", cluster, "report", at, "container app ended with 1" if bad else "", one_off)


def failed(told: tuple[Ended, ...]) -> list[str]:
    return [one.arn for one in told if one.failure]


def test_the_first_look_at_a_cluster_counts_the_last_period_only() -> None:
    told, memory = news({}, {"main": [ended("old", 9_000), ended("new", 9_950)]}, now=10_000, period=60)
    assert failed(told) == ["arn/new"]
    assert not_known(memory, ["arn/old", "arn/new", "arn/next"]) == ["arn/next"]


def test_a_cluster_that_could_not_be_read_at_first_has_its_first_look_later() -> None:
    _, memory = news({}, {"main": []}, now=10_000, period=60)
    told, _ = news(memory, {"main": [], "jobs": [ended("old", 9_000, cluster="jobs")]}, now=10_060, period=60)
    assert failed(told) == []


def test_after_an_outage_what_aws_still_lists_is_told() -> None:
    _, memory = news({}, {"main": []}, now=10_000, period=60)
    told, memory = news(memory, {"main": [ended("meanwhile", 10_500)]}, now=12_000, period=60)
    assert failed(told) == ["arn/meanwhile"]
    assert news(memory, {"main": [ended("meanwhile", 10_500)]}, now=12_060, period=60)[0] == ()


def test_a_task_that_was_forgotten_and_is_still_listed_is_not_told_again() -> None:
    _, memory = news({}, {"main": [ended("a", 9_990)]}, now=10_000, period=60)
    _, memory = news(memory, {"main": []}, now=10_000 + 5 * 3600, period=60)
    assert memory["ids"] == {}
    told, _ = news(memory, {"main": [ended("a", 9_990)]}, now=10_060 + 5 * 3600, period=60)
    assert failed(told) == []


def test_tasks_of_services_are_remembered_and_never_counted() -> None:
    told, memory = news({}, {"main": [ended("s", 9_990, one_off=False)]}, now=10_000, period=60)
    assert told == ()
    assert not_known(memory, ["arn/s"]) == []


def test_each_family_is_counted_and_five_of_its_tasks_are_named() -> None:
    [seen] = judge([ended(str(number), 1) for number in range(7)])
    assert (seen.resource, seen.value, len(seen.evidence)) == ("main/report", 7, 5)
    [fine] = judge([ended("ok", 1, bad=False)])
    assert fine == well("main/report")
