"""Tags of resources, and which dimension values name which resource."""

from __future__ import annotations

from watchtower.inventory.arns import NAMESPACES


def taggable(namespace: str) -> bool:
    """Whether the dimensions of this namespace can be matched to tagged resources."""
    return namespace in NAMESPACES
