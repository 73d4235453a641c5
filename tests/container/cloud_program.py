"""The cloud at the other end of the wire, as a process: `cloud_program.py FOLDER HOST IP...`.

It runs where the appliance can reach it and this host cannot, and takes orders from standard
input, one JSON object a line, each answered by one line. Both trust stores are in FOLDER.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edgepind.lab.cloud import Cloud
from edgepind.lab.pki import Credential
from edgepind.lab.trust import Trust
from edgepind.lab.typed_lines import typed_lines

PORT = 443


class Desk:
    """Carries orders out; certificates are named by their fingerprints."""

    def __init__(self, cloud: Cloud, trust: Trust, first: Credential) -> None:
        self._cloud = cloud
        self._trust = trust
        self._issued = {str(first.fingerprint): first}

    def obey(self, order: dict[str, Any]) -> str:
        """Do what `do` names; for `issue`, the new certificate's fingerprint, else ""."""
        match order:
            case {"do": "issue"}:
                credential = self._trust.issue(self._cloud.host)
                self._issued[str(credential.fingerprint)] = credential
                return str(credential.fingerprint)
            case {"do": "serve", "leaf": leaf, "ips": ips}:
                addresses = [f"{ip}:{PORT}" for ip in ips]
                self._cloud.serve(self._issued[leaf], addresses or None)
                self._cloud.hang_up()  # as load balancers do that are replaced
            case {"do": "announce", "leaf": leaf}:
                due = datetime.now(UTC) + timedelta(hours=1)
                self._cloud.announce(self._issued[leaf], due)
            case {"do": "admit", "leaf": leaf}:
                self._cloud.admit(self._issued[leaf])
            case _:
                raise ValueError(f"no such order: {order}")
        return ""


async def main(arguments: Sequence[str]) -> None:
    """Serve until standard input ends."""
    folder, host, *ips = arguments
    trust = Trust(Path(folder))
    first = trust.issue(host)
    cloud = await Cloud.open(host, first, ips, port=PORT)
    desk = Desk(cloud, trust, first)
    _say(str(first.fingerprint))
    try:
        async for line in typed_lines(sys.stdin.fileno()):
            _say(desk.obey(json.loads(line)))
    finally:
        await cloud.close()


def _say(answer: str) -> None:
    print(answer, flush=True)  # noqa: T201 - it is a program


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
