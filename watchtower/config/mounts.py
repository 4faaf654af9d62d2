"""Where a path is mounted: SQLite's locks do not hold on network filesystems (https://sqlite.org/faq.html#q5)."""

from __future__ import annotations

import re
from pathlib import Path

#: Filesystem types of /proc/mounts that live on another machine.
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph", "fuse.ceph", "glusterfs", "fuse.glusterfs"}
    | {"lustre", "afs", "9p", "fuse.s3fs"}
)

_MOUNTS = Path("/proc/mounts")


def network_filesystem(path: Path, mounts: str | None = None) -> str | None:
    """The type of the network filesystem that holds ``path``, None when it is a local one.

    ``mounts`` is the text of /proc/mounts, which is read when it is None; where there is none, every filesystem
    counts as local.
    """
    text = _read() if mounts is None else mounts
    home = next((parent for parent in (path, *path.parents) if parent.exists()), Path("/")).resolve()
    best, kind = -1, ""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        if len(point.parts) >= best and (home == point or point in home.parents):
            best, kind = len(point.parts), fields[2]
    return kind if kind in NETWORK else None


def _read() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    """Blanks and backslashes in a mount point are written in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
