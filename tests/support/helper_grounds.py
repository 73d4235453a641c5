"""An appliance's files without an appliance: what the privileged helper reads and writes."""

import grp
import json
import os
import pwd
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepind.lab.timers import Pace, Table, as_toml, merged
from edgepind.settings.load import load
from edgepind.settings.schema import Settings
from tests.support.helper_socket import HelperSocket


@dataclass(slots=True)
class Grounds:
    """One folder with everything that the helper reads and writes."""

    folder: Path

    def __post_init__(self) -> None:
        """Lay out a document with a key of the operator's, and a restart that is counted."""
        for name in ("state", "run", "memory"):
            (self.folder / name).mkdir()
        self.write_document({"edgeId": "e-1", "certificatePinning": {"enabled": False}})
        restart = self.folder / "restart"
        restart.write_text(f"#!/bin/sh\necho restarted >> {self.folder}/restarts\n")
        restart.chmod(0o755)
        self.write_settings({})

    @property
    def settings_path(self) -> Path:
        """The settings file."""
        return self.folder / "edgepind.toml"

    @property
    def document(self) -> Path:
        """The pinning config."""
        return self.folder / "pinning-config.json"

    @property
    def memory(self) -> Path:
        """The helper's own folder."""
        return self.folder / "memory"

    @property
    def state(self) -> Path:
        """The daemon's state folder, where an override may lie."""
        return self.folder / "state"

    @property
    def settings(self) -> Settings:
        """The settings as they stand."""
        loaded = load(self.settings_path, {})
        if not isinstance(loaded, Settings):
            raise TypeError(str(loaded))
        return loaded

    def write_document(self, document: Mapping[str, Any]) -> None:
        """Put a document in place, whole."""
        fresh = self.folder / "fresh.json"
        fresh.write_text(json.dumps(document, indent=2))
        fresh.chmod(0o600)
        fresh.rename(self.document)

    def pinning(self) -> dict[str, Any]:
        """What stands under `certificatePinning`."""
        pinning: dict[str, Any] = json.loads(self.document.read_text())["certificatePinning"]
        return pinning

    def restarts(self) -> int:
        """How often the Edge was restarted."""
        log = self.folder / "restarts"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def write_settings(self, extra: Mapping[str, Table]) -> None:
        """Write the settings, with `extra` laid over those that the grounds need."""
        owner = f"{pwd.getpwuid(os.geteuid()).pw_name}:{grp.getgrgid(os.getegid()).gr_name}"
        own: dict[str, Table] = {
            "cloud": {"host": "acme.cloud.test"},
            "edge": {
                "pinning_config": str(self.document),
                "owner": owner,
                "restart_command": [str(self.folder / "restart")],
            },
            "paths": {"state": str(self.folder / "state"), "runtime": str(self.folder / "run")},
        }
        self.settings_path.write_text(as_toml(merged(own, extra), Pace()))
        self.settings_path.chmod(0o644)


@asynccontextmanager
async def serving(grounds: Grounds, **changes: Any) -> AsyncIterator[HelperSocket]:
    """Serve at the grounds' socket; `changes` are further attributes of it."""
    helper = HelperSocket(
        grounds.folder / "run" / "apply.sock",
        grounds.settings_path,
        grounds.memory,
        grounds.folder / "journal",
        **changes,
    )
    async with helper.listening():
        yield helper
