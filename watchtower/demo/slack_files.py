"""Files in the simulated Slack: a place to put one, the bytes, and the message that shows it.

https://docs.slack.dev/messaging/working-with-files#upload
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.demo.loopback import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Where the bytes of a file are posted to.
UPLOADS = "/upload/v1/"
#: Bytes of a file that is taken.
MAX_FILE = 4 * 1024 * 1024


@dataclass(slots=True)
class SlackFile:
    """One file; ``body`` is None until its bytes came, and ``shown`` whether some message has it."""

    id: str
    name: str
    length: int
    alt_txt: str
    body: bytes | None = None
    title: str = ""
    shown: bool = False

    def listed(self) -> dict[str, Any]:
        """As a message lists it."""
        return {"id": self.id, "name": self.name, "title": self.title or self.name, "size": self.length}


class SlackFiles:
    """Every file that was announced, by id."""

    def __init__(self) -> None:
        self.known: dict[str, SlackFile] = {}

    def announce(self, arguments: Mapping[str, Any], origin: str) -> dict[str, Any] | None:
        """``files.getUploadURLExternal``; None when an argument is missing or wrong."""
        name, length = str(arguments.get("filename", "")), str(arguments.get("length", ""))
        if not name or not length.isdigit() or not 0 < int(length) <= MAX_FILE:
            return None
        file = SlackFile(f"F{len(self.known) + 1:08d}", name, int(length), str(arguments.get("alt_txt", "")))
        self.known[file.id] = file
        return {"upload_url": f"{origin}{UPLOADS}{file.id}", "file_id": file.id}

    def take(self, path: str, body: bytes) -> Reply:
        """The bytes of a file, exactly as many as were announced."""
        file = self.known.get(path.removeprefix(UPLOADS))
        if file is None or len(body) != file.length:
            return Reply(400, "bad upload", "bad_upload")
        file.body = body
        return Reply(200, f"OK - {len(body)}")

    def complete(self, arguments: Mapping[str, Any]) -> list[SlackFile] | None:
        """The files that ``files.completeUploadExternal`` shows; None when one is unknown, empty or shown already."""
        asked = arguments.get("files")
        if not isinstance(asked, list) or not asked:
            return None
        files = [self.known.get(str(one.get("id"))) for one in asked]
        ready = [file for file in files if file is not None and file.body is not None and not file.shown]
        if len(ready) < len(asked):
            return None
        for file, one in zip(ready, asked, strict=True):
            file.title, file.shown = str(one.get("title", "")), True
        return ready
