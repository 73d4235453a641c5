"""An Edge stand-in: a process that dials the cloud all day and enforces its pinning document.

It reads `pinning-config.json` once, when it starts, as the appliance does. Each dial is a real
TLS handshake, each outcome one line of JSON in the log. It imports the standard library alone,
so that a restart is quick; it ends on SIGTERM, and when its standard input is closed.
"""

import argparse
import json
import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import Any

_DIAL_TIMEOUT = 2.0
_VERSIONS = {
    "TLS1.2": ssl.TLSVersion.TLSv1_2,
    "TLSV1.2": ssl.TLSVersion.TLSv1_2,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "TLS1.3": ssl.TLSVersion.TLSv1_3,
    "TLSV1.3": ssl.TLSVersion.TLSv1_3,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class Guard:
    """What the document asks for: which leaves to accept (None: any) and how to talk TLS."""

    pins: frozenset[str] | None
    context: ssl.SSLContext

    @classmethod
    def read(cls, document: Path, roots: Path) -> "Guard":
        """Read the document as the Edge does: `fingerprints`, or `fingerprint` where it lacks.

        Raises ValueError or OSError where it cannot be used: then the Edge does not start.
        """
        content = json.loads(document.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("the pinning document is no object")  # noqa: TRY004  # as json's own
        pinning = content.get("certificatePinning") or {}
        pins = None
        if pinning.get("enabled"):
            listed = pinning.get("fingerprints") or [pinning.get("fingerprint")]
            pins = frozenset(_plain(entry) for entry in listed)
        return cls(pins, _context(content.get("tlsSettings") or {}, roots))

    def verdict(self, leaf: str) -> str | None:
        """Why the connection is refused; None where it is accepted."""
        return None if self.pins is None or leaf in self.pins else "pin"


@dataclass(frozen=True, slots=True)
class Dial:
    """One attempt: the leaf as plain hex ("" where none was seen) and why it was refused.

    `why` is None where accepted, else `pin`, `chain`, `tls` or `network`.
    """

    address: str
    leaf: str
    why: str | None


def dial(host: str, address: str, guard: Guard) -> Dial:
    """Connect once and judge what is served there."""
    ip, _, port = address.rpartition(":")
    try:
        with (
            socket.create_connection((ip.strip("[]"), int(port)), _DIAL_TIMEOUT) as raw,
            guard.context.wrap_socket(raw, server_hostname=host) as line,
        ):
            leaf = sha256(line.getpeercert(binary_form=True) or b"").hexdigest()
            return Dial(address, leaf, guard.verdict(leaf))
    except ssl.SSLCertVerificationError:
        return Dial(address, "", "chain")
    except ssl.SSLError:
        return Dial(address, "", "tls")
    except OSError:
        return Dial(address, "", "network")


def _context(settings: dict[str, Any], roots: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(roots))
    if settings.get("strictValidation") is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    version = str(settings.get("minVersion", "1.2")).upper()
    context.minimum_version = _VERSIONS.get(version, ssl.TLSVersion.TLSv1_2)
    if suites := settings.get("cipherSuites"):
        context.set_ciphers(":".join(suites))
    return context


def _plain(entry: object) -> str:
    return str(entry).replace(":", "").lower()


def _log(log: int, record: dict[str, object]) -> None:
    """Write one whole line at once, so that a reader never sees half of one."""
    os.write(log, json.dumps({"t": time.monotonic(), **record}).encode() + b"\n")


def _run(options: argparse.Namespace, log: int) -> int:
    try:
        guard = Guard.read(options.config, options.roots)
    except (OSError, ValueError, AttributeError) as error:
        _log(log, {"kind": "start_failed", "error": str(error)})
        return 1
    pins = None if guard.pins is None else sorted(guard.pins)
    _log(log, {"kind": "started", "pins": pins})
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    period = 1 / options.per_second
    due = time.monotonic()
    for address in cycle(options.addresses.split(",")):
        tried = dial(options.host, address, guard)
        _log(
            log,
            {
                "kind": "dial",
                "address": tried.address,
                "leaf": tried.leaf,
                "why": tried.why,
                "pinning": guard.pins is not None,
            },
        )
        due = max(due + period, time.monotonic())
        if _told_to_end(max(0.0, due - time.monotonic())):
            break
    return 0


def _told_to_end(patience: float) -> bool:
    """Wait that long; True as soon as standard input is closed."""
    readable, _, _ = select.select([sys.stdin], [], [], patience)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to end. Exit code 1 where the document cannot be used."""
    parser = argparse.ArgumentParser(description="an Edge stand-in of the lab")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--addresses", required=True)
    parser.add_argument("--roots", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--per-second", type=float, default=10.0)
    options = parser.parse_args(arguments)
    log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return _run(options, log)


if __name__ == "__main__":
    sys.exit(main())
