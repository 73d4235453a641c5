"""One site: a folder, a pinning document as an installer left it, and an Edge stand-in."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgepind.lab.json_lines import JsonLines
from edgepind.lab.supervisor import Dialling, Supervisor
from edgepind.lab.tally import Tally
from edgepind.model.fingerprint import Fingerprint

DOCUMENT = "pinning-config.json"
SAMPLE_PIN = Fingerprint(sha256(b"a sample that no cloud serves").digest())
"""What stands in the document that a software update lays down."""


def factory_document(pin: Fingerprint | None, **extra: object) -> str:
    """A pinning document as an installer writes it: with one pin, or with pinning off."""
    pinning: dict[str, object] = {"enabled": pin is not None, "algorithm": "SHA256"}
    if pin is not None:
        pinning["fingerprint"] = str(pin)
    pinning["allowRotation"] = False
    content = {
        "certificatePinning": pinning,
        "tlsSettings": {"minVersion": "TLSv1.2", "strictValidation": True},
        "siteName": "Acme Main Street",
        **extra,
    }
    return json.dumps(content, indent=2) + "\n"


@dataclass(slots=True, eq=False)
class Premises:
    """A site that dials the cloud; who keeps its pins is somebody else's business."""

    folder: Path
    dialling: Dialling
    attackers: frozenset[str]
    edge: Supervisor = field(init=False)
    tally: Tally = field(init=False)
    loaded: frozenset[str] | None = frozenset()
    """What the stand-in said it accepts when it last started, as plain hex; None: pinning off."""
    _lines: JsonLines = field(init=False)
    _restarts_before: int = 0

    def __post_init__(self) -> None:
        """Name the parts; nothing is made before `open`."""
        self.edge = Supervisor(self.folder, self.document, self.dialling)
        self._lines = JsonLines(self.edge.log)
        self.tally = Tally(set(self.attackers))

    @property
    def document(self) -> Path:
        """The pinning document, in a folder of its own as on the appliance."""
        return self.folder / "security" / DOCUMENT

    @property
    def restarts(self) -> int:
        """Restarts asked for since `mark`."""
        return len(self.edge.restarts) - self._restarts_before

    async def open(self, pin: Fingerprint | None) -> None:
        """Install: make the folder, write the document, start the stand-in."""
        self.document.parent.mkdir(parents=True)
        self.install(factory_document(pin))
        await self.edge.open()

    async def close(self) -> None:
        """End the stand-in; the files stay."""
        await self.edge.close()

    def install(self, text: str) -> None:
        """Put a document there as an installer does: whole, mode 0600, whatever stood there."""
        fresh = self.document.with_name("installer.tmp")
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        fresh.replace(self.document)

    async def software_update(self) -> None:
        """Do as an update of the Edge does: a factory document, and a restart with it."""
        self.install(factory_document(SAMPLE_PIN, edgeVersion="2.0"))
        await self.edge.restart()

    def mark(self) -> None:
        """Count anew from here."""
        self.observe()
        self.tally = Tally(set(self.attackers))
        self._restarts_before = len(self.edge.restarts)

    def observe(self) -> None:
        """Count what the stand-in did since the last look, and what its document says now."""
        for record in self._lines.fresh():
            if record.get("kind") == "started":
                self.loaded = None if record["pins"] is None else frozenset(record["pins"])
            if "kind" in record:
                self.tally.add(record)
        self.tally.told(_plain(self.pins()))

    def content(self) -> dict[str, Any] | None:
        """The whole document; None where it is missing or not one JSON object."""
        try:
            content = json.loads(self.document.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def pinning(self) -> dict[str, Any]:
        """The `certificatePinning` object; empty where there is none."""
        pinning = (self.content() or {}).get("certificatePinning")
        return pinning if isinstance(pinning, dict) else {}

    def pins(self) -> tuple[str, ...]:
        """Every pin in the document as it is spelt there, each once."""
        pinning = self.pinning()
        listed = [pinning.get("fingerprint"), *(pinning.get("fingerprints") or ())]
        return tuple(dict.fromkeys(str(pin) for pin in listed if pin is not None))


def _plain(pins: Iterable[str]) -> set[str]:
    return {pin.replace(":", "").lower() for pin in pins}
