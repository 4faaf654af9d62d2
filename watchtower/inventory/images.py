"""Repositories and images of ECR, and the images that ECS services run.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.clock import epoch
from watchtower.inventory.paging import pages
from watchtower.inventory.steady import Known, Steady

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.inventory.paced import PacedCalls

#: Repositories and images on a page, tasks that DescribeTasks takes.
_PAGE, _TASKS = 1000, 100

#: Images of several architectures: a list of other images.
INDEXES = frozenset(
    {"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"}
)
#: What an image's configuration says that it is; charts, policies and the like say something else.
_IMAGES = frozenset({"", "application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"})
#: Tags under which signatures, attestations and bills of materials of another image are kept.
_ABOUT_ANOTHER = re.compile(r"sha256-[0-9a-f]{64}(\.\w+)?")
_ADDRESS = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/(?P<name>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Image:
    """One image; ``pushed`` in epoch seconds. ``index``: a list of images, one for each architecture."""

    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    pushed: int = 0
    index: bool = False

    @property
    def tag(self) -> str:
        """The tag that says most of it: any before ``latest``; empty without tags."""
        return min(self.tags, key=lambda tag: (tag == "latest", tag), default="")

    @property
    def name(self) -> str:
        """``shop/web:1.4.2``, or with the beginning of its digest."""
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository}@{self.digest[:19]}"


@dataclass(frozen=True, slots=True, order=True)
class Running:
    """An image that a service runs, by digest where the agent told it, else by tag."""

    repository: str
    digest: str = ""
    tag: str = ""


ImagesPlace = tuple[str, str]


class ImageInventory:
    """Lists repositories once per ``interval`` seconds and place; images, and which of them run, at each poll."""

    def __init__(self, calls: PacedCalls, clock: Clock, interval: float) -> None:
        self._calls = calls
        self._repositories: Steady[ImagesPlace, str] = Steady(self._list_repositories, clock, interval)

    async def repositories(self, account: str, region: str, told_at: datetime | None = None) -> Known[str]:
        """The names of all repositories; the old ones, flagged, when the listing failed or halved. Never raises.

        ``told_at``: something happened there then, so the listing must be newer.
        """
        return await self._repositories.get((account, region), told_at=told_at)

    def seed(self, account: str, region: str, repositories: Iterable[str]) -> None:
        """What an earlier process found; used until the first listing succeeds."""
        self._repositories.seed((account, region), frozenset(repositories))

    async def images(self, account: str, region: str, repository: str) -> list[Image]:
        """Every image of a repository that can be pulled and is one; raises SourceError."""
        found = self._records((account, region), "ecr", "describe_images", "imageDetails", repositoryName=repository)
        return [_image(repository, record) async for record in found if _is_image(record)]

    async def parts(self, account: str, region: str, image: Image) -> list[Image]:
        """The images that an index lists, without what is only about them; raises SourceError."""
        answer = await self._calls.call(
            account,
            region,
            "ecr",
            "batch_get_image",
            repositoryName=image.repository,
            imageIds=[{"imageDigest": image.digest}],
            acceptedMediaTypes=sorted(INDEXES),
        )
        manifests = [manifest for found in answer.get("images", ()) for manifest in _listed(found)]
        return [Image(image.repository, digest, image.tags, image.pushed) for digest in dict.fromkeys(manifests)]

    async def _list_repositories(self, place: ImagesPlace) -> frozenset[str]:
        found = self._records(place, "ecr", "describe_repositories", "repositories")
        return frozenset([record["repositoryName"] async for record in found])

    async def running(self, account: str, region: str, number: str) -> frozenset[Running]:
        """The images of this place's registry that tasks of services run; raises SourceError.

        ``number`` is the account's: repositories of other accounts may have the same names.
        A deployment halves them and doubles them, so a sudden change is no reason for doubt.
        """
        place, running = (account, region), set[Running]()
        async for cluster in self._records(place, "ecs", "list_clusters", "clusterArns", most=_TASKS):
            listed = self._records(place, "ecs", "list_tasks", "taskArns", most=_TASKS, cluster=cluster)
            tasks = [task async for task in listed]
            for at in range(0, len(tasks), _TASKS):
                running |= await self._of_tasks(place, number, cluster, tasks[at : at + _TASKS])
        return frozenset(running)

    async def _of_tasks(self, place: ImagesPlace, number: str, cluster: str, tasks: list[str]) -> set[Running]:
        answer = await self._calls.call(*place, "ecs", "describe_tasks", cluster=cluster, tasks=tasks)
        return {
            found
            for task in answer.get("tasks", ())
            if str(task.get("group", "")).startswith("service:")
            for container in task.get("containers", ())
            if (found := running_image(container, number, place[1])) is not None
        }

    async def _records(
        self, place: ImagesPlace, service: str, operation: str, name: str, most: int = _PAGE, **request: Any
    ) -> AsyncIterator[Any]:
        following = pages(self._calls, *place, service, operation, "nextToken", maxResults=most, **request)
        async for page in following:
            for record in page.get(name, ()):
                yield record


def running_image(container: Mapping[str, Any], number: str, region: str) -> Running | None:
    """The image of a container; None where it is not of the registry of this account and region."""
    address = _ADDRESS.fullmatch(str(container.get("image", "")))
    if address is None or (address["account"], address["region"]) != (number, region):
        return None
    digest = container.get("imageDigest") or address["digest"] or ""
    return Running(address["name"], str(digest), "" if digest else address["tag"] or "latest")


def _image(repository: str, record: Mapping[str, Any]) -> Image:
    pushed = record.get("imagePushedAt")
    return Image(
        repository,
        record["imageDigest"],
        tuple(sorted(record.get("imageTags") or ())),
        int(epoch(pushed)) if pushed else 0,
        record.get("imageManifestMediaType") in INDEXES,
    )


def _is_image(record: Mapping[str, Any]) -> bool:
    """Whether it is something that runs, and not a chart, or a signature of something else."""
    tags = record.get("imageTags") or ()
    about_another = record.get("subjectManifestDigest") or (tags and all(map(_ABOUT_ANOTHER.fullmatch, tags)))
    indexed = record.get("imageManifestMediaType") in INDEXES
    return not about_another and (indexed or str(record.get("artifactMediaType") or "") in _IMAGES)


def _listed(found: Mapping[str, Any]) -> list[str]:
    """The digests of a manifest list; attestations have no platform."""
    try:
        manifests = orjson.loads(found.get("imageManifest") or "{}").get("manifests", ())
    except orjson.JSONDecodeError:
        return []
    return [one["digest"] for one in manifests if (one.get("platform") or {}).get("architecture") != "unknown"]
