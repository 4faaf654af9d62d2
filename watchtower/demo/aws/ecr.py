"""ECR: repositories, images, and what their scans found, on pages that end at a hundred where Inspector scans.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.demo.aws import fields
from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.inspector import finding_of
from watchtower.demo.aws.paging import Pager, Prepared, cut, fingerprint
from watchtower.demo.aws.wire import Call, Refusal
from watchtower.demo.images import PushedImage, Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.estate import Estate
    from watchtower.demo.images import Flaw

_NONE = Registry()
_MOST, _USUAL = 1000, 100
_IMAGE = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_WITH_FINDINGS = ("COMPLETE", "ACTIVE")


class Ecr:
    """The simulated service."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._pager = Pager()

    def describe_repositories(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of the repositories that exist now."""
        since = self._since(call)
        there = [one for one in self._registry(call).repositories if one.since <= since < one.until]
        found = [{"repositoryName": one.name, "registryId": call.account} for one in there]
        return self._paged(call, faults, "repositories", found)

    def describe_images(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of a repository's images, in no order; without the summary that new basic scanning leaves out."""
        found = [self._image(call, one) for one in self._of_repository(call)]
        return self._paged(call, faults, "imageDetails", sorted(found, key=lambda one: one["imageDigest"]))

    def batch_get_image(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The manifests of images; one of several architectures lists the others, and an attestation."""
        asked = {fields.text(one, "imageDigest") for one in fields.structures(call.params, "imageIds")}
        found = [one for one in self._of_repository(call) if one.digest in asked]
        return {"images": [{"imageId": {"imageDigest": one.digest}, "imageManifest": _manifest(one)} for one in found]}

    def describe_image_scan_findings(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """One page of an image's findings, with the counts of all of them."""
        image, registry, since = self._named(call), self._registry(call), self._since(call)
        status = image.status(since)
        if not status or image.parts:
            raise Refusal("ScanNotFoundException", "Image scan does not exist for the image")
        said = {"status": status, **({"description": image.description} if image.description else {})}
        answer = {"repositoryName": image.repository, "imageId": {"imageDigest": image.digest}, "imageScanStatus": said}
        if status not in _WITH_FINDINGS:
            return answer
        flaws = [flaw for flaw in image.flaws if flaw.since <= since < flaw.until]
        if registry.enhanced:
            found = [finding_of(call, registry, image, flaw, self._estate.start) for flaw in flaws]
            page = self._paged(call, faults, "enhancedFindings", found, most=_USUAL)
        else:
            page = self._paged(call, faults, "findings", [_basic(flaw, since) for flaw in flaws])
        more = {"nextToken": page.pop("nextToken")} if "nextToken" in page else {}
        counts = Counter(flaw.severity_at(since) for flaw in flaws if not flaw.suppressed)
        if claimed := sized(faults, Kind.MISCOUNT, 0):
            counts["HIGH"] = claimed
        return {**answer, **more, "imageScanFindings": {**page, "findingSeverityCounts": counts}}

    def _registry(self, call: Call) -> Registry:
        return self._estate.registries.get((call.account, call.region), _NONE)

    def _since(self, call: Call) -> float:
        return call.at - self._estate.start

    def _of_repository(self, call: Call) -> list[PushedImage]:
        name, since = fields.text(call.params, "repositoryName") or "", self._since(call)
        registry = self._registry(call)
        if not any(one.name == name and one.since <= since < one.until for one in registry.repositories):
            message = f"The repository with name '{name}' does not exist in the registry with id '{call.account}'"
            raise Refusal("RepositoryNotFoundException", message)
        return [one for one in registry.there(since) if one.repository == name]

    def _named(self, call: Call) -> PushedImage:
        digest = fields.text(fields.structure(call.params, "imageId") or {}, "imageDigest")
        found = next((one for one in self._of_repository(call) if one.digest == digest), None)
        if found is None:
            raise Refusal("ImageNotFoundException", f"The image with imageId {digest} does not exist")
        return found

    def _image(self, call: Call, image: PushedImage) -> dict[str, Any]:
        tags = self._registry(call).tags(image, self._since(call))
        return {
            "registryId": call.account,
            "repositoryName": image.repository,
            "imageDigest": image.digest,
            "imagePushedAt": self._estate.start + image.at,
            "imageManifestMediaType": _INDEX if image.parts else _IMAGE,
            **({} if image.parts else {"artifactMediaType": image.kind or _CONFIG}),
            **({"imageTags": list(tags)} if tags else {}),
        }

    def _paged(
        self, call: Call, faults: Sequence[Fault], name: str, found: Sequence[Any], most: int = _MOST
    ) -> dict[str, Any]:
        token = fields.text(call.params, "nextToken")
        same = {key: value for key, value in call.params.items() if key != "nextToken"}
        mark = fingerprint(call.account, call.region, call.operation, same)
        if token is not None:
            followed = self._pager.follow(token, mark)
            if followed is None:
                raise Refusal("InvalidParameterException", "Invalid parameter at 'nextToken'")
            page, more, _ = followed
        else:
            size = min(fields.integer(call.params, "maxResults") or _USUAL, most)
            pages = cut(found, sized(faults, Kind.PAGE_SIZE, size), empty_first=sized(faults, Kind.EMPTY_PAGE, 0))
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return {name: page, **({"nextToken": more} if more else {})}


def _manifest(image: PushedImage) -> str:
    parts = [{"digest": part.digest, "platform": {"architecture": "arm64", "os": "linux"}} for part in image.parts]
    about = {"digest": f"sha256:{'0' * 64}", "platform": {"architecture": "unknown", "os": "unknown"}}
    return orjson.dumps({"schemaVersion": 2, "manifests": [*parts, about]} if parts else {}).decode()


def _basic(flaw: Flaw, since: float) -> dict[str, Any]:
    told = {"package_name": flaw.package, "package_version": flaw.version, "CVSS3_SCORE": str(flaw.score)}
    return {
        "name": flaw.id,
        "severity": flaw.severity_at(since),
        "uri": f"https://cve.example.com/{flaw.id}",
        "attributes": [{"key": key, "value": value} for key, value in told.items()],
    }
