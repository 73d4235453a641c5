"""Sets of roots: loaded or refused by a typed value, and found by the names in a chain."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from edgepind.lab.pki import FAR_AHEAD, LONG_AGO, Authority
from edgepind.observe.trust_roots import (
    RootsUnusable,
    TrustRoots,
    load_exceptions,
    load_roots,
    load_trust,
)


def _loaded(source: str) -> TrustRoots:
    roots = load_roots(source)
    assert isinstance(roots, TrustRoots), roots
    return roots


def _refused(source: str | Path) -> str:
    roots = load_roots(str(source))
    assert isinstance(roots, RootsUnusable), roots
    return roots.error


def test_the_bundled_set_holds_the_mozilla_roots() -> None:
    """More than a hundred, each found by a chain that names it."""
    roots = _loaded("bundled")
    assert len(roots) > 100


def test_the_systems_set_is_what_openssl_trusts_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL's file and its hashed directory are read; other names in the directory are not."""
    one, other, stray = (Authority.root(name) for name in ("One", "Other", "Stray"))
    one.write(tmp_path / "file.pem")
    folder = tmp_path / "certs"
    folder.mkdir()
    other.write(folder / "0123abcd.0")
    stray.write(folder / "stray.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "file.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    roots = _loaded("system")
    assert [len(roots.anchors_for([it.der])) for it in (one, other, stray)] == [1, 1, 0]


def test_a_host_without_a_store_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty store is a fault with a remedy, not an empty trust."""
    (tmp_path / "empty.pem").write_bytes(b"")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert "ca-certificates" in _refused("system")


def test_a_pem_file_may_hold_several_roots_and_comments(tmp_path: Path) -> None:
    """As bundles do; one that stands twice counts once."""
    one, other = Authority.root("One"), Authority.root("Other")
    file = tmp_path / "roots.pem"
    file.write_bytes(b"# One\n" + one.pem + b"\r\nOther:\n" + other.pem + one.pem)
    assert len(_loaded(str(file))) == 2


def test_a_file_that_is_no_trust_store_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Missing, a folder, DER, text, a key: each is named with its path and a remedy."""
    assert "does not exist" in _refused(tmp_path / "none.pem")
    assert "folder" in _refused(tmp_path)
    der, broken, cut = tmp_path / "root.der", tmp_path / "broken.pem", tmp_path / "cut.pem"
    der.write_bytes(Authority.root("One").der)
    assert "openssl x509 -inform DER" in _refused(der)
    pem = Authority.root("One").pem
    broken.write_bytes(pem + pem.replace(b"M", b"*"))
    assert "certificate 2" in _refused(broken)
    lines = pem.splitlines(keepends=True)
    cut.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert "certificate 1" in _refused(cut)


def test_exceptions_are_taken_together_or_not_at_all(tmp_path: Path) -> None:
    """None configured is None; one bad file refuses the set."""
    assert load_exceptions(()) is None
    good = Authority.root("Inspector").write(tmp_path / "inspector.pem")
    loaded = load_exceptions((good,))
    assert isinstance(loaded, TrustRoots)
    assert loaded.partial
    refused = load_exceptions((good, tmp_path / "none.pem"))
    assert isinstance(refused, RootsUnusable)


def test_faults_are_gathered_for_the_start(tmp_path: Path) -> None:
    """All three sets are looked at, and what cannot be had is listed."""
    assert load_trust("bundled", "bundled").faults == ()
    missing = str(tmp_path / "none.pem")
    assert len(load_trust(missing, missing, (Path(missing),)).faults) == 3


def test_only_roots_that_a_chain_can_lead_to_are_handed_out() -> None:
    """The named issuer, whoever certified it in turn, and every namesake."""
    root, namesake, stranger = (Authority.root(name) for name in ("Root", "Root", "Stranger"))
    issuer = root.intermediate("Issuing CA")
    roots = TrustRoots.of("here", [root.der, namesake.der, stranger.der, issuer.der])
    leaf = issuer.leaf(["edge.test"])
    assert set(roots.anchors_for([leaf.certificate])) == {issuer.der, root.der, namesake.der}
    assert roots.anchors_for([stranger.leaf(["edge.test"]).certificate]) == (stranger.der,)
    assert roots.anchors_for([b"junk"]) == ()


@pytest.mark.parametrize("form", [_ASN1Type.PrintableString, _ASN1Type.BMPString])
def test_names_are_compared_as_openssl_compares_them(form: _ASN1Type) -> None:
    """Another string type, letter case or spacing is still the same name (RFC 5280, 7.1)."""
    root = Authority.root("Test  ROOT ca")
    attribute = x509.NameAttribute(NameOID.COMMON_NAME, "test root CA", form)
    child = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([attribute]))
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(1)
        .not_valid_before(LONG_AGO)
        .not_valid_after(FAR_AHEAD)
        .sign(root.private_key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    assert TrustRoots.of("here", [root.der]).anchors_for([child]) == (root.der,)


def test_the_default_paths_are_openssls() -> None:
    """The attributes that are relied upon exist in this Python."""
    assert ssl.get_default_verify_paths().openssl_cafile
