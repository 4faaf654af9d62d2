"""The image and the compose file: what can be told without an engine that builds and runs them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from ruamel.yaml import YAML

from tests.support.dockerfile import Stage, read, stages
from watchtower import config as configuration

if TYPE_CHECKING:
    from watchtower.config import Loaded

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
CONFIG = "/etc/watchtower/watchtower.yaml"
STORE = "/var/lib/watchtower"
SECRETS = {"PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef", "SLACK_TOKEN": "xoxb-1-a"}


def yaml(name: str) -> Any:
    return YAML(typ="safe").load(DOCKER / name)


@pytest.fixture(scope="module")
def image() -> Stage:
    return stages(DOCKERFILE)[-1]


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    found: dict[str, Any] = yaml("compose.yaml")["services"]["watchtower"]
    return found


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """What the compose file puts where: target to source."""
    return {target: source for source, target, *_ in (entry.split(":") for entry in service["volumes"])}


@pytest.fixture
def loaded(tmp_path: Path, service: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """The shipped configuration and its rules, laid out as the compose file mounts them."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for target, source in mounts(service).items():
        if source.startswith("."):
            there = tmp_path / target.lstrip("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            origin = DOCKER / source
            (shutil.copytree if origin.is_dir() else shutil.copy)(origin, there)
    return configuration.load(tmp_path / CONFIG.lstrip("/"), mounts="")


def environment(stage: Stage) -> dict[str, str]:
    return dict(pair.split("=", 1) for text in stage.texts("ENV") for pair in text.split())


# The Dockerfile


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.stdout + found.stderr, found.returncode) == ("", 0)


@pytest.mark.parametrize("refused", [r"<<", r"--link\b", r"--mount\b", r"@sha256:"])
def test_it_needs_nothing_that_buildah_1_28_lacks(refused: str) -> None:
    assert not [one for one in read(DOCKERFILE) if re.search(refused, one.text)]


def test_a_substituted_base_is_under_every_stage() -> None:
    """``buildah build --from`` replaces the first FROM only, so every later one must stand on the first."""
    first, *later = [stage.base.split() for stage in stages(DOCKERFILE)]
    assert first[0] == "${BASE}"
    assert later
    assert {base[0] for base in later} == {first[-1]}


def test_the_base_is_python_3_13() -> None:
    [declared] = [one.text for one in read(DOCKERFILE) if one.name == "ARG"]
    assert declared == "BASE=docker.io/library/python:3.13-slim"


def test_every_package_comes_by_hash_or_from_the_repository() -> None:
    runs = [text for stage in stages(DOCKERFILE) for text in stage.texts("RUN")]
    installs = [command for text in runs for command in text.split("&&") if re.search(r"\binstall\b.*-", command)]
    pip = [command for command in installs if "pip" in command]
    assert len(pip) == 3
    for command in pip:
        fetched = {"--require-hashes", "--only-binary"} <= set(command.split())
        assert fetched or {"--no-index", "--no-deps"} <= set(command.split()), command


def test_what_is_installed_are_the_lock_files() -> None:
    runs = " ".join(text for stage in stages(DOCKERFILE) for text in stage.texts("RUN"))
    locks = re.findall(r"-r (\S+\.txt)", runs)
    assert locks == ["locks/tools.txt", "locks/runtime.txt"]
    assert all((ROOT / lock).is_file() for lock in locks)


def test_the_image_takes_only_the_environment_from_the_build(image: Stage) -> None:
    assert image.texts("COPY") == ["--from=build /opt/watchtower /opt/watchtower"]


def test_the_build_context_holds_what_is_copied_and_little_else() -> None:
    """A file that .dockerignore lets through although no stage copies it is sent with every build."""
    ignored, *kept = (ROOT / ".dockerignore").read_text().split()
    copied = [text.split()[:-1] for stage in stages(DOCKERFILE) for text in stage.texts("COPY") if "--from" not in text]
    tops = {PurePosixPath(source).parts[0] for sources in copied for source in sources}
    assert ignored == "*"
    assert {line[1:] for line in kept if line.startswith("!")} == tops


def test_the_daemon_is_not_root(image: Stage) -> None:
    assert image.texts("USER")[-1].split(":")[0] == "10001"


def test_the_store_is_a_volume_that_the_user_owns(image: Stage) -> None:
    """An empty named volume takes owner and mode from the image's folder."""
    assert [json.loads(text) for text in image.texts("VOLUME")] == [[STORE]]
    assert any(f"install -d -o 10001 -g 0 -m 0770 {STORE}" in text for text in image.texts("RUN"))
    names = [instruction.name for instruction in image.instructions]
    assert names.index("RUN") < names.index("VOLUME")


