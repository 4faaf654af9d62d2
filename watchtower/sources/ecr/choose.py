"""Which images a rule looks at: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.inventory.images import Image
from watchtower.model import EMPTY, Labels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from watchtower.inventory.images import Running
    from watchtower.sources.ecr.query import EcrQuery


@dataclass(frozen=True, slots=True)
class Choice:
    """The images behind one series; ``tag`` is empty where the rule does not look for tags.

    ``missing`` are names of images that run and that the repository has no more.
    """

    repository: str
    images: tuple[Image, ...]
    tag: str = ""
    missing: tuple[str, ...] = ()

    @property
    def identity(self) -> Labels:
        """What tells it from others of its account and region."""
        return Labels({"repository": self.repository, **({"tag": self.tag} if self.tag else {})})

    @property
    def context(self) -> Labels:
        """The tag and digest of the image, where there is one."""
        if len(self.images) != 1:
            return EMPTY
        image = self.images[0]
        tag = {"tag": image.tag} if image.tag and not self.tag else {}
        return Labels({**tag, "digest": image.digest})


def choose(query: EcrQuery, there: Mapping[str, Sequence[Image]], running: Collection[Running]) -> list[Choice]:
    """The series of a rule, from the images of the repositories it means."""
    mine = {name: images for name, images in sorted(there.items()) if query.repositories.matches(name)}
    if query.tags is not None:
        return [choice for name, images in mine.items() for choice in _tagged(query, name, images)]
    if query.images == "in_use":
        return [choice for name, images in mine.items() for choice in _in_use(name, images, running)]
    return [Choice(name, (_newest(images),)) for name, images in mine.items() if images]


def _newest(images: Iterable[Image]) -> Image:
    """The image pushed last; a list of images is pushed after what it lists, maybe within the same second."""
    return max(images, key=lambda one: (one.pushed, one.index, bool(one.tags), one.digest))


def _tagged(query: EcrQuery, name: str, images: Iterable[Image]) -> Iterator[Choice]:
    found = {tag: image for image in images for tag in image.tags if query.tags.matches(tag)}
    for tag in sorted(found):
        yield Choice(name, (found[tag],), tag)


def _in_use(name: str, images: Sequence[Image], running: Iterable[Running]) -> Iterator[Choice]:
    by_digest = {image.digest: image for image in images}
    by_tag = {tag: image for image in images for tag in image.tags}
    found, missing = set[Image](), set[str]()
    for each in running:
        if each.repository != name:
            continue
        image = by_digest.get(each.digest) if each.digest else by_tag.get(each.tag)
        if image is not None:
            found.add(image)
        else:
            missing.add(f"{name}@{each.digest[:19]}" if each.digest else f"{name}:{each.tag}")
    if found or missing:
        yield Choice(name, tuple(sorted(found)), missing=tuple(sorted(missing)))
