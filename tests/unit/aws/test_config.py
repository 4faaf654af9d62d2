from __future__ import annotations

from typing import Any

import pytest

from watchtower.aws.config import AwsConfig, label_of_tag, publication_delay, role_account_id

ROLE = "arn:aws:iam::111122223333:role/watchtower"
EVENTS = {"account": "prod", "region": "eu-west-1", "queue": "watchtower-events"}
PROD = {"name": "prod", "regions": ["eu-west-1", "us-east-1"]}


def test_the_published_example_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WT_EXTERNAL_ID", "shared-word")
    config = AwsConfig.model_validate(
        {
            "accounts": [PROD | {"role_arn": ROLE, "external_id": {"env": "WT_EXTERNAL_ID"}}],
            "endpoint_url": None,
            "publication_delay": None,
            "discovery_interval": "5m",
            "label_tags": ["tenant", "team", "env"],
            "monthly_budget_usd": 300,
        }
    )
    [account] = config.accounts
    assert account.regions == ("eu-west-1", "us-east-1")
    assert account.external_id is not None
    assert account.external_id.reveal() == "shared-word"
    assert config.discovery_interval == 300
    assert "shared-word" not in repr(config)


def test_nothing_at_all_is_a_configuration_without_accounts() -> None:
    assert AwsConfig().accounts == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"accounts": [PROD, PROD]}, "account 'prod' is named twice"),
        ({"accounts": [PROD | {"name": "a/b"}]}, "'a/b' is not an account name"),
        ({"accounts": [PROD | {"regions": ["eu-west-1", "eu-west-1"]}]}, "region 'eu-west-1' is named twice"),
        ({"accounts": [PROD | {"regions": ["Ireland"]}]}, "write it like eu-west-1"),
        ({"accounts": [PROD | {"regions": []}]}, "at least 1 item"),
        ({"accounts": [PROD | {"role_arn": "watchtower"}]}, "is not a role"),
        ({"accounts": [PROD | {"external_id": {"env": "HOME"}}]}, "it needs role_arn beside it"),
        ({"accounts": [PROD | {"external_id": "literal"}]}, "never as a literal"),
        ({"endpoint_url": "localhost:5000"}, "is not an endpoint"),
        ({"publication_delay": 120}, "write it with a unit"),
        ({"discovery_interval": "0s"}, "greater than 0"),
        ({"label_tags": ["region"]}, "would replace the label 'region'"),
        ({"label_tags": ["cost-center", "cost.center"]}, "'cost_center' is named twice"),
        (
            {"accounts": [PROD], "events": [EVENTS | {"account": "prd"}]},
            "there is no account 'prd' (did you mean `prod`?)",
        ),
        ({"accounts": [PROD], "events": [EVENTS, EVENTS]}, "a queue of 'prod eu-west-1' is named twice"),
        ({"accounts": [PROD], "events": [EVENTS | {"queue": "a b"}]}, "'a b' is not a queue"),
        ({"accounts": [PROD], "events": [EVENTS | {"queue": "https://sqs.eu-west-1.amazonaws.com"}]}, "is not a queue"),
        ({"accounts": [PROD], "events": [EVENTS | {"region": "Ireland"}]}, "write it like eu-west-1"),
        ({"monthly_budget_usd": -1}, "greater than 0"),
        ({"regions": ["eu-west-1"]}, "Extra inputs"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        AwsConfig.model_validate(content)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("namespace", "period", "delay"),
    [
        ("AWS/EC2", 60, 120),
        ("AWS/EC2", 240, 120),
        ("AWS/EC2", 300, 300),
        ("AWS/RDS", 900, 300),
        ("AWS/S3", 60, 120),
        ("AWS/S3", 86_400, 86_400),
        ("AWS/Billing", 3600, 21_600),
        ("Shop", 10, 120),
    ],
)
def test_a_datapoint_is_awaited_as_long_as_its_namespace_needs(namespace: str, period: int, delay: int) -> None:
    assert publication_delay(AwsConfig(), namespace, period) == delay


@pytest.mark.parametrize(("written", "seconds"), [("0s", 0), ("10m", 600)])
def test_a_configured_delay_overrides_every_namespace(written: str, seconds: int) -> None:
    config = AwsConfig.model_validate({"publication_delay": written})
    assert publication_delay(config, "AWS/S3", 86_400) == seconds


@pytest.mark.parametrize(("key", "label"), [("team", "team"), ("cost-center", "cost_center"), ("3d", "_3d")])
def test_a_tag_key_becomes_a_label_name(key: str, label: str) -> None:
    assert label_of_tag(key) == label


def test_a_role_names_its_account() -> None:
    assert role_account_id(ROLE) == "111122223333"
    assert role_account_id("arn:aws-cn:iam::111122223333:role/path/to/role") == "111122223333"
    assert role_account_id("arn:aws:iam::1:role/x") is None


def test_a_queue_is_known_by_its_name() -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/watchtower-events"
    config = AwsConfig.model_validate({"accounts": [PROD], "events": [EVENTS | {"queue": url}]})
    assert config.events[0].name == EVENTS["queue"] == "watchtower-events"
