"""Whatever a server sends, a look needs little memory; seen in a process of its own, untimed."""

import asyncio
import gzip
import json
import os
import subprocess
import sys
from asyncio import StreamReader, StreamWriter

import pytest

from edgepind.lab.pki import Credential
from tests.support.raw_server import Script, flood, raw_server

ALLOWED = 8 * 1024
"""KiB by which the high-water mark of the process may rise, from its first look to the worst."""

# Looks once at an honest port, which loads all that a look needs, and then at the hostile one.
LOOK = """
import asyncio, json, resource, sys
from edgepind.clock import SystemClock
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Trust
from edgepind.model.enums import PinKind
from edgepind.observe.resolve import Resolver
from edgepind.observe.status_endpoint import StatusEndpoint
from edgepind.settings.kinds import Address
from edgepind.settings.schema import CloudSettings, Settings

def endpoint(port):
    address = Address("127.0.0.1", port)
    cloud = CloudSettings("acme.cloud.test", addresses=(address,), timeout=3.0)
    return StatusEndpoint(Settings(cloud), Resolver(), SystemClock().now)

def mark():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def main(leaf, honest, hostile):
    keys = frozenset({(PinKind.CERTIFICATE, Fingerprint(bytes.fromhex(leaf)))})
    pins = Trust(keys, keys)
    await endpoint(int(honest)).fetch(pins)
    before = mark()
    reading = await endpoint(int(hostile)).fetch(pins)
    print(json.dumps([mark() - before, type(reading.status).__name__]))

asyncio.run(main(*sys.argv[1:]))
"""

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


async def greet(_reader: StreamReader, writer: StreamWriter) -> None:
    """Answer as an honest server might."""
    writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
    await writer.drain()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(flood(OK + b"\r\n", b" " * 65_536), id="body"),
        pytest.param(flood(CHUNKED, b"1\r\n \r\n" * 10_000), id="tiny chunks"),
        pytest.param(flood(CHUNKED + b"1;", b"x" * 65_536), id="chunk extension"),
        pytest.param(flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), id="100 Continue"),
        pytest.param(flood(OK, b"X-Header: y\r\n" * 5000), id="headers"),
        pytest.param(
            flood(
                OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(50_000_000))[:60_000]
            ),
            id="gzip bomb",
        ),
    ],
)
async def test_memory_stays_flat(leaf: Credential, script: Script) -> None:
    """A naive client takes gigabytes in the same time."""
    async with raw_server(leaf, greet) as honest, raw_server(leaf, script) as hostile:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", LOOK, leaf.fingerprint.octets.hex()),
            *(str(honest.address.port), str(hostile.address.port)),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        told, _ = await child.communicate()
    grown, status = json.loads(told)
    assert status in {"StatusRejected", "StatusUnreachable"}
    assert grown < ALLOWED
