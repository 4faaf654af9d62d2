from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchtower.config.mounts import NETWORK, network_filesystem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", sorted(NETWORK))
def test_every_network_filesystem_is_recognised(tmp_path: Path, kind: str) -> None:
    mounts = f"/dev/sda1 / ext4 rw 0 0\nfiler {tmp_path} {kind} rw 0 0\n"
    assert network_filesystem(tmp_path / "w.db", mounts) == kind


def test_the_nearest_existing_parent_decides_for_a_path_that_is_not_there_yet(tmp_path: Path) -> None:
    mounts = f"/dev/sda1 / ext4 rw 0 0\nfiler {tmp_path} nfs rw 0 0\n"
    assert network_filesystem(tmp_path / "a" / "b" / "w.db", mounts) == "nfs"


def test_the_deepest_mount_decides(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    mounts = f"/dev/sda1 / ext4 rw 0 0\nfiler {tmp_path} nfs rw 0 0\n/dev/sdb {tmp_path}/local xfs rw 0 0\n"
    assert network_filesystem(tmp_path / "local" / "w.db", mounts) is None


def test_of_two_mounts_on_one_place_the_later_one_is_seen(tmp_path: Path) -> None:
    mounts = f"filer {tmp_path} nfs rw 0 0\n/dev/sdb {tmp_path} xfs rw 0 0\n"
    assert network_filesystem(tmp_path / "w.db", mounts) is None


def test_a_name_that_only_begins_alike_is_another_place(tmp_path: Path) -> None:
    (tmp_path / "data-local").mkdir()
    mounts = f"/dev/sda1 / ext4 rw 0 0\nfiler {tmp_path}/data nfs rw 0 0\n"
    assert network_filesystem(tmp_path / "data-local" / "w.db", mounts) is None


def test_a_mount_point_with_a_blank_is_read(tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    mounts = f"/dev/sda1 / ext4 rw 0 0\nfiler {tmp_path}/my\\040data cifs rw 0 0\n"
    assert network_filesystem(tmp_path / "my data" / "w.db", mounts) == "cifs"


def test_a_link_is_followed_to_where_the_file_really_lies(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "remote")
    mounts = f"/dev/sda1 / ext4 rw 0 0\nfiler {tmp_path}/remote nfs rw 0 0\n"
    assert network_filesystem(tmp_path / "link" / "w.db", mounts) == "nfs"


def test_where_nothing_is_known_the_disk_counts_as_local(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path / "w.db", "") is None


def test_the_machines_own_mounts_are_read_when_none_are_given(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path) in {None, *NETWORK}
