"""A whole site behind a real proxy: it follows rotations, tells the proxy's word, keeps secrets."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.cloud import TOKEN_PATH
from edgepind.lab.daemon_process import Answer
from edgepind.lab.oauth import TokenDesk
from edgepind.lab.pki import Authority
from tests.support.endpoint import endpoint
from tests.support.real_proxies import PASSWORD, USER, RealProxy, squid, tinyproxy
from tests.support.small_site import HOST, Site

TABLES: dict[str, Any] = {"addresses": [], "timeout": "20s"}


@asynccontextmanager
async def _behind_squid(site: Site) -> AsyncIterator[RealProxy]:
    """The site behind squid, which resolves the cloud's name and wants a password."""
    async with squid({HOST: "127.0.0.1"}, password=True) as proxy:
        credentials = _credentials(site)
        cloud = {"proxy": proxy.url, "proxy_credentials_file": str(credentials), **TABLES}
        site.tables["cloud"].update(cloud)
        site.write_settings({})
        try:
            yield proxy
        finally:
            await site.daemon.stop()


def _credentials(site: Site, password: str = PASSWORD) -> Path:
    path = site.folder / "proxy-credentials"
    path.touch(mode=0o600)
    path.write_text(f"{USER}:{password}\n")
    return path


def _finding(site: Site, finding: str) -> bool:
    return site.daemon.status().get("finding") == finding


def _believed(site: Site) -> bool:
    endpoint = site.daemon.status().get("status_endpoint", {})
    return _finding(site, "pinned") and endpoint.get("channel") == "pinned"


def _error(site: Site) -> str:
    (address,) = site.daemon.status().get("addresses") or [{"error": ""}]
    return str(address["error"])


async def test_a_site_behind_squid_follows_an_announced_rotation(site: Site) -> None:
    """Bootstrap, announcement and rotation, all through the tunnel, under one address."""
    async with _behind_squid(site) as proxy:
        await site.daemon.start()
        await site.until_steady()
        following = site.issue()
        site.cloud.announce(following, datetime.now(UTC) + timedelta(hours=1))
        await site.until_event("pin_prepared")
        site.cloud.rotate(following)
        await site.until(
            lambda: site.pinning()["fingerprint"] == str(following.fingerprint), "the new pin"
        )
        await site.until(lambda: _believed(site), "pinned, and asked over a pinned channel")
        addresses = [it["address"] for it in site.daemon.status()["addresses"]]
        assert addresses == [f"via {proxy.proxy}"]
        refused = {it.split()[3] for it in proxy.asked().splitlines() if "TCP_DENIED" in it}
        assert not refused - {"TCP_DENIED/407"}


async def test_the_proxys_word_is_told_and_ends_with_its_cause(site: Site) -> None:
    """A wrong password makes the link unreachable, and says so; the right one is taken up."""
    async with _behind_squid(site):
        await site.daemon.start()
        await site.until_steady()
        _credentials(site, "wrong-word")
        await site.until(lambda: _finding(site, "unreachable"), "the wrong password")
        assert "the proxy does not accept the user and the password (HTTP 407" in _error(site)
        assert "the proxy lets nothing through" in site.daemon.status()["reason"]
        assert site.daemon.status()["posture"] == "enforcing"
        _credentials(site)
        await site.until(lambda: _finding(site, "pinned"), "the right password")


async def test_a_proxy_that_begins_to_inspect_is_interception(site: Site) -> None:
    """What stands inside the tunnel shows a leaf of its own CA: told as ever, and not accepted."""
    inspector = Authority.root("Site Inspection CA", key="rsa")
    roots = site.folder / "system-roots.pem"
    site.trust.system_roots.write_bytes(roots.read_bytes() + inspector.pem)
    checked_by = Path(site.trust.public_roots)
    async with _behind_squid(site):
        await site.daemon.start()
        await site.until_steady()
        pinned = site.pinning()["fingerprints"]
        async with squid({HOST: "127.0.0.1"}, inspecting=(inspector, checked_by)) as inspecting:
            site.write_settings({"cloud": {"proxy": inspecting.url}})
            assert (await site.daemon.command("reload")).code == 0
            await site.until(lambda: _finding(site, "interception"), "interception")
            assert site.pinning()["fingerprints"] == pinned


async def test_the_daemon_ends_at_once_while_a_proxy_says_nothing(site: Site) -> None:
    """What waits for the proxy is given up, whether a look or a request."""
    asked = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()

    async with endpoint(say_nothing) as address:
        cloud = {**TABLES, "proxy": f"http://{address}", "timeout": "5min"}
        site.write_settings({"cloud": cloud})
        await site.daemon.start()
        async with asyncio.timeout(60):
            await asked.wait()
        assert await site.daemon.stop() == 0


async def test_probe_and_check_go_through_the_proxy_of_the_settings(site: Site) -> None:
    """`probe` needs no option for it, and `check` says how the cloud is reached."""
    async with tinyproxy() as proxy:
        site.write_settings({"cloud": {"proxy": proxy.url, "timeout": "20s"}})
        probed = await site.daemon.command("probe", "--json")
        assert probed.code == 0, probed.output
        addresses = {it["address"]: it for it in json.loads(probed.output)["addresses"]}
        assert addresses.keys() == set(site.cloud.addresses)
        assert all(it["fingerprint"] for it in addresses.values())
        named = await site.daemon.command("probe", f"localhost:{site.cloud.port}", "--json")
        (seen,) = json.loads(named.output)["addresses"]
        assert seen["address"] == f"via {proxy.proxy}"
        assert seen["fingerprint"]
        checked = await site.daemon.command("check")
        assert f"edgepind reaches the cloud through the proxy {proxy.proxy}." in checked.output
        assert f"127.0.0.1:{site.cloud.port}" in proxy.asked()


