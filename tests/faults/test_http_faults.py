"""A status page that answers in every bad way: bounded, named, and of no effect on any pin.

One daemon asks one server, whose every octet is scripted, by the cloud's own pinned certificate.
"""

import gzip
import json
import os
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.seen import Sightings
from tests.support.blackbox import pass_ticks
from tests.support.raw_server import RawServer, Script, drip, flood, once, raw_server
from tests.support.small_site import Site

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
STRANGER = ":".join(["BB"] * 32)
MEGABYTES = 1 << 20


def page(body: bytes, head: bytes = b"") -> Script:
    """Answer 200 with a body."""
    return once(OK + head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def announcing(current: str) -> bytes:
    """A page that would announce a stranger, were it believed."""
    return json.dumps({"certificateFingerprint": current}).encode()


ZEROS = gzip.compress(bytes(30 * MEGABYTES))
HTTP: Mapping[str, Mapping[str, Script]] = {
    "http-drip": {
        "the headers": drip(OK, b"X: y\r\n"),
        "the body": drip(OK + b"Content-Length: 60000\r\n\r\n", b" "),
        "a chunk's extension": drip(CHUNKED + b"1;", b"extension"),
    },
    "http-endless": {
        "100 Continue": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "the body": flood(OK + b"\r\n", b" " * 65_536),
        "chunks": flood(CHUNKED, b"10000\r\n" + b" " * 65_536 + b"\r\n"),
        "a chunk's extension": flood(CHUNKED + b"1;", b"x" * 65_536),
    },
    "http-bomb": {
        "gzip": page(ZEROS, b"Content-Encoding: gzip\r\n"),
        "gzip in gzip": page(gzip.compress(ZEROS), b"Content-Encoding: gzip, gzip\r\n"),
        "gzip in gzip, called gzip": page(gzip.compress(ZEROS), b"Content-Encoding: gzip\r\n"),
    },
    "http-headers": {
        "one without end": flood(OK + b"X: ", b"y" * 65_536),
        "endlessly many": flood(OK, b"X-Header: " + b"y" * 1000 + b"\r\n"),
    },
    "http-redirect": {
        where: once(b"HTTP/1.1 302 Found\r\nLocation: " + where.encode() + b"\r\n\r\n")
        for where in ("https://portal.example/", "http://127.0.0.1:1/", "file:///etc/passwd", "/")
    },
    "http-lengths": {
        "cut short": once(OK + b"Content-Length: 900\r\n\r\n" + announcing(STRANGER)),
        "two of them": once(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        "negative": once(OK + b"Content-Length: -1\r\n\r\n{}"),
        "a chunk cut short": once(CHUNKED + b"9\r\n{}"),
    },
    "http-status": {
        "204": once(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "206": once(
            b"HTTP/1.1 206 Partial Content\r\nContent-Length: 125\r\n\r\n" + announcing(STRANGER)
        ),
        "500": once(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
    },
    "http-two": {
        "a preface": once(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)),
        "in words": once(b"HTTP/2 200\r\n\r\n{}"),
    },
    "http-upgrade": {
        "101": once(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
        ),
    },
}
JSON: Mapping[str, Mapping[str, Script]] = {
    "json-depth": {
        "lists": page(b"[" * 60_000),
        "objects": page(b'{"a":' * 9_000 + b"1" + b"}" * 9_000),
    },
    "json-digits": {"60,000": page(b"9" * 60_000)},
    "json-nan": {"NaN": page(b'{"certificateFingerprint": NaN}')},
    "json-twice": {
        "a key": page(b'{"certificateFingerprint": "%s", "certificateFingerprint": "x"}' % b"BB")
    },
    "json-surrogate": {"half a pair": page(b'{"certificateFingerprint": "\\ud800"}')},
    "json-utf8": {
        "invalid": page(b'{"certificateFingerprint": "\xff"}'),
        "UTF-16": page('{"certificateFingerprint": "x"}'.encode("utf-16")),
    },
    "json-null": {
        "null": page(b"null"),
        "the word": page(announcing("null")),
        "HTML": page(b"<!DOCTYPE html><html>Log in</html>"),
        "SHA-1": page(announcing(":".join(["BB"] * 20))),
    },
}


@dataclass(slots=True)
class Page:
    """What the status page says: a script that can be exchanged."""

    script: Script
    server: RawServer | None = None

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer by the script of the moment."""
        await self.script(reader, writer)


@asynccontextmanager
async def paged(site: Site, status: Mapping[str, str]) -> AsyncIterator[Page]:
    """Run the site's daemon, steady, on a status page that answers what it is told."""
    credential = site.cloud.origin.face.credential
    good = page(announcing(str(credential.fingerprint)))
    told = Page(good)
    async with raw_server(credential, told.serve) as server:
        told.server = server
        url = f"https://127.0.0.1:{server.address.port}/status"
        site.write_settings({"cloud": {"timeout": "700ms"}, "status": {"url": url, **status}})
        await site.daemon.start()
        await site.until_steady()
        yield told


async def asked_again(site: Site, told: Page) -> str | None:
    """Prompt the daemon until it has asked once more; what its status file says of the answer."""
    assert told.server is not None
    asked = told.server.connections
    ticks = int(site.daemon.status()["ticks"])

    def done() -> bool:
        assert told.server is not None
        if told.server.connections == asked and site.daemon.pid is not None:
            os.kill(site.daemon.pid, signal.SIGUSR1)
            return False
        return bool(site.daemon.status()["ticks"] > ticks + 1)

    await site.until(done, "the status page is asked again")
    error = site.daemon.status()["status_endpoint"]["error"]
    return None if error is None else str(error)


def resident(site: Site) -> int:
    """Octets of memory that the daemon has at its peak."""
    lines = Path(f"/proc/{site.daemon.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize("rows", [HTTP, JSON], ids=["http", "json"])
async def test_every_bad_answer_is_named_and_changes_nothing(
    rows: Mapping[str, Mapping[str, Script]], site: Site, seen: Sightings
) -> None:
    """Each in turn; pins, document and Edge stay as they are, and memory is bounded."""
    async with paged(site, {}) as told:
        before, restarts, memory = site.document.read_bytes(), site.restarts(), resident(site)
        accepted = {str(site.cloud.status.current)}
        for row, scripts in rows.items():
            for name, script in scripts.items():
                told.script = script
                error = await asked_again(site, told)
                assert error is not None, (row, name)
                seen.at(row, site, f"{name}: nothing changes", error, accepted)
        told.script = page(announcing(next(iter(accepted))))
        assert await asked_again(site, told) is None, "a good answer is heard again"
        assert site.document.read_bytes() == before
        assert site.restarts() == restarts
        assert resident(site) - memory < 40 * MEGABYTES


async def test_a_byte_order_mark_is_tolerated(site: Site, seen: Sightings) -> None:
    """CONTRACT section 11: the page behind it is heard."""
    async with paged(site, {}) as told:
        accepted = {str(site.cloud.status.current)}
        told.script = page(b"\xef\xbb\xbf" + announcing(next(iter(accepted))))
        assert await asked_again(site, told) is None
        seen.at("json-bom", site, "heard", "nothing: there is no fault", accepted)


PROXIES = {
    "a space": b"X-Cache : miss",
    "a folded line": b"X-Cache: hit\r\n of two",
    "a bare line feed": b"X-Cache: miss\nX-Next : x",
    "no header": b"Via proxy",
}


async def test_what_proxies_write_is_read_over(site: Site, seen: Sightings) -> None:
    """The page behind it is heard."""
    async with paged(site, {}) as told:
        accepted = {str(site.cloud.status.current)}
        body = announcing(next(iter(accepted)))
        for name, line in PROXIES.items():
            told.script = once(OK + line + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert await asked_again(site, told) is None, name
            seen.at("http-proxy", site, "heard", "nothing: there is no fault", accepted)


async def test_a_connection_that_is_forgotten_is_replaced(site: Site, seen: Sightings) -> None:
    """Each poll is heard, and none is told as missing."""
    async with paged(site, {}) as told:
        accepted = {str(site.cloud.status.current)}
        body = announcing(next(iter(accepted)))

        async def once_and_never_again(reader: StreamReader, writer: StreamWriter) -> None:
            writer.write(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await reader.read()

        told.script = once_and_never_again
        before = site.events().count("status_unreachable")
        for _ in range(3):
            assert await asked_again(site, told) is None
        assert site.events().count("status_unreachable") == before
        seen.at("http-forgotten", site, "heard", "nothing: there is no fault", accepted)


@pytest.mark.parametrize("code", [b"429", b"503"])
@pytest.mark.parametrize("patience", [b"9" * 4400, b"-1", b"Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_absurd_patience_is_capped(
    code: bytes, patience: bytes, site: Site, seen: Sightings
) -> None:
    """It waits an hour at most, which the stored state shows, and the link is watched meanwhile."""
    async with paged(site, {}) as told:
        told.script = once(
            b"HTTP/1.1 %s Wait\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % (code, patience)
        )
        error = await asked_again(site, told)
        assert error is not None
        await pass_ticks(site, 2)
        state = json.loads((site.state / "state.json").read_text())
        wait = state["state"]["status"]["told_to_wait"]
        hour = 0.0 if wait is None else wait - state["saved"]["monotonic"]
        assert round(hour) <= 3600
        accepted = {str(site.cloud.status.current)}
        name = patience.decode() if len(patience) < 40 else f"{len(patience)} digits"
        seen.at("http-patience", site, f"{name}: waits {hour:.0f} s", error, accepted)


PROGRAMS = {
    "jq-spins": "last(repeat(1))",
    "jq-allocates": '"x" * 1000000000',
    "jq-environment": "$ENV.HOME",
    "jq-files": 'import "/etc/passwd" as $p; $p',
    "jq-none": "empty",
    "jq-million": "range(1000000)",
}


@pytest.mark.parametrize("row", PROGRAMS)
async def test_a_jq_program_that_does_harm_does_none(row: str, site: Site, seen: Sightings) -> None:
    """It ends in its child, is named by its key, and the loop goes on meanwhile."""
    async with paged(site, {}) as told:
        assert told.server is not None
        url = f"https://127.0.0.1:{told.server.address.port}/status"
        settings = {"cloud": {"timeout": "5s"}, "status": {"url": url, "current": PROGRAMS[row]}}
        site.write_settings(settings)
        assert site.daemon.pid is not None
        os.kill(site.daemon.pid, signal.SIGHUP)
        await site.until_event("reloaded")
        await site.until(lambda: site.daemon.status()["status_endpoint"]["error"], "it is told")
        error = str(site.daemon.status()["status_endpoint"]["error"])
        accepted = {str(site.cloud.status.current)}
        seen.at(row, site, "nothing changes; the daemon ticks on", error, accepted)
