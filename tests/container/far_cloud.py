"""The cloud as the tests give it orders; it runs as a process in a network of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from edgepind.lab.children import environment
from tests.container.holder import WITH_US, Holder
from tests.container.wires import CLOUD_IPS

HOST = "acme.cloud.test"
_PATIENCE = 10.0
_TREE = Path(__file__).parents[2]


class FarCloud:
    """One organisation's cloud at `ips`, with its own CA. `folder` gets the trust stores."""

    def __init__(self, holder: Holder, folder: Path, ips: Sequence[str] = CLOUD_IPS) -> None:
        self._folder = folder
        program = [sys.executable, "-m", "tests.container.cloud_program", str(folder), HOST, *ips]
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            [*WITH_US, *holder.enter("--net"), *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_TREE,
            env=environment(),
        )
        self.leaf = self._answer()
        """The fingerprint of what it serves."""

    @property
    def roots(self) -> str:
        """The public roots of this world as PEM: the cloud's CA is among them."""
        return (self._folder / "public-roots.pem").read_text()

    def issue(self) -> str:
        """A new certificate with a new key, not served yet; its fingerprint."""
        return self._order(do="issue")

    def announce(self, leaf: str) -> None:
        """Name the next certificate at the status endpoint."""
        self._order(do="announce", leaf=leaf)

    def serve(self, leaf: str, *ips: str) -> None:
        """Serve a certificate from now on, at these addresses or at all, and end what is open."""
        self._order(do="serve", leaf=leaf, ips=ips)
        self.leaf = leaf

    def admit(self, leaf: str) -> None:
        """Say at the status endpoint that this one is current, and that none is to come."""
        self._order(do="admit", leaf=leaf)

    def rotate(self, leaf: str) -> None:
        """Serve it everywhere and say so."""
        self.serve(leaf)
        self.admit(leaf)

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _order(self, **order: object) -> str:
        if self._process.stdin is None:
            raise RuntimeError("the pipe was asked for")
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise OSError("the cloud has ended; its error stands above")
        return line.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
