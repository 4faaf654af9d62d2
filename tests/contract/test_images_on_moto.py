"""The ecr and inspector sources against an AWS that we did not write: what moto is told to answer is counted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from tests.support.moto import HOME_REGION as REGION
from watchtower.clock import SystemClock, from_epoch
from watchtower.errors import SourceError
from watchtower.model import Observation, Priority, Truth
from watchtower.rulebook.schema import RuleModel
from watchtower.sources.base import Ask, Place, Poll, Source
from watchtower.sources.ecr.source import EcrSource
from watchtower.sources.inspector.source import InspectorSource

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig

TICK = int(SystemClock().now().timestamp()) // 900 * 900


class Moto:
    """The place that the tests look at; ``tell`` sets what it answers."""

    def __init__(self, url: str, config: AwsConfig, clients: AwsClients) -> None:
        self._url = url
        self._config = config
        self._clients = clients

    async def ecr(self, operation: str, **request: Any) -> dict[str, Any]:
        return await self._clients.call("home", REGION, "ecr", operation, **request)

    async def push(self, repository: str, tag: str) -> None:
        layer = {"size": 1, "digest": f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"}
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
        text = orjson.dumps({**manifest, "config": layer, "layers": [layer]}).decode()
        await self.ecr("put_image", repositoryName=repository, imageManifest=text, imageTag=tag)

    async def tell(self, path: str, **content: Any) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._url}/moto-api/{path}", json={**content, "region": REGION}) as response,
        ):
            assert response.status in (200, 201)

    async def poll(self, kind: str, **query: Any) -> Observation:
        sources: tuple[Source, ...] = (
            EcrSource(self._clients, self._config),
            InspectorSource(self._clients, self._config),
        )
        source = next(one for one in sources if one.name == kind)
        parsed = getattr(RuleModel.model_validate({kind: query}), kind)
        [unit] = source.plan([Ask("Rule", parsed, 900, 3, Priority.P3)], [Place("home", REGION)])
        result = await source.poll(Poll(unit, TICK, None, from_epoch(TICK)))
        [seen] = result.answers[0].observations
        return seen


@pytest.fixture
def moto(moto_url: str, config: AwsConfig, clients: AwsClients) -> Moto:
    return Moto(moto_url, config, clients)


async def test_an_image_without_a_scan_is_not_scanned_and_one_with_is_counted(moto: Moto) -> None:
    await moto.ecr("create_repository", repositoryName="app")
    await moto.push("app", "v1")
    seen = await moto.poll("ecr", value="unscanned")
    assert (seen.points, seen.reason) == (((TICK - 900, 1.0),), "app:v1 is not scanned: no scan was made of it")
    await moto.ecr("start_image_scan", repositoryName="app", imageId={"imageTag": "v1"})
    seen = await moto.poll("ecr", severity=["HIGH"])
    assert (seen.points[-1][1], seen.reason, seen.context["tag"]) == (1.0, "1 high in app:v1", "v1")
    [line] = seen.evidence
    assert line.startswith("HIGH 7.5 CVE-9999-9999 in moto_fake 9.9.9, no fix; app:v1; https://")


async def test_the_scan_that_moto_is_told_of_is_the_one_that_is_counted(moto: Moto) -> None:
    await moto.ecr("create_repository", repositoryName="app")
    await moto.push("app", "v1")
    await moto.ecr("start_image_scan", repositoryName="app", imageId={"imageTag": "v1"})
    answer = {
        "repositoryName": "app",
        "imageId": {"imageTag": "v1"},
        "imageScanStatus": {"status": "FAILED", "description": "The scan failed."},
    }
    await moto.tell("static/ecr/scan-finding-results", results=[answer])
    seen = await moto.poll("ecr")
    assert (seen.truth, seen.reason) == (Truth.NO_DATA, "app:v1 is not scanned: FAILED (The scan failed)")


async def test_findings_of_an_instance_are_counted_and_coverage_that_moto_lacks_is_a_failed_source(moto: Moto) -> None:
    finding = {
        "findingArn": "arn:aws:inspector2:eu-west-1:123456789012:finding/1",
        "awsAccountId": "123456789012",
        "severity": "CRITICAL",
        "status": "ACTIVE",
        "fixAvailable": "YES",
        "inspectorScore": 9.8,
        "title": "CVE-2026-1 - openssl",
        "firstObservedAt": TICK,
        "resources": [{"type": "AWS_EC2_INSTANCE", "id": "i-1"}],
        "packageVulnerabilityDetails": {
            "vulnerabilityId": "CVE-2026-1",
            "vulnerablePackages": [{"name": "openssl", "version": "3.0.1", "fixedInVersion": "0:3.0.2"}],
        },
    }
    suppressed = {**finding, "findingArn": "arn:2", "status": "SUPPRESSED", "title": "another"}
    results = [[finding, suppressed]]
    await moto.tell("static/inspector2/findings-results", results=results, account_id="123456789012")
    seen = await moto.poll("inspector", fix_available=True)
    assert (seen.identity["resource"], seen.points[-1][1]) == ("i-1", 1.0)
    assert seen.evidence == ("CRITICAL 9.8 CVE-2026-1 in openssl 3.0.1, fixed in 0:3.0.2; i-1",)
    with pytest.raises(SourceError, match="ListCoverage"):
        await moto.poll("inspector", value="uncovered")
