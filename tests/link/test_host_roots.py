"""Whose the roots of a host are, by the layouts that tell, and what of them counts as public."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.core.diagnosis import diagnose
from edgepind.core.messages import link_sentence
from edgepind.lab.pki import Authority
from edgepind.model.enums import Finding
from edgepind.model.observation import AddressSeen, Leaf, Link, Observations, Served
from edgepind.observe.chain import Judge
from edgepind.observe.host_roots import read_host_roots
from edgepind.observe.trust_roots import Trust, bundled_on, load_roots, with_host
from tests.core.situations import RULES, tick

HOST = "acme.cloud.test"
NEWER, OLDER = bundled_on() + timedelta(days=30), bundled_on() - timedelta(days=30)
MOZILLA = "usr/share/ca-certificates/mozilla/New_Root.crt"
RED_HAT = "usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit"
LOCAL = "usr/local/share/ca-certificates/inspector.crt"
BROKEN = b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class Host:
    """A host's file system, with a root that its trust store holds."""

    top: Path
    root: Authority

    def put(self, path: str, built: datetime = NEWER, content: bytes | None = None) -> None:
        """Let the root lie there, in a file of this date."""
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.root.pem if content is None else content)
        os.utime(file, (built.timestamp(), built.timestamp()))

    def choose(self, *lines: str) -> None:
        """Write what update-ca-certificates(8) is to take."""
        self.put("etc/ca-certificates.conf", content="\n".join(("# chosen", *lines)).encode())

    def leaf(self, public: str = "bundled") -> Leaf:
        """A leaf of a CA under that root, as a daemon on that host judges it."""
        trust = Trust(load_roots(public), load_roots("system"))
        served = self.root.intermediate("New CA").leaf([HOST])
        judge = Judge(HOST, with_host(trust, read_host_roots(self.top)))
        return judge.leaf((served.certificate, *served.chain), datetime.now(UTC))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host whose store holds a root that edgepind's bundled ones lack."""
    root = Authority.root("New Root")
    store = root.write(tmp_path / "store.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    top = tmp_path / "top"
    top.mkdir()
    return Host(top, root)


@pytest.mark.parametrize("layout", ["Debian", "Red Hat"])
def test_a_newer_root_of_the_distribution_is_public(host: Host, layout: str) -> None:
    """Which the bundle is too old for; and it is told where it comes from."""
    if layout == "Debian":
        host.put(MOZILLA)
        host.choose("mozilla/Old_Root.crt", "mozilla/New_Root.crt")
    else:
        attributes = b"[p11-kit-object-v1]\ntrusted: true\nx-distrusted: false\n"
        host.put(RED_HAT, content=attributes + host.root.pem)
    leaf = host.leaf()
    assert leaf.public.window is not None
    assert str(host.top) in leaf.public.origin
    assert f"{NEWER:%Y-%m-%d}" in leaf.public.origin
    assert f"{bundled_on():%Y-%m-%d}" in leaf.public.roots


def test_a_root_that_the_bundle_may_have_dropped_is_not(host: Host) -> None:
    """An older set of the distribution's has what was taken out since."""
    host.put(MOZILLA, OLDER)
    host.choose("mozilla/New_Root.crt")
    leaf = host.leaf()
    assert leaf.public.window is None
    assert MOZILLA in leaf.system.origin


@pytest.mark.parametrize("choice", ["!mozilla/New_Root.crt", "#mozilla/New_Root.crt", ""])
def test_a_root_that_the_host_has_deselected_is_not(host: Host, choice: str) -> None:
    """Whatever still has it in the store."""
    host.put(MOZILLA)
    host.choose(choice)
    assert host.leaf().public.window is None


@pytest.mark.parametrize(
    "path",
    [
        LOCAL,
        "usr/local/share/ca-certificates/site/inspector.crt",
        "usr/share/ca-certificates/site/inspector.crt",
        "etc/pki/ca-trust/source/anchors/inspector.pem",
        "usr/share/pki/ca-trust-source/anchors/inspector.pem",
    ],
)
@pytest.mark.parametrize("form", ["PEM", "TRUSTED", "DER"])
def test_a_root_that_was_added_is_never_public(host: Host, path: str, form: str) -> None:
    """Though a distribution's file holds it as well."""
    host.put(MOZILLA)
    host.put(RED_HAT)
    host.choose("mozilla/New_Root.crt", "site/inspector.crt")
    trusted = host.root.pem.replace(b" CERTIFICATE", b" TRUSTED CERTIFICATE")
    host.put(path, content={"PEM": host.root.pem, "TRUSTED": trusted, "DER": host.root.der}[form])
    leaf = host.leaf()
    assert leaf.public.window is None
    assert leaf.system.window is not None
    assert path in leaf.system.origin


def test_a_host_that_does_not_tell_makes_nothing_public(host: Host) -> None:
    """Of another layout, or with the root in a store that somebody wrote."""
    leaf = host.leaf()
    assert leaf.public.window is None
    assert leaf.system.window is not None


def test_what_the_store_does_not_hold_is_not_taken_from_a_file(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A distribution ships roots that it does not trust for servers, too."""
    host.put(RED_HAT)
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority.root("Other").write(host.top / "other.pem")))
    assert host.leaf().public.window is None


def test_public_roots_of_the_sites_own_are_not_extended(host: Host) -> None:
    """Whoever names a file means that file."""
    host.put(RED_HAT)
    own = Authority.root("Own").write(host.top / "own.pem")
    assert host.leaf(str(own)).public.window is None


def test_interception_names_the_store_that_knows_the_root(host: Host) -> None:
    """And its file, the age of the bundled roots, and what to do."""
    host.put(LOCAL)
    link = Link((AddressSeen("127.0.0.1:443", Served(host.leaf(), "TLSv1.3", "x")),))
    seen = tick(Observations(RULES, link=link))
    assert diagnose(link, (), seen, None).finding is Finding.INTERCEPTION
    said = link_sentence(Finding.INTERCEPTION, seen)
    for words in (LOCAL, f"{bundled_on():%Y-%m-%d}", "cloud.public_roots", "trust store"):
        assert words in said


@pytest.mark.parametrize("content", [b"", b"no certificate", BROKEN, b"\xff" * 40])
def test_files_that_are_no_certificates_do_no_harm(host: Host, content: bytes) -> None:
    """Whatever lies where roots do."""
    for path in (LOCAL, MOZILLA, RED_HAT):
        host.put(path, content=content)
    host.choose("mozilla/New_Root.crt")
    assert host.leaf().public.window is None
