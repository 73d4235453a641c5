"""A rival, run as a process: the barest handshake in asyncio that sees the leaf's fingerprint.

For each number on standard input it makes so many, one after the other, and prints what one cost
as `CPU WALL` in seconds. No chain is verified and nothing is asked.
"""

import asyncio
import ssl
import sys
import time
from functools import cache
from hashlib import sha256


@cache
def unverified() -> ssl.SSLContext:
    """A context that takes any server for the right one, made once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def shake(ip: str, port: int, host: str, context: ssl.SSLContext) -> str:
    """Shake hands and end the connection; the leaf's fingerprint, as lower-case hex digits."""
    _, writer = await asyncio.open_connection(ip, port, ssl=context, server_hostname=host)
    leaf: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return sha256(leaf).hexdigest()


async def _main(ip: str, port: int, host: str) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count = int(line)
        cpu, wall = time.process_time(), time.monotonic()
        for _ in range(count):
            await shake(ip, port, host, unverified())
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        sys.stdout.write(f"{cpu / count} {wall / count}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
