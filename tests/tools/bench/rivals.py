"""What the daemon is compared with, each a process of its own against the same server."""

import asyncio
import re
import shutil
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edgepind.lab.children import environment, terminate
from edgepind.lab.cloud import STATUS_PATH, Cloud
from tests.tools.bench import barest_tick, handshakes
from tests.tools.bench.meters import Cost, cost_of_each, cpu_of_ended_children

SHELL_TICK = """\
live=$(openssl s_client -connect "$IP:$PORT" -servername "$HOST" -CAfile "$ROOTS" \
    </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256)
said=$(curl -sf --cacert "$ROOTS" --resolve "$HOST:$PORT:$IP" "https://$HOST:$PORT$STATUS" |
    jq -r .certificateFingerprint)
test -n "$said" && test "${live##*=}" = "$said"
"""
"""One turn of the loop as users write it; false where the two do not agree."""


def missing_tools() -> tuple[str, ...]:
    """What a rival needs and this machine has not."""
    return tuple(tool for tool in ("sh", "openssl", "curl", "jq") if shutil.which(tool) is None)


async def shell_ticks(cloud: Cloud, roots: Path, count: int) -> Cost:
    """Run the shell's turn so often, each in the shell that runs anyway; the cost of one."""
    script = f"for _ in $(seq {count}); do\n{SHELL_TICK}[ $? = 0 ] || exit 1\ndone\n"
    values = {
        "IP": cloud.listeners[0].ip,
        "PORT": str(cloud.port),
        "HOST": cloud.host,
        "ROOTS": str(roots),
        "STATUS": STATUS_PATH,
    }
    cost, _ = await _child("/bin/sh", "-c", script, extra=values)
    return cost.over(count)


async def openssl_handshakes(cloud: Cloud) -> Cost:
    """Let `openssl s_time -new` shake hands for a second; the cost of one, verifying nothing."""
    address = f"{cloud.listeners[0].ip}:{cloud.port}"
    cost, output = await _child("openssl", "s_time", "-connect", address, "-new", "-time", "1")
    counted = re.search(r"^(\d+) connections in \d+ real seconds", output, re.MULTILINE)
    if counted is None:
        raise ValueError(f"openssl s_time said nothing that can be counted: {output}")
    return cost.over(int(counted[1]))


@dataclass(frozen=True, slots=True)
class KeptRival:
    """A process that is kept over the rounds and does its one thing as often as it is told."""

    _process: Process

    async def do(self, count: int) -> Cost:
        """Let it do so many in a row; the cost of one."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the pipes were asked for")
        self._process.stdin.write(b"%d\n" % count)
        cpu, wall = (await self._process.stdout.readline()).split()
        return Cost(float(cpu), float(wall))

    async def one_by_one(self, count: int) -> Cost:
        """Let it do so many, each when it is told to, as the daemon ticks here; the cost of one."""
        return await cost_of_each(self._process.pid, lambda: self.do(1), count)


def handshake_rival(cloud: Cloud) -> AbstractAsyncContextManager[KeptRival]:
    """Start the process of `handshakes`, and end it."""
    return _kept(handshakes.__name__, cloud.listeners[0].ip, str(cloud.port), cloud.host)


def barest_rival(cloud: Cloud) -> AbstractAsyncContextManager[KeptRival]:
    """Start the process of `barest_tick`, and end it."""
    words = (cloud.listeners[0].ip, str(cloud.port), cloud.host, STATUS_PATH)
    return _kept(barest_tick.__name__, *words)


@asynccontextmanager
async def _kept(module: str, *words: str) -> AsyncIterator[KeptRival]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, stdin=PIPE, stdout=PIPE, env=environment()
    )
    try:
        yield KeptRival(process)
    finally:
        await terminate(process)


async def _child(*command: str, extra: dict[str, str] | None = None) -> tuple[Cost, str]:
    """Run a command to its end; nothing else may end meanwhile, or it is counted with it."""
    cpu, wall = cpu_of_ended_children(), time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, env={**environment(), **(extra or {})}
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {output.decode()}")
    return Cost(cpu_of_ended_children() - cpu, time.monotonic() - wall), output.decode()
