"""Tags of resources (Resource Groups Tagging API), and which dimension values name which resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.inventory.arns import NAMESPACES, dimensions_of, resource_types
from watchtower.inventory.paging import pages
from watchtower.inventory.steady import Known, Steady
from watchtower.model import EMPTY, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock
    from watchtower.model import TroubleReason

#: Resources one page holds at most
#: (https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html).
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Resource:
    """One tagged resource."""

    arn: str
    tags: Labels


@dataclass(frozen=True, slots=True)
class TagKey:
    """The tagged resources behind one namespace."""

    account: str
    region: str
    namespace: str


class TaggedResources:
    """The tagged resources of a namespace, found by the dimensions that name them."""

    def __init__(self, namespace: str, resources: frozenset[Resource]) -> None:
        self._by_dimensions: dict[Labels, list[Resource]] = {}
        for resource in sorted(resources, key=lambda resource: resource.arn):
            for named in dimensions_of(namespace, resource.arn):
                self._by_dimensions.setdefault(named, []).append(resource)
        shapes = {tuple(named) for named in self._by_dimensions}
        self._shapes = sorted(shapes, key=lambda names: (-len(names), names))

    def named_by(self, dimensions: Mapping[str, str]) -> Resource | None:
        """The resource these dimensions name, the most closely named one first; its tags include the others'."""
        found = [
            resource
            for names in self._shapes
            if all(name in dimensions for name in names)
            for resource in self._by_dimensions.get(Labels([(name, dimensions[name]) for name in names]), ())
        ]
        if not found:
            return None
        return Resource(found[0].arn, EMPTY.merged(*(resource.tags for resource in reversed(found))))


@dataclass(frozen=True, slots=True)
class Tagging:
    """What is known of a namespace's tags; ``resources`` None: they were never read."""

    resources: TaggedResources | None
    fresh: bool
    detail: str
    reason: TroubleReason


class TagInventory:
    """Reads tags; every namespace of a place is listed once per ``interval`` seconds."""

    def __init__(self, clients: AwsClients, clock: Clock, interval: float) -> None:
        self._clients = clients
        self._known: Steady[TagKey, Resource] = Steady(self._list, clock, interval)
        self._indexed: dict[TagKey, tuple[frozenset[Resource], TaggedResources]] = {}

    async def tagging(self, account: str, region: str, namespace: str) -> Tagging:
        """The tagged resources of a namespace that :func:`taggable` knows; never raises."""
        key = TagKey(account, region, namespace)
        known = await self._known.get(key)
        return Tagging(self._index(key, known), known.fresh, known.detail, known.reason)

    def _index(self, key: TagKey, known: Known[Resource]) -> TaggedResources | None:
        if known.items is None:
            return None
        items, index = self._indexed.get(key, (None, None))
        if index is None or items != known.items:
            index = TaggedResources(key.namespace, known.items)
            self._indexed[key] = (known.items, index)
        return index

    async def _list(self, key: TagKey) -> frozenset[Resource]:
        request = {"ResourceTypeFilters": resource_types(key.namespace), "ResourcesPerPage": _PAGE}
        region = "us-east-1" if key.namespace == "AWS/CloudFront" else key.region
        found: set[Resource] = set()
        async for page in pages(
            self._clients,
            key.account,
            region,
            "resourcegroupstaggingapi",
            "get_resources",
            "PaginationToken",
            **request,
        ):
            for mapping in page["ResourceTagMappingList"]:
                tags = Labels([(tag["Key"], tag["Value"]) for tag in mapping.get("Tags", ())])
                found.add(Resource(mapping["ResourceARN"], tags))
        return frozenset(found)


def taggable(namespace: str) -> bool:
    """Whether the dimensions of this namespace can be matched to tagged resources."""
    return namespace in NAMESPACES
