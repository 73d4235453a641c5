"""A rival, run as a process: the shell's turn with nothing but httpx and asyncio, kept running.

What a tick can hardly go below with these libraries: a bare handshake, a status request over a
connection that is kept, and one comparison. Nothing is verified, decided, kept or shown. For each
number on standard input it makes so many and prints what one cost as `CPU WALL` in seconds.
"""

import asyncio
import sys
import time

import httpx

from tests.bench.handshakes import shake, unverified


async def _tick(ip: str, port: int, host: str, url: httpx.URL, client: httpx.AsyncClient) -> bool:
    names = {"Host": f"{host}:{port}"}
    asked = client.get(url, headers=names, extensions={"sni_hostname": host})
    live, said = await asyncio.gather(shake(ip, port, host, unverified()), asked)
    return bool(said.json()["certificateFingerprint"].replace(":", "").lower() == live)


async def _main(ip: str, port: int, host: str, path: str) -> None:
    loop = asyncio.get_running_loop()
    url = httpx.URL(f"https://{ip}:{port}{path}")
    async with httpx.AsyncClient(verify=unverified(), trust_env=False) as client:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            count = int(line)
            cpu, wall = time.process_time(), time.monotonic()
            for _ in range(count):
                if not await _tick(ip, port, host, url, client):
                    raise ValueError("what is served is not what is said")
            cpu, wall = time.process_time() - cpu, time.monotonic() - wall
            sys.stdout.write(f"{cpu / count} {wall / count}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
