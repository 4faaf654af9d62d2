"""The prober's own network is cut in a network namespace, as nothing but a kernel can cut it."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import TYPE_CHECKING

import orjson
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.peers

#: Ways to a namespace of one's own: as anybody where the kernel lets one, else as root.
WAYS = (
    ("unshare", "--user", "--map-root-user", "--net"),
    ("unshare", "--net"),
    ("sudo", "-n", "-E", "unshare", "--net"),
)


async def run(*command: str) -> tuple[int, bytes, bytes]:
    """Exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 180)
    return process.returncode or 0, out, err


async def way_in() -> Sequence[str]:
    """The first way into a namespace in which interfaces can be made."""
    for way in WAYS:
        if shutil.which(way[0]) and (await run(*way, "ip", "link", "set", "lo", "up"))[0] == 0:
            return way
    pytest.skip("this machine gives nobody a network namespace")


async def test_a_network_that_is_cut_pages_once_as_blind_and_its_targets_not_at_all(tmp_path: Path) -> None:
    way = await way_in()
    code, out, err = await run(*way, sys.executable, "-m", "tests.support.dark", str(tmp_path))
    assert code == 0, err.decode()[-2000:]
    told = orjson.loads(out.splitlines()[-1])

    # The far end was cut, which answers nothing, and then the near one, which leaves no route: one page for each.
    assert [page.partition(" for ")[0] for page in told["pages"]] == [
        "P2 FIRING · WatchtowerProberBlind: the prober is blind",
        "P2 FIRING · WatchtowerProberBlind: the prober is blind",
    ]
    assert (told["rang"], told["open"]) == (2, 0)
    assert told["up"] == [8, 8], "all sites were seen before and after"
