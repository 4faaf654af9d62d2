"""A message says who should look and where; nothing else in it is believed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchtower.sources.messages import KINDS, TOLD, News, read
from watchtower.sources.table import SOURCES

ACCOUNT, REGION = "111122223333", "eu-west-1"
BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {"bounceType": "Permanent"},
    "mail": {"sendingAccountId": ACCOUNT, "sourceArn": f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com"},
}


def event(source: str, kind: str, **detail: Any) -> dict[str, Any]:
    return {"source": source, "detail-type": kind, "account": ACCOUNT, "region": REGION, "detail": detail}


def heard(message: object) -> News | None:
    return read(orjson.dumps(message).decode())


def by_sns(message: object) -> dict[str, Any]:
    text = orjson.dumps(message).decode()
    return {"Type": "Notification", "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:mail", "Message": text}


def news(*sources: str, repository: str = "", region: str = REGION, account: str = ACCOUNT) -> News:
    return News(frozenset(sources), account, region, repository)


def test_a_scan_is_about_the_images_of_its_repository() -> None:
    scan = event("aws.ecr", "ECR Image Scan", **{"repository-name": "akai/web", "scan-status": "COMPLETE"})
    assert heard(scan) == news("ecr", repository="akai/web")
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/akai/web"
    enhanced = event("aws.inspector2", "Inspector2 Scan", **{"repository-name": arn})
    assert heard(enhanced) == news("ecr", "inspector", repository="akai/web")


def test_a_finding_of_an_image_is_about_its_scans_too_and_one_of_an_instance_is_not() -> None:
    image = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/akai/web/sha256:0123"
    of_an_image = event(
        "aws.inspector2", "Inspector2 Finding", resources=[{"type": "AWS_ECR_CONTAINER_IMAGE", "id": image}]
    )
    assert heard(of_an_image) == news("ecr", "inspector", repository="akai/web")
    of_an_instance = event(
        "aws.inspector2", "Inspector2 Finding", resources=[{"type": "AWS_EC2_INSTANCE", "id": "i-1"}]
    )
    assert heard(of_an_instance) == news("inspector")


@pytest.mark.parametrize(
    ("source", "kind", "told"),
    [
        ("aws.ec2", "EC2 Instance State-change Notification", ("ec2_events", "asg")),
        ("aws.autoscaling", "EC2 Instance Launch Unsuccessful", ("asg",)),
        ("aws.rds", "RDS DB Cluster Event", ("rds_topology", "rds_balance")),
        ("aws.ecs", "ECS Deployment State Change", ("ecs",)),
        ("aws.ses", "Email Bounced", ("ses",)),
    ],
)
def test_an_event_is_for_the_sources_that_look_at_its_kind(source: str, kind: str, told: tuple[str, ...]) -> None:
    assert heard(event(source, kind)) == news(*told)
    assert heard(by_sns(event(source, kind))) == news(*told), "also where a topic is between"


def test_an_event_of_aws_health_may_be_another_accounts_and_everywheres() -> None:
    kind = ("aws.health", "AWS Health Event")
    assert heard(event(*kind)) == news("health", "ec2_events")
    told = event(*kind, affectedAccount="444455556666", eventRegion="global")
    assert heard(told) == news("health", "ec2_events", account="444455556666", region="")


def test_a_bounce_is_understood_bare_and_wrapped() -> None:
    assert heard(BOUNCE) == heard(by_sns(BOUNCE)) == news("ses")
    published = {**BOUNCE, "eventType": "Bounce"}
    del published["notificationType"]
    assert heard(published) == news("ses")
    assert heard(by_sns({"eventType": "Complaint", "mail": {}})) == news("ses"), "then the topic says where"


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"detail-type": "ECR Image Scan"},
        event("aws.s3", "Object Created"),
        event("my.shop", "ECR Image Scan"),
        {"notificationType": "Delivery", "mail": {}},
        {"notificationType": "Bounce"},
        {"detail-type": ["x"], "source": {}},
        {"notificationType": ["Bounce"], "mail": {}},
        {"eventType": {"Bounce": 1}, "mail": {}},
    ],
    ids=str,
)
def test_what_nobody_looks_at_is_not_known(message: dict[str, Any]) -> None:
    assert heard(message) is None


@pytest.mark.parametrize("body", ["", "{", "[1]", "null", '"text"', "\ud800", "[" * 5000, '{"a": NaN}'], ids=range(8))
def test_what_is_no_object_is_not_readable(body: str) -> None:
    with pytest.raises(ValueError, match="no JSON object"):
        read(body)


def test_a_topic_that_wraps_no_object_is_not_readable() -> None:
    for text in ("hello", 7, None):
        with pytest.raises(ValueError, match="no JSON object"):
            heard({"Type": "Notification", "TopicArn": "arn", "Message": text})


def test_strange_parts_of_a_known_event_narrow_nothing() -> None:
    strange = {**event("aws.ecr", "ECR Image Scan"), "account": 7, "region": "x" * 2000, "detail": "?"}
    assert heard(strange) == news("ecr", account="", region="")
    assert heard(event("aws.inspector2", "Inspector2 Finding", resources=["?"])) == news("inspector")


#: What any message may have in it, beside its kind.
DETAIL = {
    "repository-name": "akai/web",
    "resource-id": "i-1",
    "resources": [{"type": "AWS_ECR_CONTAINER_IMAGE", "id": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/x/sha256:0"}],
    "eventRegion": "global",
    "affectedAccount": ACCOUNT,
}
WHOLE: list[dict[str, Any]] = [
    *(event(source, kind, **DETAIL) for source, kind in KINDS),
    BOUNCE,
    {**BOUNCE, "notificationType": None, "eventType": "Complaint"},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a message."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def swapped(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The message with something else in one place."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = swapped(value[path[0]], path[1:], other)
    return copy


@pytest.mark.parametrize("message", WHOLE, ids=lambda one: str(one.get("detail-type", one.get("notificationType"))))
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_stands_in_the_place_of_a_message_s_parts_it_is_read_or_refused(
    message: dict[str, Any], data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        message = swapped(message, data.draw(st.sampled_from(places(message))), data.draw(JSON))
    sent = data.draw(st.sampled_from((message, by_sns(message), {**by_sns(message), "TopicArn": data.draw(JSON)})))
    try:
        found = heard(sent)
    except ValueError:
        return
    if found is not None:
        assert found.sources <= TOLD
        assert all(isinstance(word, str) for word in (found.account, found.region, found.repository))


def test_whoever_is_told_is_a_source() -> None:
    assert set(SOURCES) >= TOLD
    assert all(source.startswith("aws.") for source, _ in KINDS)