async def test_check_names_credentials_that_cannot_be_used(site: Site) -> None:
    """Missing, malformed, or open to every user; never what is in the file."""
    path = site.folder / "proxy-credentials"
    settings = {"proxy": "http://127.0.0.1:9", "proxy_credentials_file": str(path)}
    site.write_settings({"cloud": settings})

    async def faults() -> dict[str, Any]:
        answer = await site.daemon.command("check", "--json")
        assert "s3cret" not in answer.output
        return {it["id"]: it for it in json.loads(answer.output)["faults"]}

    assert (await faults())["proxy-credentials"]["severity"] == "error"
    path.write_text("no-colon-s3cret\n")
    path.chmod(0o600)
    assert str(path) in (await faults())["proxy-credentials"]["what"]
    _credentials(site).chmod(0o644)
    assert (await faults())["proxy-credentials-open"]["severity"] == "warning"
    path.chmod(0o640)
    found = await faults()
    assert "proxy-credentials" not in found
    assert "proxy-credentials-open" not in found


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_named_and_not_used(
    site: Site, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon dials directly; `check` says which setting would change that, and no password."""
    value = "http://edge:s3cret@127.0.0.1:9"
    await site.daemon.start(extra={name: value})
    await site.until_steady()
    answer = await site.daemon.command("check")
    assert f"{name} (http://127.0.0.1:9) is set for the daemon" in answer.output
    assert 'Set cloud.proxy = "http://127.0.0.1:9"' in answer.output
    assert "edgepind dials the cloud directly." in answer.output
    assert "s3cret" not in answer.output
    monkeypatch.setenv(name, value)
    answer = await site.daemon.command("check", "--json")
    faults = json.loads(answer.output)["faults"]
    (fault,) = [it for it in faults if it["what"].startswith(f"{name} (http://127.0.0.1:9)")]
    assert fault["id"] == "proxy-variable-unused"
    assert fault["severity"] == "info"
    assert "this command and the daemon" in fault["what"]


# --- secrets ----------------------------------------------------------------------------------

_TOKEN_SECRET = "s3cret-of-the-client"  # noqa: S105  opens nothing


async def _asked(site: Site, *commands: str) -> list[Answer]:
    return [await site.daemon.command(it) for it in commands]


@contextmanager
def _watched_processes() -> Iterator[set[str]]:
    """What `ps` could show, of every process there is, for as long as the block lasts."""
    seen: set[str] = set()

    async def watch() -> None:
        while True:
            seen.update(_shown_of_processes())
            await asyncio.sleep(0.2)

    task = asyncio.ensure_future(watch())
    try:
        yield seen
    finally:
        task.cancel()


def _shown_of_processes() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            yield _octets(folder / name).decode("utf-8", "replace")


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


async def test_no_password_and_no_token_is_anywhere(site: Site) -> None:
    """Neither in a log, a file, an answer, nor in what can be seen of any process.

    The daemon goes through a rotation, refusals of the proxy and of the token, and a reload.
    """
    secret_file = site.folder / "secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(_TOKEN_SECRET)
    desk = site.cloud.desk = TokenDesk({"edge-1": _TOKEN_SECRET})
    token_url = f"https://{HOST}:{site.cloud.port}{TOKEN_PATH}"
    oauth = {"token_url": token_url, "client_id": "edge-1", "client_secret_file": str(secret_file)}
    site.tables["status.oauth"] = oauth
    site.tables["log"]["level"] = "debug"
    with _watched_processes() as processes:
        async with _behind_squid(site):
            credentials = site.folder / "proxy-credentials"
            await site.daemon.start()
            await site.until_steady()
            following = site.issue()
            site.cloud.announce(following, datetime.now(UTC) + timedelta(hours=1))
            await site.until_event("pin_prepared")
            site.cloud.rotate(following)
            await site.until(
                lambda: site.pinning()["fingerprint"] == str(following.fingerprint), "the new pin"
            )
            _credentials(site, f"{PASSWORD}-wrong")
            await site.until(lambda: _finding(site, "unreachable"), "the wrong password")
            answers = await _asked(site, "check", "probe", "status", "explain")
            _credentials(site)
            await site.until(lambda: _finding(site, "pinned"), "the right password")
            answers += await _asked(site, "check", "probe", "history", "reload")
    await site.daemon.stop()
    told = {it.name: _octets(it) for it in site.folder.rglob("*") if it.is_file()}
    for own in (secret_file, credentials):
        assert told.pop(own.name)
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert desk.tokens
    assert any("edgepind" in it for it in processes)
    for secret in (PASSWORD, _TOKEN_SECRET, pair, *desk.tokens):
        found = [name for name, octets in told.items() if secret.encode() in octets]
        assert found == []
        assert not [it for it in answers if secret in it.output + it.errors]
        assert not [it for it in processes if secret in it]
