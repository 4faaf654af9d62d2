"""What a rule writes under ``inspector:``: which findings count, or which resources nobody scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from watchtower.sources.base import Query
from watchtower.sources.ecr.query import ScanPeriod, Severities
from watchtower.yamlfile import told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import InitErrorDetails

ResourceType = Literal["AWS_ECR_CONTAINER_IMAGE", "AWS_EC2_INSTANCE", "AWS_LAMBDA_FUNCTION"]

IMAGE: ResourceType = "AWS_ECR_CONTAINER_IMAGE"
INSTANCE: ResourceType = "AWS_EC2_INSTANCE"

#: What is said of findings only.
_OF_FINDINGS = ("severity", "fix_available", "exploit_available", "new_only")


class InspectorQuery(Query):
    """How many active findings each resource has, or how many of its scans are missing.

    ``fix_available`` and ``exploit_available`` None: either. A fix of some of the packages counts as one.
    """

    source: ClassVar[str] = "inspector"

    resources: Annotated[tuple[ResourceType, ...], Field(min_length=1)] = (
        "AWS_ECR_CONTAINER_IMAGE", "AWS_EC2_INSTANCE", "AWS_LAMBDA_FUNCTION",
    )  # fmt: skip
    severity: Severities = ("CRITICAL", "HIGH")
    fix_available: bool | None = None
    exploit_available: bool | None = None
    in_use: bool = False
    new_only: bool = False
    value: Literal["findings", "uncovered"] = "findings"
    period: ScanPeriod = 900.0

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys of a query ask of each other."""
        if self.value == "uncovered" and "value" not in unread:
            for name in _OF_FINDINGS:
                if name in self.model_fields_set:
                    yield told_at((name,), f"a resource that is not scanned has no findings; leave `{name}` out")

    @property
    def namespaces(self) -> tuple[str, ...]:
        """It reads no metrics."""
        return ()

    @property
    def criteria(self) -> tuple[dict[str, Any], ...]:
        """The filters of ListFindings, a listing for each kind of resource; each filter holds 10 values at most.

        What is suppressed or closed is left out. Only images can be asked for by whether they run.
        """
        fixes = {None: (), True: ("YES", "PARTIAL"), False: ("NO",)}[self.fix_available]
        exploits = {None: (), True: ("YES",), False: ("NO",)}[self.exploit_available]
        named = {
            "findingStatus": equal("ACTIVE"),
            "severity": equal(*self.severity),
            "fixAvailable": equal(*fixes),
            "exploitAvailable": equal(*exploits),
        }
        wanted = {name: values for name, values in named.items() if values}
        return tuple({**wanted, **self._of(kind, 1.0)} for kind in dict.fromkeys(self.resources))

    @property
    def coverage(self) -> tuple[dict[str, Any], ...]:
        """The filters of ListCoverage, a listing for each kind of resource."""
        return tuple(
            {"scanStatusCode": equal("INACTIVE"), **self._of(kind, 1)} for kind in dict.fromkeys(self.resources)
        )

    def _of(self, kind: ResourceType, least: float) -> dict[str, Any]:
        used = {"ecrImageInUseCount": [{"lowerInclusive": least}]} if self.in_use and kind == IMAGE else {}
        return {"resourceType": equal(kind), **used}


def equal(*values: str) -> list[dict[str, str]]:
    """A filter that one of these values passes."""
    return [{"comparison": "EQUALS", "value": value} for value in dict.fromkeys(values)]
