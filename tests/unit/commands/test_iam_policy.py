"""`watchtower iam-policy`: the least that a configuration needs, for all or for one account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from typer.testing import CliRunner

from watchtower.cli import app

if TYPE_CHECKING:
    from pathlib import Path

TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"
ROLE = "arn:aws:iam::444455556666:role/watchtower"
METRIC = {"namespace": "AWS/EC2", "metric": "CPUUtilization", "statistic": "Average", "dimensions": {"InstanceId": "*"}}
CPU = {"alert": "Cpu", "cloudwatch": METRIC, "when": {"P3": "> 90"}, "accounts": ["main"]}
SCANS = {"alert": "Scans", "ecr": {}, "when": {"P4": "> 0"}, "accounts": ["data"]}
OFF = {"alert": "Off", "health": {}, "when": {"P4": "> 0"}, "enabled": False}
ACCOUNTS = [
    {"name": "main", "regions": ["eu-west-1"]},
    {"name": "data", "regions": ["eu-west-1"], "role_arn": ROLE},
]
READ_METRICS = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
READ_SCANS = [
    "ecr:BatchGetImage",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "inspector2:ListCoverage",
    "inspector2:ListFindings",
]


def printed(folder: Path, *words: str, rules: Any = (CPU, SCANS, OFF), **aws: Any) -> dict[str, dict[str, Any]]:
    """The statements by their Sid."""
    config = {
        "rules": ["rules.yaml"],
        "aws": {"accounts": ACCOUNTS, **aws},
        "channels": {"audit": {"type": "sns", "topic_arn": TOPIC}},
        "routes": [{"channels": ["audit"]}],
    }
    (folder / "rules.yaml").write_bytes(orjson.dumps({"rules": rules}))
    (folder / "watchtower.yaml").write_bytes(orjson.dumps(config))
    result = CliRunner().invoke(app, ["iam-policy", "--config", str(folder / "watchtower.yaml"), *words])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["Version"] == "2012-10-17"
    return {one["Sid"]: one for one in document["Statement"]}


def test_all_together_need_what_any_rule_and_channel_needs(tmp_path: Path) -> None:
    found = printed(tmp_path)
    assert found["Read"]["Action"] == sorted(READ_METRICS + READ_SCANS)
    assert found["Read"]["Resource"] == "*"
    assert found["ActInOtherAccounts"]["Resource"] == [ROLE]
    assert found["PublishToTheTopicsOfChannels"]["Resource"] == [TOPIC]
    assert len(found) == 3


def test_who_reads_one_account_needs_less(tmp_path: Path) -> None:
    found = printed(tmp_path, "--account", "data")
    assert list(found) == ["Read"]
    assert found["Read"]["Action"] == READ_SCANS
    main = printed(tmp_path, "--account", "main")
    assert main["Read"]["Action"] == READ_METRICS
    assert set(main) == {"Read", "ActInOtherAccounts", "PublishToTheTopicsOfChannels"}


def test_tags_that_become_labels_must_be_read(tmp_path: Path) -> None:
    assert "tag:GetResources" in printed(tmp_path, label_tags=["team"])["Read"]["Action"]
    assert "tag:GetResources" not in printed(tmp_path, "--account", "data", label_tags=["team"])["Read"]["Action"]


def test_queues_are_named_as_exactly_as_is_known(tmp_path: Path) -> None:
    url = "https://sqs.us-east-1.amazonaws.com/999900001111/other"
    events = [
        {"account": "main", "region": "eu-west-1", "queue": "events"},
        {"account": "main", "region": "us-east-1", "queue": url},
        {"account": "data", "region": "eu-west-1", "queue": "events"},
    ]
    found = printed(tmp_path, events=events)
    assert found["ReadTheQueuesOfEvents"]["Resource"] == [
        "arn:aws:sqs:eu-west-1:*:events",
        "arn:aws:sqs:eu-west-1:444455556666:events",
        "arn:aws:sqs:us-east-1:999900001111:other",
    ]
    assert len(found["FindTheQueuesOfEvents"]["Resource"]) == 2, "a URL need not be found"


def test_an_account_that_is_not_there_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="there is no account prod; there is main, data"):
        printed(tmp_path, "--account", "prod")
