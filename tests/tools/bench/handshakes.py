"""A rival, run as a process: the barest handshake in asyncio that sees the leaf's fingerprint.

It does so `on_request`. No chain is verified and nothing is asked.
"""

import asyncio
import ssl
import sys
from functools import partial
from hashlib import sha256

from tests.tools.bench.on_request import serve


def unverified() -> ssl.SSLContext:
    """A context that takes any server for the right one."""
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


if __name__ == "__main__":
    IP, PORT, HOST = sys.argv[1:]
    asyncio.run(serve(partial(shake, IP, int(PORT), HOST, unverified())))
