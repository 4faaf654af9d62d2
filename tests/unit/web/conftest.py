"""Fixtures of the web's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.web.rig import Rig, open_rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path) as opened:
        yield opened
