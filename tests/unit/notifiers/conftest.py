"""Fixtures of the notifiers' tests."""

from tests.support.moto import aws_keys, clients, config, moto_thread, moto_url

__all__ = ["aws_keys", "clients", "config", "moto_thread", "moto_url"]
