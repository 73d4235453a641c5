"""A rival, run as a process: the shell's turn with nothing but httpx and asyncio, kept running.

What a tick can hardly go below with these libraries: a bare handshake, a status request over a
connection that is kept, and one comparison, `on_request`. Nothing is verified, decided, kept or
shown.
"""

import asyncio
import sys

import httpx

from tests.tools.bench.handshakes import shake, unverified
from tests.tools.bench.on_request import serve


async def _main(ip: str, port: int, host: str, path: str) -> None:
    url, context = httpx.URL(f"https://{ip}:{port}{path}"), unverified()
    names, sni = {"Host": f"{host}:{port}"}, {"sni_hostname": host}

    async def tick() -> None:
        asked = client.get(url, headers=names, extensions=sni)
        live, said = await asyncio.gather(shake(ip, port, host, context), asked)
        if said.json()["certificateFingerprint"].replace(":", "").lower() != live:
            raise ValueError("what is served is not what is said")

    async with httpx.AsyncClient(verify=unverified(), trust_env=False) as client:
        await serve(tick)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
