"""Fixtures of the contract suites."""

from tests.support.moto import aws_keys, clients, config, moto_thread, moto_url
from tests.support.postgres import postgres
from tests.support.stores import shared_world, store, world

__all__ = [
    "aws_keys",
    "clients",
    "config",
    "moto_thread",
    "moto_url",
    "postgres",
    "shared_world",
    "store",
    "world",
]
