"""Reads the body of an answer whose sender may be hostile, in memory that does not grow.

Nothing here waits on its own account: a drip is ended by the deadline of whoever asked.
"""

import zlib
from collections.abc import AsyncIterable
from dataclasses import dataclass

from edgepind.formats import foreign_text

_EITHER_HEADER = 32 + zlib.MAX_WBITS
"""Lets zlib tell a gzip header from its own (zlib manual, `inflateInit2`)."""

_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


@dataclass(frozen=True, slots=True)
class BodyRefused:
    """A body that was not read to its end, or that does not decode; a clause for a person."""

    reason: str


async def read_body(chunks: AsyncIterable[bytes], encoding: str, limit: int) -> bytes | BodyRefused:
    """Read a body of at most `limit` octets, on the wire and decoded alike.

    `encoding` is the Content-Encoding ("" or "identity" for none). Compression is undone though
    it was not asked for; a body that would pass the limit is given up at the limit.
    """
    raw = bytearray()
    async for chunk in chunks:
        if len(raw) + len(chunk) > limit:
            return BodyRefused(f"it is longer than {limit // 1024} KiB")
        raw += chunk
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return bytes(raw)
    if encoding in _COMPRESSED:
        return _inflate(bytes(raw), limit)
    return BodyRefused(f"it is encoded as {foreign_text(encoding)!r}, which was not asked for")


def _inflate(raw: bytes, limit: int) -> bytes | BodyRefused:
    inflater = zlib.decompressobj(_EITHER_HEADER)
    try:
        body = inflater.decompress(raw, limit + 1)
    except zlib.error:
        return BodyRefused("its compression is damaged")
    if len(body) > limit:
        return BodyRefused(f"it is longer than {limit // 1024} KiB when decompressed")
    if not inflater.eof or inflater.unused_data:
        return BodyRefused("its compressed form is cut short or goes on after its end")
    return body
