"""`edgepind bundle`: made on a workstation, shown, applied with a running daemon and without."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.daemon_process import Answer
from tests.support.small_site import HOST, Site


@pytest.fixture
async def key(tmp_path: Path, edgepind: Any) -> Path:
    """The key of a workstation; its public half beside it."""
    path = tmp_path / "site.key"
    answer = await edgepind("bundle", "keygen", "--out", path)
    assert (answer.code, answer.errors) == (0, "")
    return path


def public(key: Path) -> Path:
    """The public half."""
    return key.with_name(f"{key.name}.pub")


def both(key: Path) -> list[tuple[int, bytes]]:
    """Mode and content of either half."""
    return [(it.stat().st_mode & 0o777, it.read_bytes()) for it in (key, public(key))]


def trusting(site: Site, *keys: Path) -> None:
    """Settings under which these keys may sign."""
    site.write_settings({"bundle": {"keys": [str(public(it)) for it in keys]}})


async def make(site: Site, edgepind: Any, key: Path, *words: object, serial: int) -> Path:
    """A bundle of what the operator names by hand."""
    out = site.folder / f"{serial}.bundle"
    named = ("--current", site.cloud.status.current, "--serial", serial)
    answer: Answer = await edgepind(
        "bundle", "make", HOST, "--key", key, "--out", out, "--yes", *named, *words
    )
    assert answer.code == 0, answer.errors
    return out


async def test_a_key_is_its_owners_and_never_written_over(key: Path, edgepind: Any) -> None:
    """0600, and the public half for everybody."""
    before = both(key)
    assert [mode for mode, _ in before] == [0o600, 0o644]
    assert (await edgepind("bundle", "keygen", "--out", key)).code == 1
    assert both(key) == before


async def test_make_signs_what_it_saw_where_that_is_public(
    steady: Site, key: Path, edgepind: Any
) -> None:
    """Under the site's own roots; by the bundled ones it might be anybody's, and is refused."""
    out, host = steady.folder / "seen.bundle", f"{HOST}:{steady.cloud.port}"
    next_leaf = steady.folder / "next.pem"
    successor = steady.issue()
    next_leaf.write_bytes(successor.chain_pem)
    words = ("bundle", "make", host, "--key", key, "--out", out, "--next", next_leaf)
    answer = await edgepind(*words, "--yes", "--config", steady.settings)
    assert (answer.code, answer.errors) == (0, "")
    shown = await edgepind("bundle", "show", out, "--key", public(key), "--json")
    said = json.loads(shown.output)
    current = str(steady.cloud.status.current)
    assert (said["host"], said["signature"]) == (HOST, "good")
    assert [(it["fingerprint"], it["role"]) for it in said["pins"]] == [
        (current, "current"),
        (str(successor.fingerprint), "backup"),
    ]
    assert (await edgepind("bundle", "show", out)).code == 0
    unconfirmed = await edgepind(*words, "--config", steady.settings)
    assert (unconfirmed.code, "nothing was signed" in unconfirmed.errors) == (1, True)


async def test_make_refuses_what_it_could_not_see(steady: Site, key: Path, edgepind: Any) -> None:
    """Unless the operator names the pin; a leaf of no public root is seen in vain."""
    out = steady.folder / "unseen.bundle"
    steady.write_settings({"cloud": {"addresses": ["127.0.0.9:1"]}})
    words = ("bundle", "make", HOST, "--key", key, "--out", out, "--yes")
    assert (await edgepind(*words, "--config", steady.settings)).code == 3
    assert not out.exists()
    current = steady.cloud.status.current
    assert (await edgepind(*words, "--config", steady.settings, "--current", current)).code == 0
    out.unlink()
    steady.write_settings({"cloud": {"public_roots": "bundled"}})
    intercepted = await edgepind(*words, "--config", steady.settings)
    assert (intercepted.code, "intercepted" in intercepted.errors) == (1, True)
    assert not out.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--current", "aa" * 20),
        ("--next", "no-such-file.pem"),
        ("--for", "soon"),
        ("--serial", "0"),
        ("--revoke", "null"),
    ],
)
async def test_make_refuses_what_no_edge_would_take(
    tmp_path: Path, key: Path, edgepind: Any, words: tuple[str, str]
) -> None:
    """Before it looks anywhere."""
    out = tmp_path / "out"
    good = () if words[0] == "--current" else ("--current", "aa" * 32)
    answer = await edgepind(
        "bundle", "make", "nowhere.test", "--key", key, "--out", out, "--yes", *good, *words
    )
    assert (answer.code, out.exists()) == (2, False)


async def test_a_bundle_is_applied_and_a_replay_is_no_fault(
    steady: Site, key: Path, edgepind: Any, ask: Any
) -> None:
    """With the daemon and, at the end, without it; an older one stays refused."""
    trusting(steady, key)
    assert (await ask("reload")).code == 0
    second, third = steady.issue(), steady.issue()
    first = await make(steady, edgepind, key, "--next", second.fingerprint, serial=7)
    for _ in range(2):
        answer = await ask("bundle", "apply", first)
        assert (answer.code, answer.errors) == (0, "")
    names = {it["fingerprint"]: it["origin"] for it in steady.daemon.status()["pins"]}
    assert names[str(second.fingerprint)] == "bundle"
    shown = steady.daemon.status()["bundle"]
    assert (shown["serial"], shown["source"], shown["rejected"]) == (7, "folder", None)
    old = await make(steady, edgepind, key, "--next", third.fingerprint, serial=6)
    answer = await ask("bundle", "apply", old)
    assert answer.code == 1
    assert "not above 7" in answer.errors
    await steady.daemon.stop()
    later = await make(steady, edgepind, key, "--next", third.fingerprint, serial=8)
    answer = await ask("bundle", "apply", later)
    assert (answer.code, answer.errors) == (0, "")
    assert str(third.fingerprint) in steady.pinning()["fingerprints"]


async def test_a_stolen_key_is_revoked_by_the_next(
    steady: Site, key: Path, edgepind: Any, ask: Any, tmp_path: Path
) -> None:
    """What the thief has added goes with the bundle of the next key, and his own does no more."""
    following = tmp_path / "next.key"
    assert (await edgepind("bundle", "keygen", "--out", following)).code == 0
    trusting(steady, key, following)
    assert (await ask("reload")).code == 0
    planted = steady.issue().fingerprint
    theirs = await make(steady, edgepind, key, "--next", planted, serial=9)
    assert (await ask("bundle", "apply", theirs)).code == 0
    assert str(planted) in steady.pinning()["fingerprints"]
    trusting(steady, following)
    assert (await ask("reload")).code == 0
    ours = await make(steady, edgepind, following, "--revoke", planted, serial=10)
    assert (await ask("bundle", "apply", ours)).code == 0
    assert str(planted) not in steady.pinning()["fingerprints"]
    again = await make(steady, edgepind, key, "--next", planted, serial=11)
    answer = await ask("bundle", "apply", again)
    assert (answer.code, "no key of bundle.keys" in answer.errors) == (1, True)


async def test_a_key_that_others_may_write_signs_nothing(
    steady: Site, key: Path, edgepind: Any, ask: Any
) -> None:
    """The reason is told, and `check` tells it as well."""
    trusting(steady, key)
    bundle = await make(steady, edgepind, key, serial=7)
    public(key).chmod(0o666)
    answer = await ask("bundle", "apply", bundle)
    assert answer.code == 1
    assert "chmod go-w" in answer.errors
    faults = json.loads((await ask("check", "--json")).output)["faults"]
    assert "bundle-key" in {it["id"] for it in faults}
