"""Fixtures of the contract suites."""

from tests.support.postgres import postgres
from tests.support.stores import shared_world, store, world

__all__ = ["postgres", "shared_world", "store", "world"]
