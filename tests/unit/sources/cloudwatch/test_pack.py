from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.sources.cloudwatch.support import EC2, Polling, ask, ec2, every_series, returned
from watchtower.aws.metricdata import MAX_QUERIES
from watchtower.model import Labels
from watchtower.sources.cloudwatch.pack import pack
from watchtower.sources.cloudwatch.series import Stat, Wanted

if TYPE_CHECKING:
    from tests.support.scripted_aws import ScriptedAws
    from watchtower.aws.clients import AwsClients


def stat(name: str, statistic: str = "Average") -> Stat:
    return Stat("AWS/EC2", "CPUUtilization", statistic, Labels({"InstanceId": name}))


def plain(name: str, statistic: str = "Average") -> Wanted:
    return Wanted((("m", stat(name, statistic)),))


def ratio(first: str, second: str) -> Wanted:
    return Wanted((("a", stat(first)), ("b", stat(second))), "a / b")


def payers(*wanted: Wanted) -> dict[Wanted, str]:
    return dict.fromkeys(wanted, "Rule")


def test_no_call_has_more_than_five_hundred_queries() -> None:
    calls = pack(payers(*(plain(f"i-{n}") for n in range(501))), 60)
    assert [call.size for call in calls] == [500, 1]


def test_statistics_of_one_metric_stay_in_one_call_because_they_are_billed_once() -> None:
    wants = [plain(f"i-{n}") for n in range(498)]
    wants += [plain("last", statistic) for statistic in ("Average", "Sum", "p99")]
    calls = pack(payers(*wants), 60)
    assert [call.size for call in calls] == [498, 3]
    assert calls[1].billed() == {"Rule": 1}


def test_statistics_asked_apart_are_brought_together() -> None:
    wants = [plain(f"i-{n}", statistic) for statistic in ("Average", "Sum") for n in range(300)]
    assert [sum(call.billed().values()) for call in pack(payers(*wants), 60)] == [250, 50]


def test_the_sixth_statistic_of_a_metric_is_billed_again() -> None:
    wants = [plain("i-1", name) for name in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")]
    assert pack(payers(*wants), 60)[0].billed() == {"Rule": 1}
    assert pack(payers(*wants, plain("i-1", "p99")), 60)[0].billed() == {"Rule": 2}


def test_an_expression_never_parts_from_its_metrics() -> None:
    wants = [plain(f"i-{n}") for n in range(498)] + [ratio("a", "b")]
    calls = pack(payers(*wants), 60)
    assert [call.size for call in calls] == [498, 3]
    ids = {query["Id"] for query in calls[1].queries()}
    assert ids == {"q0", "q1", "e0"}


def test_every_call_of_many_expressions_holds_all_that_they_read() -> None:
    calls = pack(payers(*(ratio(f"a-{n}", f"b-{n}") for n in range(400))), 60)
    for call in calls:
        assert call.size <= MAX_QUERIES
        queries = call.queries()
        ids = {query["Id"] for query in queries}
        assert len(ids) == len(queries)
        for query in queries:
            assert all(word in ids for word in query.get("Expression", "").split(" / ") if word)
    assert sum(len(call.returned) for call in calls) == 400


def test_many_expressions_that_begin_with_one_metric_do_not_overfill_a_call() -> None:
    calls = pack(payers(*(ratio("common", f"b-{n}") for n in range(400))), 60)
    assert [call.size for call in calls] == [499, 303]
    assert all(stat("common") in call.stats for call in calls)


def test_a_metric_that_is_asked_and_calculated_with_is_sent_once_and_returned() -> None:
    [call] = pack(payers(plain("a"), ratio("a", "b")), 60)
    returned_by_id = {query["Id"]: query["ReturnData"] for query in call.queries()}
    assert returned_by_id == {"q0": True, "q1": False, "e0": True}
    assert call.billed() == {"Rule": 2}


async def test_five_hundred_and_one_queries_of_many_rules_are_two_requests(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, *(ask(f"R{n:03}", ec2(f"i-{n}")) for n in range(501))).poll()
    sizes = sorted(len(returned(request)) for request in aws.asked("GetMetricData"))
    assert sizes == [1, 500]
    assert all(len(answer.observations) == 1 for answer in result.answers)


async def test_every_statistic_of_a_metric_is_its_own_series_of_one_bill(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    asks = [ask(name, {**EC2, "statistic": name}) for name in ("Average", "Maximum", "p99")]
    result = await Polling(aws, clients, *asks).poll()
    assert result.billed == {"Average": 1}
    assert {sample.name for sample in result.samples} == {
        "aws_ec2_cpuutilization_average",
        "aws_ec2_cpuutilization_maximum",
        "aws_ec2_cpuutilization_p99",
    }
