"""The sources that look at resources, made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.sources.announced import asg, ec2_events, ecs, health, quota, ses
from watchtower.sources.snapshot import Reader, SnapshotSource

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig
    from watchtower.clock import Clock
    from watchtower.sources.base import Source


def make_resource_sources(clients: AwsClients, config: AwsConfig, clock: Clock) -> list[Source]:
    """Each of them, over one door to AWS."""
    readers: dict[str, Reader[Any]] = {
        ec2_events.NAME: ec2_events.Ec2Events(clients),
        asg.NAME: asg.Asg(clients, config.label_tags),
        quota.NAME: quota.Quotas(clients, clock),
        health.NAME: health.Health(clients, config.accounts),
        ecs.NAME: ecs.Ecs(clients, config.label_tags),
        ses.NAME: ses.Ses(clients),
    }
    return [SnapshotSource(name, reader, config) for name, reader in readers.items()]
