"""What AWS answers, scripted."""

from __future__ import annotations

from tests.support.scripted_aws import aws, aws_environment, clients

__all__ = ["aws", "aws_environment", "clients"]
