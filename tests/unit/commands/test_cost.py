"""`watchtower cost`: what is assumed without asking AWS, and what one poll counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
from typer.testing import CliRunner

from tests.support.make import unit
from tests.support.simulated_aws import counting, estate, series, use_keys
from watchtower import config as configuration
from watchtower.cli import app
from watchtower.clock import SystemClock
from watchtower.commands.cost import cost_lines, count, counted, live
from watchtower.demo.aws import EstateServer
from watchtower.model import PollResult, Trouble, TroubleReason

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def metric(instance: str) -> dict[str, Any]:
    dimensions = {"DBInstanceIdentifier": instance}
    return {"namespace": "AWS/RDS", "metric": "CPUUtilization", "statistic": "Average", "dimensions": dimensions}


MATH = {"expression": "a / b", "metrics": {"a": metric("db-1"), "b": metric("db-2")}, "period": "5m"}
RULES = [
    {"alert": "All", "cloudwatch": metric("*"), "when": {"P3": "> 90"}},
    {"alert": "Five", "cloudwatch": metric("*"), "when": {"P3": "> 90"}, "expect_series": 5},
    {"alert": "One", "cloudwatch": metric("db-1"), "when": {"P3": "> 90"}, "regions": ["eu-west-1"]},
    {"alert": "Math", "cloudwatch": MATH, "when": {"P3": "> 1"}},
    {"alert": "Lines", "logs": {"log_group": ["/a", "/b"], "pattern": "ERROR"}, "when": {"P3": "> 0"}},
    {"alert": "Scans", "ecr": {}, "when": {"P4": "> 0"}},
    {"alert": "Off", "cloudwatch": metric("*"), "when": {"P3": "> 90"}, "enabled": False},
]


def written(folder: Path, **aws: Any) -> Path:
    config = {
        "rules": ["rules.yaml"],
        "aws": {"accounts": [{"name": "main", "regions": ["eu-west-1", "us-east-1"]}], **aws},
        "channels": {"audit": {"type": "sns", "topic_arn": "arn:aws:sns:eu-west-1:111122223333:alerts"}},
        "routes": [{"channels": ["audit"]}],
    }
    (folder / "rules.yaml").write_bytes(orjson.dumps({"rules": RULES}))
    (folder / "watchtower.yaml").write_bytes(orjson.dumps(config))
    return folder / "watchtower.yaml"


def told(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["cost", "--config", str(written(folder)), *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_each_rule_says_what_it_costs_and_how_that_is_known(tmp_path: Path) -> None:
    assert told(tmp_path).splitlines() == [
        "All: $8.64 a month: 20 metrics every 1m (10 series assumed in each account and region)",
        "Five: $2.16 a month: 5 metrics every 1m (expect_series)",
        "Lines: $1.73 a month: 4 metrics every 1m (named exactly)",
        "One: $0.43 a month: 1 metric every 1m (named exactly)",
        "Math: $0.35 a month: 4 metrics every 5m (named exactly)",
        "$13.31 a month for 5 rules; 1 more ask for no metrics",
    ]


def test_how_many_series_a_glob_stands_for_can_be_said(tmp_path: Path) -> None:
    found = json.loads(told(tmp_path, "--series", "100", "--format", "json"))
    assert {one["rule"]: one["metrics"] for one in found["rules"]}["All"] == 200
    assert found["monthly_usd"] == round(sum(one["monthly_usd"] for one in found["rules"]), 4)


def test_what_one_poll_costs_is_what_each_costs(tmp_path: Path) -> None:
    trouble = Trouble("cloudwatch", "main", "us-east-1", TroubleReason.FORBIDDEN, "GetMetricData: AccessDenied")
    found = counted(
        [
            (unit(id="one"), PollResult((), billed={"All": 30, "One": 1})),
            (unit(id="two"), PollResult((), billed={"All": 10})),
            (unit(id="slow", period=300), PollResult((), billed={"Math": 4}, troubles=(trouble,))),
        ]
    )
    assert found.troubles == (trouble,)
    loaded = configuration.load(written(tmp_path))
    lines = list(cost_lines(live(loaded, found), loaded))
    assert lines[0] == "All: $17.28 a month: 40 metrics every 1m (counted by one poll)"
    assert "Math: $0.35 a month: 4 metrics every 5m (counted by one poll)" in lines
    assert "Five: $0.00 a month: 0 metrics every 1m (counted by one poll: none, or shared)" in lines


async def test_a_live_count_is_what_the_estate_bills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instances = [
        series("CPUUtilization", counting, {"DBInstanceIdentifier": f"db-{number}"}, namespace="AWS/RDS")
        for number in (1, 2, 3)
    ]
    async with EstateServer(estate(*instances), SystemClock()) as aws:
        use_keys(monkeypatch, aws.credentials())
        found = await count(configuration.load(written(tmp_path, endpoint_url=aws.url)))
        assert found.metrics.total() == aws.metrics_billed > 0
    assert found.metrics["All"] == 3, "what the others ask for as well is paid for once"
