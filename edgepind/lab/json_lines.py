"""Follows a growing file of JSON lines, as the logs of the daemon and of an Edge stand-in are."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class JsonLines:
    """Reads what was added since the last look; an unfinished line waits for its end.

    A line that is no JSON object comes as `{"text": line}`: a traceback must not be lost.
    """

    path: Path
    _offset: int = 0

    def fresh(self) -> Iterator[dict[str, Any]]:
        """Yield the records that are new; none where there is no file yet."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            yield _record(line)


def _record(line: bytes) -> dict[str, Any]:
    text = line.decode("utf-8", "replace")
    try:
        record = json.loads(text)
    except ValueError:
        return {"text": text}
    return record if isinstance(record, dict) else {"text": text}
