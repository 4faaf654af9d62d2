"""A scripted AWS and clients that talk to it."""

from __future__ import annotations

from tests.support.scripted_aws import aws, aws_environment, clients, impatient

__all__ = ["aws", "aws_environment", "clients", "impatient"]
