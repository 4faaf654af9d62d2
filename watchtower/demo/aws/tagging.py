"""The Resource Groups Tagging API: GetResources.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.demo.aws import fields
from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.paging import Pager, Prepared, cut, fingerprint
from watchtower.demo.aws.wire import Call, Params, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.estate import Estate, Resource

#: a token is good for 15 minutes
_TOKEN_LIVES = 900


class Tagging:
    """The simulated service."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._pager = Pager()

    def get_resources(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the resources that match; the last page's token is an empty text."""
        params = call.params
        same = {name: value for name, value in params.items() if name != "PaginationToken"}
        mark = fingerprint(call.account, call.region, call.operation, same)
        token = fields.text(params, "PaginationToken")
        if token:
            page, more = self._follow(token, mark, call.at)
        else:
            size = sized(faults, Kind.PAGE_SIZE, _page_size(params))
            found = [_mapping(resource) for resource in self._matching(call)]
            pages = cut(found, size, empty_first=sized(faults, Kind.EMPTY_PAGE, 0))
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return {"PaginationToken": more or "", "ResourceTagMappingList": page}

    def _follow(self, token: str, mark: str, now: float) -> tuple[Any, str | None]:
        found = self._pager.follow(token, mark)
        if found is None:
            raise _invalid("The PaginationToken is not one of this request.")
        page, more, born = found
        if now - born > _TOKEN_LIVES:
            raise Refusal("PaginationTokenExpiredException", "The PaginationToken has expired.")
        return page, more

    def _matching(self, call: Call) -> list[Resource]:
        types = [str(name) for name in fields.items(call.params, "ResourceTypeFilters")]
        arns = fields.items(call.params, "ResourceARNList")
        if arns and (types or "TagFilters" in call.params):
            raise _invalid("ResourceARNList cannot be combined with filters.")
        tags = [_tag_filter(entry) for entry in fields.structures(call.params, "TagFilters")]
        return [
            resource
            for resource in self._estate.resources.get((call.account, call.region), ())
            if (not arns or resource.arn in arns)
            and (not types or any(_of_type(resource.arn, name) for name in types))
            and all(key in resource.tags and (not values or resource.tags[key] in values) for key, values in tags)
        ]


def _page_size(params: Params) -> int:
    size = fields.integer(params, "ResourcesPerPage")
    if size is None:
        return 50
    if not 1 <= size <= 100:
        raise _invalid("ResourcesPerPage must be between 1 and 100.")
    return size


def _tag_filter(entry: Params) -> tuple[str, list[Any]]:
    key = fields.text(entry, "Key")
    if not key:
        raise _invalid("A tag filter needs a key.")
    return key, fields.items(entry, "Values")


def _of_type(arn: str, name: str) -> bool:
    """Whether an ARN is of a ``service`` or of a ``service:type``."""
    service, _, kind = name.partition(":")
    parts = arn.split(":", 5)
    resource = parts[5].replace(":", "/").split("/")[0]
    return parts[2] == service and kind in ("", resource)


def _mapping(resource: Resource) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in resource.tags.items()]
    return {"ResourceARN": resource.arn, "Tags": tags}


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", message)
