"""What rules may write under ``ecr:`` and ``inspector:``, and what AWS is asked for then."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from watchtower.sources.ecr.query import EcrQuery
from watchtower.sources.inspector.query import InspectorQuery
from watchtower.sources.table import SOURCES


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        (EcrQuery, {"images": "newest"}, "'newest' chooses no images; write latest, in_use or {tags: [globs]}"),
        (EcrQuery, {"images": "lastest"}, "'lastest' chooses no images (did you mean `latest`?)"),
        (EcrQuery, {"images": ["v1"]}, "chooses no images"),
        (EcrQuery, {"severity": []}, "at least 1 item"),
        (EcrQuery, {"period": "90s"}, "1m30s is no period of scans; give whole minutes, up to 1d"),
        (EcrQuery, {"value": "unscanned", "severity": ["HIGH"]}, "an image without a scan has no severity"),
        (InspectorQuery, {"resources": ["EC2"]}, "AWS_EC2_INSTANCE"),
        (InspectorQuery, {"value": "uncovered", "new_only": True}, "leave `new_only` out"),
    ],
)
def test_a_mistake_is_told(model: type[Any], given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(given)
    assert said in str(raised.value)


def test_a_tag_tells_alerts_apart_only_where_tags_are_asked_for() -> None:
    spec = SOURCES["ecr"]
    latest, tagged = EcrQuery(), EcrQuery.model_validate({"images": {"tags": ["v*"]}})
    assert spec.identity_of(tagged) - spec.identity_of(latest) == {"tag"}
    assert spec.context_of(latest) == {"tag", "digest"}
    assert spec.context_of(tagged) == {"digest"}


def test_aws_is_asked_to_filter_what_it_can() -> None:
    query = InspectorQuery(fix_available=True, exploit_available=False, severity=("HIGH",), in_use=True)
    images, instances, functions = query.criteria
    assert {name: [one["value"] for one in values] for name, values in instances.items()} == {
        "findingStatus": ["ACTIVE"],
        "resourceType": ["AWS_EC2_INSTANCE"],
        "severity": ["HIGH"],
        "fixAvailable": ["YES", "PARTIAL"],
        "exploitAvailable": ["NO"],
    }
    assert set(images) - set(instances) == {"ecrImageInUseCount"}, "it would leave out whatever is no image"
    assert [one["value"] for one in functions["resourceType"]] == ["AWS_LAMBDA_FUNCTION"]
