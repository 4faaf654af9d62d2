"""Fixtures of the contract suites."""

from tests.support.postgres import postgres
from tests.support.stores import store, world

__all__ = ["postgres", "store", "world"]