def test_the_wheel_carries_every_rule_pack_and_dashboard(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("dashboards", "rules", "watchtower"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=source, capture_output=True, check=True)
    [wheel] = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    assert {f"watchtower/packs/{pack.name}" for pack in (ROOT / "rules").glob("*.yaml")} <= shipped
    boards = {f"watchtower/dashboards/{path.name}" for path in (ROOT / "dashboards").glob("*.[jy]*")}
    assert {name for name in shipped if name.startswith("watchtower/dashboards/")} == boards


# The health check, run as the engine would


def probe(image: Stage) -> list[str]:
    [text] = image.texts("HEALTHCHECK")
    python, *arguments = json.loads(text[text.index("CMD") + 3 :])
    assert python == "python"
    return [sys.executable, *arguments]


async def health(image: Stage, url: str, **extra: str) -> int:
    environ = {**os.environ, "WATCHTOWER_URL": url, **extra}
    process = await asyncio.create_subprocess_exec(
        *probe(image), env=environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


async def daemon(status: int) -> TestServer:
    async def healthz(request: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
async def test_the_health_check_follows_healthz(image: Stage, status: int, code: int) -> None:
    async with await daemon(status) as server:
        assert await health(image, str(server.make_url(""))) == code


async def test_the_health_check_fails_when_nothing_listens(image: Stage, unused_tcp_port: int) -> None:
    assert await health(image, f"http://127.0.0.1:{unused_tcp_port}") == 1


async def test_a_proxy_of_the_environment_is_not_asked_for_our_health(image: Stage, unused_tcp_port: int) -> None:
    proxy = f"http://127.0.0.1:{unused_tcp_port}"
    async with await daemon(200) as server:
        url = str(server.make_url(""))
        assert await health(image, url, http_proxy=proxy, HTTP_PROXY=proxy, no_proxy="", NO_PROXY="") == 0


def test_the_health_check_leaves_the_daemon_time_to_start_and_gives_up_before_the_engine(image: Stage) -> None:
    [text] = image.texts("HEALTHCHECK")
    [engine] = re.findall(r"--timeout=(\d+)s", text)
    [ours] = re.findall(r"timeout=(\d+)\)", text)
    assert int(ours) < int(engine)
    assert "--start-period=" in text


# The compose file and what it mounts


def test_compose_runs_watchtower_beside_prometheus_and_grafana() -> None:
    assert set(yaml("compose.yaml")["services"]) == {"watchtower", "prometheus", "grafana"}


def test_the_container_is_read_only_but_for_its_store(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    writable = [entry.split(":")[:2] for entry in service["volumes"] if not entry.endswith(":ro")]
    assert writable == [["store", STORE]]


def test_every_named_volume_is_declared_and_keeps_its_name() -> None:
    compose = yaml("compose.yaml")
    used = {entry.split(":")[0] for one in compose["services"].values() for entry in one["volumes"]}
    declared = compose["volumes"]
    assert {name for name in used if not name.startswith(".")} == set(declared)
    assert all(volume["name"].startswith("watchtower-") for volume in declared.values())


def test_every_mounted_file_exists_and_cannot_be_written() -> None:
    entries = [entry for one in yaml("compose.yaml")["services"].values() for entry in one["volumes"]]
    bound = [entry.split(":") for entry in entries if entry.startswith(".")]
    assert bound
    for source, _, mode in bound:
        assert (DOCKER / source).exists(), source
        assert mode == "ro"


def test_compose_builds_this_dockerfile_from_the_repository(service: dict[str, Any]) -> None:
    context = (DOCKER / service["build"]["context"]).resolve()
    assert context == ROOT
    assert context / service["build"]["dockerfile"] == DOCKERFILE


def test_stopping_leaves_the_daemon_longer_than_its_own_drain(service: dict[str, Any]) -> None:
    assert int(service["stop_grace_period"].removesuffix("s")) > 10


def test_nothing_is_published_beyond_the_machine() -> None:
    ports = [port for one in yaml("compose.yaml")["services"].values() for port in one["ports"]]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_shipped_configuration_has_no_fault(loaded: Loaded) -> None:
    assert len(loaded.rules) > 3
    assert loaded.config.store_path == Path(STORE, "watchtower.db")


def test_the_daemon_starts_with_the_file_that_compose_mounts(image: Stage, service: dict[str, Any]) -> None:
    assert json.loads(image.texts("ENTRYPOINT")[0]) == ["watchtower"]
    assert json.loads(image.texts("CMD")[0]) == ["run", "--config", CONFIG]
    assert CONFIG in mounts(service)


def test_compose_passes_every_secret_that_the_configuration_reads(service: dict[str, Any]) -> None:
    named = set(re.findall(r"\{env: (\w+)\}", (DOCKER / "watchtower.yaml").read_text()))
    assert named == set(SECRETS)
    assert all(service["environment"][name].startswith(f"${{{name}:?") for name in named)


def test_aws_credentials_that_are_not_set_stay_absent(service: dict[str, Any]) -> None:
    """An empty variable is a variable; one without a value is passed only where the shell has it."""
    given = {name: value for name, value in service["environment"].items() if name.startswith("AWS_")}
    assert given == dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])


def test_prometheus_the_health_check_and_the_published_port_agree_with_the_daemon(
    loaded: Loaded, image: Stage, service: dict[str, Any]
) -> None:
    port = loaded.config.listen.rpartition(":")[2]
    [job] = yaml("prometheus.yaml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"watchtower:{port}"]}]
    assert job.get("metrics_path", "/metrics") == "/metrics"
    assert image.texts("EXPOSE") == [port]
    assert environment(image)["WATCHTOWER_URL"] == f"http://127.0.0.1:{port}"
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_daemon_listens_where_other_containers_can_reach_it(loaded: Loaded) -> None:
    assert loaded.config.listen.startswith("0.0.0.0:")


def test_grafana_asks_the_prometheus_of_the_same_file() -> None:
    [source] = yaml("grafana-datasource.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_grafana_and_prometheus_find_the_dashboards_and_rules_where_they_are_mounted() -> None:
    services = yaml("compose.yaml")["services"]
    grafana, prometheus = mounts(services["grafana"]), mounts(services["prometheus"])
    [provider] = yaml("grafana-dashboards.yaml")["providers"]
    assert grafana[provider["options"]["path"]] == "../dashboards"
    assert [prometheus[path] for path in yaml("prometheus.yaml")["rule_files"]] == [
        "../dashboards/watchtower.rules.yml"
    ]
