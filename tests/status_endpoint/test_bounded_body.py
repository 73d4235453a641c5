"""A body is read whole within its limit, plain or compressed, or given up at the limit."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from edgepind.observe.bounded_https import BodyRefused, read_body

LIMIT = 65_536


async def chunks(body: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """Send `body` piece by piece."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
async def test_a_plain_body_up_to_the_limit_is_read(encoding: str) -> None:
    """64 KiB exactly still fit."""
    assert await read_body(chunks(b"x" * LIMIT), encoding, LIMIT) == b"x" * LIMIT


async def test_a_body_past_the_limit_is_given_up_there() -> None:
    """What comes after the limit is not even asked for."""
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1000
            yield b"x" * 1000

    refused = await read_body(endless(), "", LIMIT)
    assert refused == BodyRefused("it is longer than 64 KiB")
    assert taken <= LIMIT + 1000


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate"])
async def test_compression_that_nobody_asked_for_is_undone(encoding: str) -> None:
    """Some servers compress whatever they are told."""
    body = b'{"certificateFingerprint": "AA"}'
    packed = zlib.compress(body) if encoding == "deflate" else gzip.compress(body, mtime=0)
    assert await read_body(chunks(packed, 7), encoding, LIMIT) == body


@pytest.mark.parametrize("size", [LIMIT + 1, 40_000_000])
async def test_a_compression_bomb_goes_off_at_the_limit(size: int) -> None:
    """The cap counts what comes out."""
    refused = await read_body(chunks(gzip.compress(b"\0" * size, mtime=0)), "gzip", LIMIT)
    assert refused == BodyRefused("it is longer than 64 KiB when decompressed")


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (gzip.compress(b"{}", mtime=0)[:-1], "gzip", "cut short"),
        (gzip.compress(b"{}", mtime=0) + b"x", "gzip", "goes on"),
        (gzip.compress(b"{}", mtime=0) * 2, "gzip", "goes on"),
        (b"", "gzip", "cut short"),
        (b"{}", "gzip", "damaged"),
        (b"{}", "br", "'br'"),
        (gzip.compress(b"{}", mtime=0), "gzip, gzip", "'gzip, gzip'"),
    ],
)
async def test_what_does_not_decode_is_refused(body: bytes, encoding: str, reason: str) -> None:
    """Each with its reason."""
    refused = await read_body(chunks(body), encoding, LIMIT)
    assert isinstance(refused, BodyRefused)
    assert reason in refused.reason
